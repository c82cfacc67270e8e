"""The splice lane: booked before the last byte, counted whatever happens."""

from __future__ import annotations

import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from api_gateway.dialects.chat.head import decode_head
from api_gateway.lanes.splice import SplicedAnswer, open_spliced
from model_providers.registry import ModelClient
from model_providers.testing import (
    DONE,
    LAST_CHUNK,
    SSE_HEAD,
    MonotonicClock,
    RecordingObserver,
    VendorConnection,
    chat_chunk,
    scripted_vendor,
    usage_chunk,
)
from service_kit.internal_client import new_session
from wire.conversation import Usage
from wire.deadline import Deadline
from wire.errors import UpstreamProtocolError, UpstreamUnavailableError
from wire.specs import Capabilities, ModelSpec, ProviderSpec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    Script = Callable[[VendorConnection], Awaitable[None]]


def piece(data: bytes) -> bytes:
    """One chunk of HTTP's chunked coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def whole(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


def answering(data: bytes) -> Script:
    async def script(connection: VendorConnection) -> None:
        await connection.send(data)

    return script


@asynccontextmanager
async def spliced(
    script: Script, *, stream: bool, **capabilities: bool
) -> AsyncGenerator[tuple[SplicedAnswer, RecordingObserver, dict[str, object]]]:
    """An answer of the scripted vendor, who watched the call, and what the vendor was sent."""
    members = {"model": "ours", "stream": stream, "messages": [{"role": "user", "content": "x"}]}
    head = decode_head(json.dumps({**members, "reasoning_effort": "low"}).encode())
    observer = RecordingObserver()
    async with scripted_vendor(script) as vendor, new_session(trust_env=False) as session:
        client = ModelClient(
            session, clock=MonotonicClock(), secrets=lambda _: None, observer=observer
        )
        model = ModelSpec(
            name="ours",
            provider=ProviderSpec(
                name="vendor", kind="openai-compatible", base_url=vendor.base_url, max_attempts=1
            ),
            upstream_model="theirs",
            capabilities=Capabilities(**capabilities),
        )
        deadline = Deadline.after(5, now_s=time.monotonic())
        answer = await open_spliced(client, head, model, deadline, None)
        yield answer, observer, json.loads(vendor.requests[0].body)


@pytest.mark.requirement("splice:metered")
async def test_a_stream_is_booked_before_its_last_bytes_are_written() -> None:
    data = b"".join(
        piece(each)
        for each in (chat_chunk("Hel"), chat_chunk(finish_reason="stop"), usage_chunk(7, 3), DONE)
    )
    written: list[bytes] = []

    async def write(out: bytes) -> None:
        assert observer.closed_calls == []
        written.append(out)

    async with spliced(answering(SSE_HEAD + data + LAST_CHUNK), stream=True) as (
        answer, observer, _,
    ):  # fmt: skip
        last = await answer.forward(write)

        (closed,) = observer.closed_calls
        assert (closed.status, closed.basis, closed.usage) == ("completed", "reported", Usage(7, 3))
    assert answer.usage == Usage(7, 3)
    assert last.endswith(DONE)
    assert b"prompt_tokens" not in b"".join(written) + last


async def test_a_whole_answer_is_booked_before_it_is_handed_on() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    body = json.dumps({"model": "theirs", "choices": [], "usage": usage}).encode()

    async with spliced(answering(whole(body)), stream=False) as (answer, observer, _):
        answered = json.loads(await answer.read())

        (closed,) = observer.closed_calls
        assert (closed.status, closed.usage) == ("completed", Usage(7, 3))
    assert answered["model"] == "ours"


async def test_a_failure_in_the_middle_is_typed_and_what_was_counted_is_kept() -> None:
    error = b'data: {"error":{"message":"x","code":"server_is_overloaded"}}\n\n'
    data = piece(usage_chunk(7, 1)) + piece(chat_chunk("Hel") + error)

    async def write(_: bytes) -> None:
        pass

    async with spliced(answering(SSE_HEAD + data), stream=True) as (answer, observer, _):
        with pytest.raises(UpstreamUnavailableError):
            await answer.forward(write)

        assert len(observer.closed_calls) == 1
        assert observer.open_calls == []
    assert answer.usage == Usage(7, 1)


async def test_something_else_than_the_stream_asked_for_is_a_protocol_error() -> None:
    async def write(_: bytes) -> None:
        pytest.fail("nothing of it may reach the client")

    async with spliced(answering(whole(b'{"choices":[]}')), stream=True) as (answer, observer, _):
        with pytest.raises(UpstreamProtocolError):
            await answer.forward(write)

        assert observer.open_calls == []


@pytest.mark.parametrize("reasons", [False, True])
async def test_effort_reaches_only_models_that_reason(*, reasons: bool) -> None:
    body = whole(b'{"choices":[]}')

    async with spliced(answering(body), stream=False, reasoning=reasons) as (answer, _, sent):
        await answer.read()

    assert ("reasoning_effort" in sent) is reasons
    assert sent["model"] == "theirs"
