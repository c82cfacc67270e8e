"""The splice lane's half of an exchange: bytes in, bytes out, booked all the same."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from model_providers.provider import RawCall
from model_providers.registry import ModelClient
from model_providers.testing import (
    DONE,
    LAST_CHUNK,
    SSE_HEAD,
    WAIT_S,
    RecordingObserver,
    ScriptedVendor,
    VendorConnection,
    chat_chunk,
    scripted_vendor,
    usage_chunk,
)
from wire.conversation import Usage
from wire.deadline import Deadline
from wire.errors import (
    OverloadedError,
    PlatformError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
)
from wire.ids import new_call_id
from wire.specs import ModelSpec

BODY = b'{"model":"upstream-sim",  "messages":[{"role":"user","content":"h\\u00ef"}]}'
STREAM = chat_chunk("Hi") + chat_chunk(finish_reason="stop") + usage_chunk(3, 2) + DONE


def raw_call(
    model: ModelSpec,
    body_for: Callable[[ModelSpec], bytes] | None = None,
    *,
    timeout_s: float = WAIT_S,
) -> RawCall:
    return RawCall(
        call_id=new_call_id(),
        model=model,
        body=BODY,
        deadline=Deadline.after(timeout_s, now_s=time.monotonic()),
        phase="single",
        body_for=body_for,
        input_tokens_estimate=11,
        reserved_output_tokens=100,
    )


async def stream(connection: VendorConnection) -> None:
    await connection.send(SSE_HEAD)
    await connection.send_chunk(STREAM)
    await connection.send(LAST_CHUNK)


@asynccontextmanager
async def vendor_saying(
    status: int, body: bytes, content_type: str = "application/json"
) -> AsyncGenerator[ScriptedVendor]:
    async def say(connection: VendorConnection) -> None:
        await connection.answer(status, body, content_type=content_type)

    async with scripted_vendor(say) as vendor:
        yield vendor


@pytest.mark.requirement("providers:raw")
async def test_the_vendor_gets_and_gives_the_very_bytes(
    client: ModelClient, observer: RecordingObserver
) -> None:
    async with scripted_vendor(stream) as vendor:
        call = raw_call(vendor.model())
        async with asyncio.timeout(WAIT_S), await client.open_raw(call) as exchange:
            received = b"".join([chunk async for chunk in exchange.iter_bytes()])
            exchange.report_usage(Usage(3, 2))

    assert vendor.requests[0].body == BODY
    assert vendor.requests[0].header("x-request-id") == f"{call.call_id}.1"
    assert received == STREAM
    assert (exchange.status, exchange.content_type) == (200, "text/event-stream")
    [closed] = observer.closed_calls
    assert (closed.status, closed.basis, closed.usage) == ("completed", "reported", Usage(3, 2))
    assert closed.opened.phase == "single"
    assert len(observer.first_tokens) == 1


@pytest.mark.requirement("providers:raw")
async def test_a_whole_answer_is_read_at_once(
    client: ModelClient, observer: RecordingObserver
) -> None:
    answer = b'{"choices":[],  "x":"' + b"y" * 200_000 + b'"}'
    async with (
        vendor_saying(200, answer) as vendor,
        await client.open_raw(raw_call(vendor.model())) as exchange,
    ):
        received = await exchange.read()

    assert received == answer
    assert [closed.status for closed in observer.closed_calls] == ["completed"]


@pytest.mark.requirement("providers:usage")
async def test_without_a_report_the_usage_is_estimated(
    client: ModelClient, observer: RecordingObserver
) -> None:
    words = b"".join(chat_chunk(f"word {n}") for n in range(40))
    async with (
        vendor_saying(200, words, "text/event-stream") as vendor,
        await client.open_raw(raw_call(vendor.model())) as exchange,
    ):
        async for _ in exchange.iter_bytes():
            pass

    [closed] = observer.closed_calls
    assert closed.usage == Usage(11, 40, estimated=True)
    assert closed.basis == "estimated"


@pytest.mark.requirement("providers:usage")
async def test_the_last_byte_can_be_held_back_until_the_call_is_booked(
    client: ModelClient, observer: RecordingObserver
) -> None:
    async def endless_tail(connection: VendorConnection) -> None:
        await connection.send(SSE_HEAD)
        await connection.send_chunk(STREAM)
        await connection.hung_up()

    async with (
        asyncio.timeout(WAIT_S),
        scripted_vendor(endless_tail) as vendor,
        await client.open_raw(raw_call(vendor.model())) as exchange,
    ):
        first = await anext(exchange.iter_bytes())
        exchange.report_usage(Usage(3, 2))
        exchange.complete()
        await exchange.close()
        booked_before_leaving = [closed.status for closed in observer.closed_calls]

    assert first == STREAM
    assert booked_before_leaving == ["completed"]
    assert len(observer.closed_calls) == 1


@pytest.mark.requirement("providers:cancel")
async def test_leaving_early_closes_the_vendors_connection_and_books_a_cancellation(
    client: ModelClient, observer: RecordingObserver
) -> None:
    hung_up = asyncio.Event()

    async def talk_on(connection: VendorConnection) -> None:
        await connection.send(SSE_HEAD)
        await connection.send_chunk(chat_chunk("Hi"))
        await connection.hung_up()
        hung_up.set()

    async with asyncio.timeout(WAIT_S), scripted_vendor(talk_on) as vendor:
        async with await client.open_raw(raw_call(vendor.model())) as exchange:
            await anext(exchange.iter_bytes())
        left_at_s = time.monotonic()
        await hung_up.wait()

    assert time.monotonic() - left_at_s < 0.25
    [closed] = observer.closed_calls
    assert (closed.status, closed.usage) == ("cancelled", Usage(11, 1, estimated=True))


@pytest.mark.requirement("providers:cancel")
async def test_a_cancellation_while_opening_leaves_nothing_open(
    client: ModelClient, observer: RecordingObserver
) -> None:
    waiting, hung_up = asyncio.Event(), asyncio.Event()

    async def hang(connection: VendorConnection) -> None:
        await connection.send(SSE_HEAD)
        waiting.set()
        await connection.hung_up()
        hung_up.set()

    async with asyncio.timeout(WAIT_S), scripted_vendor(hang) as vendor:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(client.open_raw(raw_call(vendor.model())))
            await waiting.wait()
            task.cancel()
        await hung_up.wait()

    assert [closed.status for closed in observer.closed_calls] == ["cancelled"]


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize(
    ("status", "body", "content_type", "expected"),
    [
        (400, b'{"error":{"message":"no"}}', "application/json", UpstreamRejectedError),
        (429, b"", "text/plain", UpstreamRateLimitedError),
        (500, b"", "text/plain", UpstreamError),
        (200, b"", "application/json", UpstreamProtocolError),
        (
            200,
            b' {"error" : {"code":"rate_limit_exceeded","message":"x"}}',
            "application/json",
            UpstreamRateLimitedError,
        ),
        (200, b'{"error":"boom"}', "application/json", UpstreamError),
        (200, b'data: {"error":{"message":"x"}}\n\n', "text/event-stream", UpstreamError),
        (
            200,
            b'event: error\ndata: {"error":{"code":"rate_limit_exceeded"}}\n\n',
            "text/event-stream",
            UpstreamRateLimitedError,
        ),
    ],
)
async def test_what_fails_before_the_first_byte_is_typed(
    client: ModelClient, status: int, body: bytes, content_type: str, expected: type[PlatformError]
) -> None:
    async with vendor_saying(status, body, content_type) as vendor:
        with pytest.raises(PlatformError) as raised:
            await client.open_raw(raw_call(vendor.model()))

    assert type(raised.value) is expected


@pytest.mark.requirement("providers:retry")
async def test_an_error_under_200_is_tried_again(
    client: ModelClient, observer: RecordingObserver
) -> None:
    answers = [b'{"error":{"message":"x"}}', b'{"error":null,"choices":[]}']

    async def say(connection: VendorConnection) -> None:
        await connection.answer(200, answers.pop(0))

    async with (
        scripted_vendor(say) as vendor,
        await client.open_raw(raw_call(vendor.model())) as exchange,
    ):
        body = await exchange.read()

    assert body == b'{"error":null,"choices":[]}'
    assert [closed.status for closed in observer.closed_calls] == ["failed", "completed"]
    assert exchange.opened.attempt == 2


@pytest.mark.requirement("providers:fallback")
async def test_a_fallback_gets_the_body_written_for_it(client: ModelClient) -> None:
    def body_for(model: ModelSpec) -> bytes:
        return BODY.replace(b"upstream-sim", model.upstream_model.encode())

    async with vendor_saying(500, b"") as failing, scripted_vendor(stream) as good:
        model = msgspec.structs.replace(failing.model(), fallbacks=(good.model("other"),))
        async with await client.open_raw(raw_call(model, body_for)) as exchange:
            assert b"".join([chunk async for chunk in exchange.iter_bytes()]) == STREAM

        with pytest.raises(UpstreamError):
            await client.open_raw(raw_call(model))

    assert exchange.model.name == "other"
    assert [request.body for request in good.requests] == [body_for(good.model("other"))]


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize("whole", [False, True])
async def test_an_answer_that_breaks_off_is_booked_as_failed(
    client: ModelClient, observer: RecordingObserver, *, whole: bool
) -> None:
    heard = asyncio.Event()

    async def break_off(connection: VendorConnection) -> None:
        await connection.send(SSE_HEAD)
        await connection.send_chunk(chat_chunk("Hi"))
        await heard.wait()
        connection.reset()

    async with (
        asyncio.timeout(WAIT_S),
        scripted_vendor(break_off) as vendor,
        await client.open_raw(raw_call(vendor.model())) as exchange,
    ):
        heard.set()
        with pytest.raises(UpstreamError):
            await (exchange.read() if whole else _drain(exchange.iter_bytes()))

    [closed] = observer.closed_calls
    assert closed.status == "failed"
    assert closed.error is not None
    assert closed.error.error_type == "provider_error"


@pytest.mark.requirement("providers:errors:typed")
async def test_a_failure_the_reader_finds_in_the_bytes_is_booked_as_the_vendors(
    client: ModelClient, observer: RecordingObserver
) -> None:
    async with scripted_vendor(stream) as vendor:
        exchange = await client.open_raw(raw_call(vendor.model()))
        await exchange.read()
        await exchange.close(UpstreamProtocolError("not asked for", provider="vendor"))

    assert [closed.status for closed in observer.closed_calls] == ["failed"]


async def _drain(chunks: AsyncGenerator[bytes]) -> None:
    async for _ in chunks:
        pass


@pytest.mark.requirement("providers:timeouts")
async def test_silence_in_the_middle_is_typed(
    client: ModelClient, observer: RecordingObserver
) -> None:
    async def stall(connection: VendorConnection) -> None:
        await connection.send(SSE_HEAD)
        await connection.send_chunk(chat_chunk("Hi"))
        await connection.hung_up()

    async with scripted_vendor(stall) as vendor:
        model = vendor.model(idle_timeout_s=0.05)
        async with await client.open_raw(raw_call(model)) as exchange:
            with pytest.raises(UpstreamTimeoutError):
                await _drain(exchange.iter_bytes())

    assert [closed.status for closed in observer.closed_calls] == ["failed"]


@pytest.mark.requirement("providers:concurrency")
async def test_a_place_at_the_provider_is_held_until_the_exchange_is_closed(
    client: ModelClient,
) -> None:
    async with asyncio.timeout(WAIT_S), scripted_vendor(stream) as vendor:
        model = vendor.model(max_concurrency=1)
        async with await client.open_raw(raw_call(model)):
            with pytest.raises(OverloadedError):
                await client.open_raw(raw_call(model, timeout_s=0.05))
        async with await client.open_raw(raw_call(model)) as second:
            assert b"".join([chunk async for chunk in second.iter_bytes()]) == STREAM
