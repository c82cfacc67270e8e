"""The helpers for tests, where other tests do not show them already."""

import asyncio

import pytest

from model_providers.calls import NOTHING_USED, CallClosed, CallOpened
from model_providers.testing import (
    RecordingObserver,
    VendorConnection,
    chat_chunk,
    scripted_vendor,
    usage_chunk,
)
from wire.ids import new_call_id


async def test_an_observer_knows_which_calls_are_still_open() -> None:
    observer = RecordingObserver()
    first, second = (
        CallOpened(
            call_id=new_call_id(),
            attempt=attempt,
            provider="vendor",
            model="sim",
            upstream_model="sim",
            agent_id=None,
            phase=None,
            reserved_output_tokens=None,
            opened_at_s=0,
        )
        for attempt in (1, 2)
    )
    for call in (first, second):
        await observer.opened(call)

    await observer.closed(
        CallClosed(
            opened=first,
            status="completed",
            usage=NOTHING_USED,
            basis="estimated",
            first_token_at_s=None,
            closed_at_s=1,
            error=None,
        )
    )

    assert observer.open_calls == [second]


async def test_a_vendor_keeps_requests_and_ends_its_scripts_with_itself() -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def never(connection: VendorConnection) -> None:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            connection.close()
            ended.set()

    async with asyncio.timeout(5), scripted_vendor(never) as vendor:
        port = int(vendor.base_url.rpartition(":")[2].partition("/")[0])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v1 HTTP/1.1\r\nContent-Length: 2\r\nX-Request-Id: a\r\n\r\n{}")
        await writer.drain()
        await asked.wait()
    writer.close()

    [request] = vendor.requests
    assert (request.body, request.header("x-request-id"), request.header("x")) == (b"{}", "a", None)
    assert ended.is_set()


@pytest.mark.parametrize("frame", [chat_chunk("a"), usage_chunk(1, 2)])
def test_frames_are_events(frame: bytes) -> None:
    assert frame.startswith(b"data: {")
    assert frame.endswith(b"}\n\n")
