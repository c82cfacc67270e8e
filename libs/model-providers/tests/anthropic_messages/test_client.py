"""Messages through HTTP against the simulator: answers, tools, forms, thoughts."""

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
    CustomTool,
    FunctionTool,
    GenerationRequest,
    Message,
    ReasoningDelta,
    ResponseFormat,
    Sampling,
    TextDelta,
    TextPart,
    ToolArgumentsDelta,
    ToolCall,
    ToolCallStarted,
    ToolResult,
    Usage,
    UsageReported,
    user_text,
)
from wire.specs import Capabilities, ModelSpec, ProviderSpec

pytestmark = pytest.mark.requirement("providers:anthropic")

EXACTLY = "Reply with exactly this text and nothing else: Grüße, 世界 🌍"
FORM = ResponseFormat(
    "json_schema",
    "form",
    msgspec.Raw(
        b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],'
        b'"additionalProperties":false}'
    ),
    strict=True,
)


def claude(
    sim: SimulatorClient, profile: str = "", *, name: str = "claude-sim", **capabilities: bool
) -> ModelSpec:
    provider = ProviderSpec(
        name="sim",
        kind="anthropic",
        base_url=sim.profiled_url(profile) if profile else sim.url,
        first_byte_timeout_s=WAIT_S,
    )
    flags = {"structured_outputs": False, "late_system_messages": False, **capabilities}
    return ModelSpec(
        name=name,
        provider=provider,
        upstream_model=name,
        dialects=("messages",),
        capabilities=Capabilities(**flags),
    )


async def collect(client: ModelClient, call: ModelCall) -> list[AnswerEvent]:
    async with asyncio.timeout(WAIT_S), aclosing(client.stream(call)) as events:
        return [event async for event in events]


def asking(model: ModelSpec, request: GenerationRequest, *, stream: bool = True) -> ModelCall:
    return dataclasses.replace(model_call(model), request=request, stream=stream)


def text_of(events: list[AnswerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_comes_through_and_is_counted_as_the_vendor_bills_it(
    sim: SimulatorClient, client: ModelClient, observer: RecordingObserver, *, stream: bool
) -> None:
    call = dataclasses.replace(model_call(claude(sim), EXACTLY), stream=stream)

    events = await collect(client, call)

    [record] = await sim.record()
    [closed] = observer.closed_calls
    assert text_of(events) == "Grüße, 世界 🌍"
    assert events[-2] == ChoiceFinished("stop")
    assert isinstance(events[-1], UsageReported)
    assert record["id"] == f"{closed.opened.call_id}.1"
    assert closed.usage.input_tokens == record["prompt_tokens"]
    assert closed.usage.output_tokens == record["completion_tokens"]
    assert closed.opened.reserved_output_tokens == 8_192


@pytest.mark.parametrize("stream", [True, False])
async def test_a_tool_round_trip_works(
    sim: SimulatorClient, client: ModelClient, *, stream: bool
) -> None:
    schema = msgspec.Raw(b'{"type":"object","properties":{"city":{"type":"string"}}}')
    tool = FunctionTool("weather", "Tells the weather.", schema, namespace="sky")
    ask = user_text(
        "Call the tool named `sky__weather` exactly once with these arguments: "
        '{"city": "Bonn"} . After the tool result, reply with exactly: It rains.'
    )

    first = await collect(
        client, asking(claude(sim), GenerationRequest((ask,), tools=(tool,)), stream=stream)
    )
    [started] = [event for event in first if isinstance(event, ToolCallStarted)]
    arguments = "".join(event.text for event in first if isinstance(event, ToolArgumentsDelta))
    rest = (
        ToolCall(started.call_id, started.name, arguments, namespace=started.namespace),
        ToolResult(started.call_id, (TextPart("18C"),)),
    )
    second = await collect(
        client, asking(claude(sim), GenerationRequest((ask, *rest), tools=(tool,)))
    )

    assert (started.name, started.namespace) == ("weather", "sky")
    assert msgspec.json.decode(arguments) == {"city": "Bonn"}
    assert ChoiceFinished("tool_calls") in first
    assert text_of(second) == "It rains."


@pytest.mark.parametrize("stream", [True, False])
async def test_free_text_comes_out_of_its_wrapping(
    sim: SimulatorClient, client: ModelClient, *, stream: bool
) -> None:
    ask = user_text(
        "Call the tool named `patch` exactly once with these arguments: "
        '{"input": "*** Begin\\n\\"x\\""} . After the tool result, reply with exactly: ok'
    )
    request = GenerationRequest((ask,), tools=(CustomTool("patch"),))

    events = await collect(client, asking(claude(sim), request, stream=stream))

    [started] = [event for event in events if isinstance(event, ToolCallStarted)]
    text = "".join(event.text for event in events if isinstance(event, ToolArgumentsDelta))
    assert (started.kind, text) == ("custom", '*** Begin\n"x"')


@pytest.mark.parametrize("guaranteed", [True, False])
async def test_a_form_is_filled_with_and_without_the_vendors_help(
    sim: SimulatorClient, client: ModelClient, *, guaranteed: bool
) -> None:
    request = GenerationRequest((user_text("Where?"),), response_format=FORM)

    events = await collect(client, asking(claude(sim, structured_outputs=guaranteed), request))

    assert set(msgspec.json.decode(text_of(events))) == {"city"}
    assert ChoiceFinished("stop") in events
    assert not any(isinstance(event, ToolCallStarted) for event in events)


async def test_thoughts_are_shown(sim: SimulatorClient, client: ModelClient) -> None:
    model = claude(sim, name="claude-reason", reasoning=True)
    request = GenerationRequest((user_text("Why?"),), sampling=Sampling(reasoning_effort="high"))

    events = await collect(client, asking(model, request))

    thought = [event for event in events if isinstance(event, ReasoningDelta)]
    assert thought
    assert events[: len(thought)] == thought
    assert isinstance(events[-1], UsageReported)
    assert events[-1].usage.reasoning_tokens > 0


async def test_a_personas_call_reads_the_conversation_from_the_cache(
    sim: SimulatorClient, client: ModelClient
) -> None:
    conversation = user_text("word " * 3_000)
    usages: list[Usage] = []
    for persona in ("You are Ada.", "You are Bob."):
        told = Message("developer", (TextPart(persona),))
        request = GenerationRequest((conversation, told))
        events = await collect(client, asking(claude(sim), request))
        assert isinstance(events[-1], UsageReported)
        usages.append(events[-1].usage)
    records = await sim.record()

    first, second = usages
    assert (first.cached_tokens, first.cache_write_tokens) == (0, 2_048)
    assert (second.cached_tokens, second.cache_write_tokens) == (2_048, 0)
    assert [record["persona"] for record in records] == ["You are Ada.", "You are Bob."]
    assert [usage.input_tokens for usage in usages] == [r["prompt_tokens"] for r in records]


async def test_the_vendor_is_shown_key_and_version(
    sim: SimulatorClient, client: ModelClient
) -> None:
    """The simulator refuses a request without the version."""
    with_v1 = claude(sim)
    base_url = f"{sim.url}/v1"
    provider = msgspec.structs.replace(with_v1.provider, base_url=base_url)
    with_v1 = msgspec.structs.replace(with_v1, provider=provider)

    assert text_of(await collect(client, model_call(with_v1, EXACTLY)))
