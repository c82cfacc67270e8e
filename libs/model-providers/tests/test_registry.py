"""The client from outside: attempts, fallbacks, the observer, against scripted vendors."""

import asyncio
import dataclasses
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing

import aiohttp
import msgspec
import pytest

from model_providers.calls import CallClosed, CallOpened
from model_providers.provider import ModelCall, RawCall
from model_providers.registry import ModelClient
from model_providers.resilience.attempts import Resilience
from model_providers.resilience.breaker import BreakerPolicy
from model_providers.testing import (
    DONE,
    LAST_CHUNK,
    SSE_HEAD,
    WAIT_S,
    MonotonicClock,
    RecordingObserver,
    VendorConnection,
    chat_chunk,
    model_call,
    scripted_vendor,
    usage_chunk,
)
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    GenerationRequest,
    OtherItem,
    Sampling,
    TextDelta,
    Usage,
    UsageReported,
    user_text,
)
from wire.errors import (
    OverloadedError,
    PlatformError,
    PlatformFaultError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)

Work = Callable[[ModelClient, ModelCall], Coroutine[None, None, object]]

ANSWER = [TextDelta("Hi"), ChoiceFinished("stop"), UsageReported(Usage(3, 2))]


async def answer(connection: VendorConnection) -> None:
    await connection.send(SSE_HEAD)
    stop = chat_chunk(finish_reason="stop")
    await connection.send_chunk(chat_chunk("Hi") + stop + usage_chunk(3, 2) + DONE)
    await connection.send(LAST_CHUNK)


async def collect(client: ModelClient, call: ModelCall) -> list[AnswerEvent]:
    async with asyncio.timeout(WAIT_S), aclosing(client.stream(call)) as events:
        return [event async for event in events]


def text_chunks(*texts: str) -> bytes:
    return b"".join(chat_chunk(text) for text in texts)


class Failing:
    """Fails as often as told, then answers."""

    def __init__(self, times: int, status: int = 500, extra: bytes = b"") -> None:
        self._left = times
        self._status = status
        self._extra = extra

    async def __call__(self, connection: VendorConnection) -> None:
        if self._left == 0:
            await answer(connection)
            return
        self._left -= 1
        await connection.answer(self._status, b'{"error":{"message":"no"}}', extra=self._extra)


@pytest.mark.requirement("providers:usage")
async def test_a_call_is_opened_has_a_first_token_and_is_closed_with_the_vendors_count(
    client: ModelClient, observer: RecordingObserver
) -> None:
    async with scripted_vendor(answer) as vendor:
        call = model_call(vendor.model())

        events = await collect(client, call)

    assert events == ANSWER
    [opened] = observer.opened_calls
    [(first, first_at_s)] = observer.first_tokens
    [closed] = observer.closed_calls
    assert (opened.call_id, opened.attempt, opened.upstream_model) == (
        call.call_id,
        1,
        "upstream-sim",
    )
    assert first == closed.opened == opened
    assert (closed.status, closed.basis, closed.usage) == ("completed", "reported", Usage(3, 2))
    assert opened.opened_at_s <= first_at_s <= closed.closed_at_s
    assert closed.first_token_at_s == first_at_s


@pytest.mark.requirement("providers:request-id")
async def test_the_vendor_is_told_key_call_id_and_attempt(client: ModelClient) -> None:
    async with scripted_vendor(Failing(1)) as vendor:
        call = model_call(vendor.model())

        await collect(client, call)

    ids = [request.header("x-request-id") for request in vendor.requests]
    assert ids == [f"{call.call_id}.1", f"{call.call_id}.2"]
    assert vendor.requests[0].header("authorization") == "Bearer key-of-vendor"
    assert vendor.requests[0].header("accept-encoding") == "identity"


@pytest.mark.requirement("providers:usage")
async def test_without_a_count_the_usage_is_estimated_within_the_reservation(
    client: ModelClient, observer: RecordingObserver
) -> None:
    async def no_usage(connection: VendorConnection) -> None:
        await connection.send(SSE_HEAD)
        words = text_chunks(*(" word" for _ in range(50)))
        await connection.send_chunk(words + chat_chunk(finish_reason="length") + DONE)
        await connection.send(LAST_CHUNK)

    async with scripted_vendor(no_usage) as vendor:
        model = vendor.model()
        call = model_call(model, "word " * 100)
        await collect(client, call)
        capped = dataclasses.replace(
            call,
            request=GenerationRequest((user_text("hi"),), sampling=Sampling(max_output_tokens=7)),
        )
        await collect(client, capped)

    free, within = (closed.usage for closed in observer.closed_calls)
    assert [closed.basis for closed in observer.closed_calls] == ["estimated"] * 2
    assert 80 < free.input_tokens < 130
    assert 40 < free.output_tokens < 65
    assert within.output_tokens == 7
    assert observer.opened_calls[1].reserved_output_tokens == 7


@pytest.mark.requirement("providers:retry")
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
async def test_a_transient_failure_is_tried_again(
    client: ModelClient, observer: RecordingObserver, status: int
) -> None:
    async with scripted_vendor(Failing(1, status)) as vendor:
        events = await collect(client, model_call(vendor.model()))

    assert events == ANSWER
    assert [call.attempt for call in observer.opened_calls] == [1, 2]
    assert [call.status for call in observer.closed_calls] == ["failed", "completed"]
    assert observer.closed_calls[0].usage == Usage(estimated=True)


@pytest.mark.requirement("providers:retry")
@pytest.mark.parametrize(
    ("status", "expected"), [(400, UpstreamRejectedError), (401, UpstreamAuthError)]
)
async def test_a_refusal_is_final(
    client: ModelClient, status: int, expected: type[PlatformError]
) -> None:
    async with scripted_vendor(Failing(9, status)) as vendor:
        with pytest.raises(expected):
            await collect(client, model_call(vendor.model()))

    assert len(vendor.requests) == 1


@pytest.mark.requirement("providers:retry")
async def test_attempts_are_bounded_by_the_provider(client: ModelClient) -> None:
    async with scripted_vendor(Failing(9)) as vendor:
        with pytest.raises(UpstreamError):
            await collect(client, model_call(vendor.model(max_attempts=3)))

    assert len(vendor.requests) == 3


@pytest.mark.requirement("providers:retry")
async def test_the_vendors_retry_after_is_honoured(
    client: ModelClient, delays_s: list[float]
) -> None:
    async with scripted_vendor(Failing(1, 429, b"retry-after: 2\r\n")) as vendor:
        await collect(client, model_call(vendor.model(), timeout_s=60))

    assert delays_s == [pytest.approx(2.2)]


@pytest.mark.requirement("providers:retry")
@pytest.mark.parametrize(("retry_after", "timeout_s"), [("11", 60.0), ("3", 2.0)])
async def test_a_retry_after_beyond_the_cap_or_the_deadline_is_left_to_the_caller(
    client: ModelClient, retry_after: str, timeout_s: float
) -> None:
    script = Failing(9, 429, f"retry-after: {retry_after}\r\n".encode())
    async with scripted_vendor(script) as vendor:
        with pytest.raises(UpstreamRateLimitedError) as raised:
            await collect(client, model_call(vendor.model(), timeout_s=timeout_s))

    assert raised.value.retry_after_s == float(retry_after)
    assert len(vendor.requests) == 1


@pytest.mark.requirement("providers:retry")
async def test_nothing_is_repeated_after_the_first_event(
    client: ModelClient, observer: RecordingObserver
) -> None:
    heard = asyncio.Event()

    async def break_off(connection: VendorConnection) -> None:
        await connection.send(SSE_HEAD)
        await connection.send_chunk(chat_chunk("Hal"))
        await heard.wait()
        connection.reset()

    async with (
        asyncio.timeout(WAIT_S),
        scripted_vendor(break_off) as vendor,
        aclosing(client.stream(model_call(vendor.model()))) as events,
    ):
        first = await anext(events)
        heard.set()
        with pytest.raises(UpstreamError):
            await anext(events)

    assert first == TextDelta("Hal")
    assert len(vendor.requests) == 1
    [closed] = observer.closed_calls
    assert (closed.status, closed.basis) == ("failed", "estimated")
    assert closed.usage.output_tokens == 1


@pytest.mark.requirement("providers:fallback")
@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_the_fallbacks_are_asked_in_order_as_further_attempts(
    client: ModelClient, observer: RecordingObserver, status: int
) -> None:
    async with scripted_vendor(Failing(99, status)) as failing, scripted_vendor(answer) as good:
        fallbacks = (failing.model("second"), good.model("third"))
        model = msgspec.structs.replace(failing.model("first"), fallbacks=fallbacks)

        events = await collect(client, model_call(model))

    assert events == ANSWER
    asked = [call.model for call in observer.opened_calls]
    per_model = 1 if status == 401 else 2
    assert asked == ["first"] * per_model + ["second"] * per_model + ["third"]
    assert [call.attempt for call in observer.opened_calls] == list(range(1, len(asked) + 1))
    assert b'"model":"upstream-third"' in good.requests[0].body


@pytest.mark.requirement("providers:fallback")
async def test_a_wrong_request_does_not_become_right_elsewhere(client: ModelClient) -> None:
    async with scripted_vendor(Failing(9, 400)) as failing, scripted_vendor(answer) as good:
        model = msgspec.structs.replace(failing.model(), fallbacks=(good.model("other"),))
        with pytest.raises(UpstreamRejectedError):
            await collect(client, model_call(model))

    assert good.requests == []


@pytest.mark.requirement("providers:breaker")
async def test_a_deployment_that_keeps_failing_is_not_asked_and_its_fallback_is(
    session: aiohttp.ClientSession, observer: RecordingObserver
) -> None:
    client = ModelClient(
        session,
        clock=MonotonicClock(),
        secrets=lambda _: None,
        observer=observer,
        resilience=Resilience(breaker=BreakerPolicy(min_failures=3, open_s=60)),
    )
    async with scripted_vendor(Failing(99)) as failing, scripted_vendor(answer) as good:
        alone = failing.model(max_attempts=1)
        for _ in range(3):
            with pytest.raises(UpstreamError):
                await collect(client, model_call(alone))

        with pytest.raises(UpstreamUnavailableError) as raised:
            await collect(client, model_call(alone))
        covered = msgspec.structs.replace(alone, fallbacks=(good.model("other"),))
        events = await collect(client, model_call(covered))

    assert len(failing.requests) == 3
    assert raised.value.retry_after_s is not None
    assert events == ANSWER
    assert [call.attempt for call in observer.opened_calls] == [1, 1, 1, 1]


@pytest.mark.requirement("providers:concurrency")
async def test_calls_beyond_limit_and_queue_are_refused_and_places_come_free(
    client: ModelClient,
) -> None:
    both_asked, may_answer = asyncio.Event(), asyncio.Event()

    async def answer_later(connection: VendorConnection) -> None:
        if len(vendor.requests) == 2:
            both_asked.set()
        await may_answer.wait()
        await answer(connection)

    async with scripted_vendor(answer_later) as vendor, asyncio.TaskGroup() as group:
        model = vendor.model(max_concurrency=2)
        first = [group.create_task(collect(client, model_call(model))) for _ in range(4)]
        await asyncio.wait_for(both_asked.wait(), WAIT_S)
        with pytest.raises(OverloadedError):
            await collect(client, model_call(model))
        asked_meanwhile = len(vendor.requests)
        may_answer.set()

    assert asked_meanwhile == 2
    assert [task.result() for task in first] == [ANSWER] * 4


@pytest.mark.requirement("providers:observer:before-first-byte")
async def test_an_observer_that_refuses_keeps_the_call_from_leaving(
    session: aiohttp.ClientSession,
) -> None:
    class Full(RecordingObserver):
        async def opened(self, call: CallOpened, /) -> None:
            raise PlatformFaultError(f"no room for {call.call_id}")

    observer = Full()
    client = ModelClient(session, clock=MonotonicClock(), secrets=lambda _: None, observer=observer)
    async with scripted_vendor(answer) as vendor:
        with pytest.raises(PlatformFaultError):
            await collect(client, model_call(vendor.model()))

    assert vendor.requests == []
    assert observer.closed_calls == []


async def test_a_calls_own_observer_hears_of_it_besides_the_clients(
    client: ModelClient, observer: RecordingObserver
) -> None:
    own = RecordingObserver()
    async with scripted_vendor(answer) as vendor:
        call = model_call(vendor.model())
        async with aclosing(client.stream(call, observer=own)) as events:
            assert [event async for event in events] == ANSWER

    assert own.closed_calls == observer.closed_calls
    assert len(own.closed_calls) == 1


@pytest.mark.requirement("providers:cancel")
@pytest.mark.parametrize("moment", ["before headers", "before first token", "mid-stream"])
async def test_a_caller_who_leaves_closes_the_vendors_connection_at_once(
    client: ModelClient, observer: RecordingObserver, moment: str
) -> None:
    waiting, hung_up = asyncio.Event(), asyncio.Event()

    async def hang(connection: VendorConnection) -> None:
        if moment != "before headers":
            await connection.send(SSE_HEAD)
        if moment == "mid-stream":
            await connection.send_chunk(chat_chunk("Hal"))
        waiting.set()
        await connection.hung_up()
        hung_up.set()

    async with asyncio.timeout(WAIT_S), scripted_vendor(hang) as vendor:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(collect(client, model_call(vendor.model())))
            await waiting.wait()
            task.cancel()
        left_at_s = time.monotonic()
        await hung_up.wait()

    assert time.monotonic() - left_at_s < 0.25
    [closed] = observer.closed_calls
    assert (closed.status, closed.basis) == ("cancelled", "estimated")
    assert closed.usage.input_tokens > 0


@pytest.mark.requirement("providers:cancel")
async def test_closing_the_stream_early_cancels_and_after_the_answer_completes(
    client: ModelClient, observer: RecordingObserver
) -> None:
    async with scripted_vendor(answer) as vendor:
        for stop_at in (TextDelta, UsageReported):
            async with aclosing(client.stream(model_call(vendor.model()))) as events:
                async for event in events:
                    if isinstance(event, stop_at):
                        break

    assert [call.status for call in observer.closed_calls] == ["cancelled", "completed"]


class SlowObserver(RecordingObserver):
    """Suspends where a journal would."""

    async def opened(self, call: CallOpened, /) -> None:
        await asyncio.sleep(0)
        await super().opened(call)
        await asyncio.sleep(0)

    async def closed(self, call: CallClosed, /) -> None:
        await asyncio.sleep(0)
        await super().closed(call)
        await asyncio.sleep(0)


async def splice(client: ModelClient, call: ModelCall) -> None:
    raw = RawCall(
        call_id=call.call_id,
        model=call.model,
        body=b"{}",
        deadline=call.deadline,
        body_for=lambda _: b"{}",
    )
    async with await client.open_raw(raw) as exchange:
        await exchange.read()


@pytest.mark.requirement("providers:observer:exactly-once")
@pytest.mark.parametrize("work", [collect, splice])
async def test_whenever_it_is_cancelled_each_opened_attempt_is_closed_exactly_once(
    session: aiohttp.ClientSession, work: Work
) -> None:
    statuses = set[str]()
    async with scripted_vendor(Failing(10**9, 503)) as failing, scripted_vendor(answer) as good:
        model = msgspec.structs.replace(failing.model(), fallbacks=(good.model("other"),))
        for steps in range(160):
            observer = SlowObserver()
            client = ModelClient(
                session,
                clock=MonotonicClock(),
                secrets=lambda _: None,
                observer=observer,
                sleep=lambda _: asyncio.sleep(0),
            )
            await _cancel_after(steps, work(client, model_call(model)))
            statuses |= {call.status for call in observer.closed_calls}
            assert [call.opened for call in observer.closed_calls] == observer.opened_calls

    assert statuses == {"cancelled", "failed", "completed"}


async def _cancel_after(steps: int, work: Coroutine[None, None, object]) -> None:
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        task = group.create_task(work)
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()


@pytest.mark.requirement("providers:timeouts")
async def test_a_vendor_that_never_answers_is_given_up_after_the_first_byte_timeout(
    client: ModelClient, observer: RecordingObserver
) -> None:
    async with scripted_vendor(VendorConnection.hung_up) as vendor:
        model = vendor.model(first_byte_timeout_s=0.05, max_attempts=1)
        with pytest.raises(UpstreamTimeoutError, match="first_byte_timeout_s"):
            await collect(client, model_call(model))

    assert observer.closed_calls[0].usage.input_tokens > 0


async def test_a_kind_this_version_cannot_call_is_a_fault_of_ours_that_says_so(
    client: ModelClient,
) -> None:
    async with scripted_vendor(answer) as vendor:
        with pytest.raises(PlatformFaultError, match="fara"):
            await collect(client, model_call(vendor.model(kind="fara")))


async def test_a_model_that_speaks_only_responses_is_asked_in_responses(
    client: ModelClient,
) -> None:
    async with scripted_vendor(Failing(9)) as vendor:
        for dialects, path in (
            (("responses",), b"/v1/responses"),
            (("responses", "chat"), b"/v1/chat/completions"),
        ):
            model = msgspec.structs.replace(vendor.model(max_attempts=1), dialects=dialects)
            with pytest.raises(UpstreamError):
                await collect(client, model_call(model))
            assert vendor.requests[-1].head.split()[1] == path


async def test_a_vendors_own_compaction_goes_back_in_responses(client: ModelClient) -> None:
    sealed = OtherItem("compaction", msgspec.Raw(b'{"type":"compaction","encrypted_content":"x"}'))
    async with scripted_vendor(Failing(9)) as vendor:
        for dialects, path in (
            (("chat",), b"/v1/chat/completions"),
            (("responses", "chat"), b"/v1/responses"),
        ):
            model = msgspec.structs.replace(
                vendor.model(max_attempts=1, kind="openai"), dialects=dialects
            )
            request = GenerationRequest((user_text("Hi"), sealed))
            call = dataclasses.replace(model_call(model), request=request)
            with pytest.raises(UpstreamError):
                await collect(client, call)
            assert vendor.requests[-1].head.split()[1] == path


async def test_a_stream_that_says_nothing_is_a_protocol_error(client: ModelClient) -> None:
    async def silence(connection: VendorConnection) -> None:
        await connection.send(SSE_HEAD + LAST_CHUNK)

    async with scripted_vendor(silence) as vendor:
        with pytest.raises(UpstreamProtocolError):
            await collect(client, model_call(vendor.model()))
