"""The loop between bytes and events: what ends it, and how long it waits."""

import asyncio
from contextlib import aclosing

import pytest

from model_providers import event_stream
from model_providers.registry import ModelClient
from model_providers.testing import (
    DONE,
    LAST_CHUNK,
    SSE_HEAD,
    WAIT_S,
    VendorConnection,
    chat_chunk,
    model_call,
    scripted_vendor,
    usage_chunk,
)
from wire.conversation import AnswerEvent, ChoiceFinished, TextDelta, Usage, UsageReported
from wire.errors import UpstreamProtocolError
from wire.sse import MAX_EVENT_BYTES

WHOLE = chat_chunk("Hi") + chat_chunk(finish_reason="stop")


async def answered(client: ModelClient, *pieces: bytes, end: str = "hang") -> list[AnswerEvent]:
    """The events of an answer whose connection then hangs, closes or is reset."""
    heard = asyncio.Event()

    async def script(connection: VendorConnection) -> None:
        await connection.send(SSE_HEAD)
        for piece in pieces:
            await connection.send_chunk(piece)
        if end == "reset":
            await heard.wait()
            connection.reset()
        elif end == "close":
            connection.close()
        elif end == "terminate":
            await connection.send(LAST_CHUNK)
        else:
            await connection.hung_up()

    events: list[AnswerEvent] = []
    async with asyncio.timeout(WAIT_S), scripted_vendor(script) as vendor:
        call = model_call(vendor.model(max_attempts=1))
        async with aclosing(client.stream(call)) as stream:
            async for event in stream:
                events.append(event)
                heard.set()
    return events


@pytest.mark.parametrize("end", ["hang", "close", "terminate"])
async def test_after_done_nothing_is_waited_for(client: ModelClient, end: str) -> None:
    events = await answered(client, WHOLE + usage_chunk(1, 2) + DONE, end=end)

    assert events == [TextDelta("Hi"), ChoiceFinished("stop"), UsageReported(Usage(1, 2))]


@pytest.mark.requirement("providers:decode:tolerance")
@pytest.mark.parametrize("end", ["reset", "close", "terminate", "hang"])
async def test_a_complete_answer_stays_one_however_its_connection_ends(
    client: ModelClient, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(event_stream, "TAIL_TIMEOUT_S", 0.05)

    events = await answered(client, WHOLE, end=end)

    assert events == [TextDelta("Hi"), ChoiceFinished("stop")]


@pytest.mark.requirement("providers:errors:typed")
async def test_an_event_beyond_the_bound_is_a_protocol_error(client: ModelClient) -> None:
    piece = b"x" * (1024 * 1024)
    pieces = [b"data: ", *([piece] * (MAX_EVENT_BYTES // len(piece) + 1))]

    with pytest.raises(UpstreamProtocolError, match="bytes"):
        await answered(client, *pieces, end="terminate")


async def test_an_event_without_its_blank_line_is_not_an_event(client: ModelClient) -> None:
    with pytest.raises(UpstreamProtocolError, match="ended early"):
        await answered(
            client,
            chat_chunk("Hi"),
            chat_chunk(finish_reason="stop").rstrip(),
            end="terminate",
        )
