"""Responses through HTTP against the simulator."""

import asyncio
import dataclasses
from contextlib import aclosing

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
    PlatformError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamTimeoutError,
)
from wire.specs import ModelSpec, ProviderSpec


def sim_model(sim: SimulatorClient, profile: str = "") -> ModelSpec:
    silent = "hang" in profile or "stall" in profile
    patience_s = 0.2 if silent else WAIT_S
    provider = ProviderSpec(
        name="sim",
        kind="openai",
        base_url=sim.profiled_url(profile) if profile else sim.base_url,
        first_byte_timeout_s=patience_s,
        idle_timeout_s=patience_s,
    )
    return ModelSpec(name="sim", provider=provider, upstream_model="sim", dialects=("responses",))


async def collect(client: ModelClient, call: ModelCall) -> list[AnswerEvent]:
    async with asyncio.timeout(WAIT_S), aclosing(client.stream(call)) as events:
        return [event async for event in events]


def text_of(events: list[AnswerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_comes_through_and_is_counted_as_the_vendor_bills_it(
    sim: SimulatorClient, client: ModelClient, observer: RecordingObserver, *, stream: bool
) -> None:
    call = model_call(
        sim_model(sim), "Reply with exactly this text and nothing else: Grüße, 世界 🌍"
    )

    events = await collect(client, dataclasses.replace(call, stream=stream))

    [record] = await sim.record()
    [closed] = observer.closed_calls
    assert text_of(events) == "Grüße, 世界 🌍"
    assert isinstance(events[-1], UsageReported)
    assert (record["path"], record["outcome"]) == ("/v1/responses", "completed")
    assert closed.usage.input_tokens == record["prompt_tokens"]
    assert closed.usage.output_tokens == record["completion_tokens"]


async def test_a_tool_round_trip_works(sim: SimulatorClient, client: ModelClient) -> None:
    tool = FunctionTool("weather", "Tells the weather.", msgspec.Raw(b'{"type":"object"}'))
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


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("fault=401", UpstreamAuthError),
        ("fault=429,retry_after=30", UpstreamRateLimitedError),
        ("fault=500", UpstreamError),
        ("hang", UpstreamTimeoutError),
        ("error_body_200", UpstreamError),
        ("malformed", UpstreamProtocolError),
        ("truncated", UpstreamProtocolError),
        ("stall_after=3", UpstreamTimeoutError),
        ("reset_after=3", UpstreamError),
        ("cut_after=3", UpstreamProtocolError),
        ("mid_error_after=3", UpstreamError),
    ],
)
async def test_each_fault_ends_in_its_error(
    sim: SimulatorClient, client: ModelClient, profile: str, expected: type[PlatformError]
) -> None:
    call = model_call(sim_model(sim, f"{profile},itl=2"))

    with pytest.raises(PlatformError) as raised:
        await collect(client, call)

    assert type(raised.value) is expected


@pytest.mark.parametrize("profile", ["split", "utf8_split", "no_usage"])
async def test_faults_that_leave_the_answer_whole_do_not_matter(
    sim: SimulatorClient, client: ModelClient, profile: str
) -> None:
    events = await collect(client, model_call(sim_model(sim, profile)))

    assert ChoiceFinished("stop") in events
