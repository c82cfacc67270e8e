"""Chat through HTTP against the simulator: answers, tools, and every fault it can produce."""

import asyncio
import dataclasses
from contextlib import aclosing
from typing import NamedTuple

import msgspec
import pytest

from model_providers.provider import ModelCall
from model_providers.registry import ModelClient
from model_providers.testing import WAIT_S, RecordingObserver, model_call
from provider_sim.testing import SimulatorClient
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    FunctionTool,
    GenerationRequest,
    TextDelta,
    ToolArgumentsDelta,
    ToolCall,
    ToolCallStarted,
    ToolResult,
    UsageReported,
    user_text,
)
from wire.errors import (
    ContextLengthExceededError,
    DeadlineExceededError,
    PlatformError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from wire.specs import ModelSpec, ProviderSpec

EXACTLY = "Reply with exactly this text and nothing else: Grüße, 世界 🌍"


def sim_model(sim: SimulatorClient, profile: str = "") -> ModelSpec:
    silent = "hang" in profile or "stall" in profile
    patience_s = 0.2 if silent else WAIT_S
    provider = ProviderSpec(
        name="sim",
        kind="openai",
        base_url=sim.profiled_url(profile) if profile else sim.base_url,
        first_byte_timeout_s=patience_s,
        idle_timeout_s=patience_s,
        max_attempts=2,
    )
    return ModelSpec(name="sim", provider=provider, upstream_model="sim")


async def collect(client: ModelClient, call: ModelCall) -> list[AnswerEvent]:
    async with asyncio.timeout(WAIT_S), aclosing(client.stream(call)) as events:
        return [event async for event in events]


def text_of(events: list[AnswerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_comes_through_and_is_counted_as_the_vendor_bills_it(
    sim: SimulatorClient, client: ModelClient, observer: RecordingObserver, *, stream: bool
) -> None:
    call = dataclasses.replace(model_call(sim_model(sim), EXACTLY), stream=stream)

    events = await collect(client, call)

    [record] = await sim.record()
    [closed] = observer.closed_calls
    assert text_of(events) == "Grüße, 世界 🌍"
    assert isinstance(events[-1], UsageReported)
    assert record["id"] == f"{closed.opened.call_id}.1"
    assert closed.usage.input_tokens == record["prompt_tokens"]
    assert closed.usage.output_tokens == record["completion_tokens"]
    assert record["outcome"] == "completed"


async def test_a_tool_round_trip_works(sim: SimulatorClient, client: ModelClient) -> None:
    schema = msgspec.Raw(b'{"type":"object","properties":{"city":{"type":"string"}}}')
    tool = FunctionTool("weather", "Tells the weather.", schema)
    ask = user_text(
        "Call the tool named `weather` exactly once with these arguments: "
        '{"city": "Bonn"} . After the tool result, reply with exactly: It rains.'
    )
    call = model_call(sim_model(sim))

    request = GenerationRequest((ask,), tools=(tool,))
    first = await collect(client, dataclasses.replace(call, request=request))
    [started] = [event for event in first if isinstance(event, ToolCallStarted)]
    arguments = "".join(event.text for event in first if isinstance(event, ToolArgumentsDelta))
    rest = (ToolCall(started.call_id, "weather", arguments), ToolResult(started.call_id, ()))
    request = GenerationRequest((ask, *rest), tools=(tool,))
    second = await collect(client, dataclasses.replace(call, request=request))

    assert msgspec.json.decode(arguments) == {"city": "Bonn"}
    assert ChoiceFinished("tool_calls") in first
    assert text_of(second) == "It rains."


class Fault(NamedTuple):
    profile: str
    expected: type[PlatformError]
    attempts: int


FAULTS = [
    Fault("fault=400", UpstreamRejectedError, 1),
    Fault("fault=401", UpstreamAuthError, 1),
    Fault("fault=403", UpstreamAuthError, 1),
    Fault("fault=404", UpstreamRejectedError, 1),
    Fault("fault=408", UpstreamError, 2),
    Fault("fault=429", UpstreamRateLimitedError, 2),
    Fault("fault=429,retry_after=30", UpstreamRateLimitedError, 1),
    Fault("insufficient_quota", UpstreamRateLimitedError, 1),
    Fault("fault=500", UpstreamError, 2),
    Fault("fault=502", UpstreamError, 2),
    Fault("fault=503", UpstreamUnavailableError, 2),
    Fault("fault=504", UpstreamError, 2),
    Fault("context_overflow", ContextLengthExceededError, 1),
    Fault("content_filter_400", UpstreamRejectedError, 1),
    Fault("reset", UpstreamError, 2),
    Fault("hang", UpstreamTimeoutError, 2),
    Fault("hang_after_headers", UpstreamTimeoutError, 2),
    Fault("error_body_200", UpstreamError, 2),
    Fault("malformed", UpstreamProtocolError, 1),
    Fault("truncated", UpstreamProtocolError, 1),
    Fault("stall_after=3", UpstreamTimeoutError, 1),
    Fault("reset_after=3", UpstreamError, 1),
    Fault("cut_after=3", UpstreamProtocolError, 1),
    Fault("close_after=3", UpstreamError, 1),
    Fault("mid_error_after=3", UpstreamError, 1),
    Fault("close_after=0", UpstreamError, 2),
]


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.profile)
async def test_each_fault_ends_in_its_error_after_its_attempts(
    sim: SimulatorClient, client: ModelClient, observer: RecordingObserver, fault: Fault
) -> None:
    # Pauses between tokens, so that what follows the third one does not overtake it.
    call = model_call(sim_model(sim, f"{fault.profile},itl=2"))

    with pytest.raises(PlatformError) as raised:
        await collect(client, call)

    assert type(raised.value) is fault.expected
    assert len(await sim.record()) == fault.attempts
    assert [closed.opened for closed in observer.closed_calls] == observer.opened_calls
    assert {closed.status for closed in observer.closed_calls} == {"failed"}


@pytest.mark.requirement("providers:decode:tolerance")
@pytest.mark.parametrize(
    ("profile", "basis"),
    [
        ("split", "reported"),
        ("utf8_split", "reported"),
        ("no_usage", "estimated"),
        ("wrong_usage", "reported"),
    ],
)
async def test_faults_that_leave_the_answer_whole_do_not_matter(
    sim: SimulatorClient,
    client: ModelClient,
    observer: RecordingObserver,
    profile: str,
    basis: str,
) -> None:
    model = sim_model(sim, profile)

    events = await collect(client, model_call(model, EXACTLY))

    assert text_of(events) == "Grüße, 世界 🌍"
    assert [closed.basis for closed in observer.closed_calls] == [basis]


async def test_a_filtered_answer_says_so(sim: SimulatorClient, client: ModelClient) -> None:
    events = await collect(client, model_call(sim_model(sim, "content_filter")))

    assert ChoiceFinished("content_filter") in events


@pytest.mark.requirement("providers:timeouts")
async def test_an_endless_answer_ends_with_the_deadline_and_is_booked_as_received(
    sim: SimulatorClient, client: ModelClient, observer: RecordingObserver
) -> None:
    call = model_call(sim_model(sim, "endless,itl=5"), timeout_s=0.4)

    with pytest.raises(DeadlineExceededError):
        await collect(client, call)

    [record] = await sim.record()
    [closed] = observer.closed_calls
    assert record["outcome"] == "client_closed"
    assert closed.usage.output_tokens > 0


@pytest.mark.requirement("providers:errors:typed")
async def test_a_huge_event_is_not_swallowed_whole(
    sim: SimulatorClient, client: ModelClient
) -> None:
    events = await collect(client, model_call(sim_model(sim, "huge_event"), EXACTLY))

    assert ChoiceFinished("stop") in events
