"""The Messages stream, event by event, and as the SDK puts it together."""

import pytest
from anthropic import APIStatusError, AsyncAnthropic
from anthropic.types import Message, ToolParam

from provider_sim.json_types import JsonObject, loads
from provider_sim.testing import SimulatorClient

ERRAND = (
    'Call the tool named `get_weather` exactly once with these arguments: {"city":"Paris"} . '
    "After the tool result, reply with exactly: DONE-1"
)
WEATHER: ToolParam = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


async def streamed(claude: AsyncAnthropic, text: str, **rest: object) -> Message:
    async with claude.messages.stream(  # pyright: ignore[reportCallIssue]
        **{"model": "sim", "max_tokens": 2_000, **rest},  # pyright: ignore[reportArgumentType]
        messages=[{"role": "user", "content": text}],
    ) as stream:
        return await stream.get_final_message()


def names_of(raw: str) -> list[str]:
    """The events' names, which their data repeats."""
    events = [event.partition("\ndata: ") for event in raw.strip().split("\n\n")]
    for name, _, data in events:
        body = loads(data)
        assert isinstance(body, dict)
        assert name == f"event: {body['type']}"
    return [name.removeprefix("event: ") for name, _, _ in events]


@pytest.mark.requirement("provider-sim:anthropic-wire")
async def test_a_stream_is_the_message_in_pieces(claude: AsyncAnthropic) -> None:
    whole = await claude.messages.create(
        model="sim", max_tokens=2_000, messages=[{"role": "user", "content": "Why so?"}]
    )

    pieces = await streamed(claude, "Why so?")

    assert pieces.content[0].to_dict() | {"parsed_output": None} == whole.content[0].to_dict() | {
        "parsed_output": None
    }
    assert pieces.stop_reason == "end_turn"
    assert pieces.usage.output_tokens == whole.usage.output_tokens


async def test_the_events_come_in_the_documented_order(sim: SimulatorClient) -> None:
    body: JsonObject = {
        "model": "sim",
        "max_tokens": 100,
        "stream": True,
        "messages": [
            {"role": "user", "content": "Reply with exactly this text and nothing else: A B"}
        ],
    }

    async with sim.session.post(
        f"{sim.url}/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"}
    ) as response:
        names = names_of(await response.text())

    assert names == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


async def test_a_call_is_streamed_as_json_in_pieces(claude: AsyncAnthropic) -> None:
    message = await streamed(claude, ERRAND, tools=[WEATHER])

    [call] = message.content
    assert call.type == "tool_use"
    assert (call.input, message.stop_reason) == ({"city": "Paris"}, "tool_use")


@pytest.mark.parametrize(
    ("thinking", "shown"),
    [
        ({"type": "adaptive", "display": "summarized"}, True),
        ({"type": "enabled", "budget_tokens": 1_024}, True),
        ({"type": "adaptive"}, False),
        (None, False),
    ],
)
async def test_thinking_is_shown_on_demand_and_always_billed(
    claude: AsyncAnthropic, thinking: object, *, shown: bool
) -> None:
    rest = {} if thinking is None else {"thinking": thinking}

    message = await streamed(claude, "Why so?", model="sim-reason", **rest)

    thought = message.content[0]
    assert thought.type == "thinking"
    assert bool(thought.thinking) is shown
    assert thought.signature
    assert message.usage.output_tokens_details is not None
    assert message.usage.output_tokens_details.thinking_tokens > 0


async def test_disabled_thinking_leaves_no_trace(claude: AsyncAnthropic) -> None:
    message = await streamed(claude, "Why?", model="sim-reason", thinking={"type": "disabled"})

    assert [block.type for block in message.content] == ["text"]


async def test_limits_and_stop_sequences_have_their_reasons(claude: AsyncAnthropic) -> None:
    ask = "Reply with exactly this text and nothing else: one two three"

    cut = await streamed(claude, ask, max_tokens=2)
    stopped = await streamed(claude, ask, stop_sequences=["two"])
    filtered = await streamed(claude, ask, model="sim@fault=content_filter")

    assert (cut.stop_reason, stopped.stop_reason) == ("max_tokens", "stop_sequence")
    assert stopped.stop_sequence == "two"
    assert filtered.stop_reason == "refusal"
    assert filtered.stop_details is not None


@pytest.mark.requirement("provider-sim:faults")
async def test_an_error_in_the_middle_is_the_vendors_event(claude: AsyncAnthropic) -> None:
    with pytest.raises(APIStatusError) as caught:
        await streamed(claude, "Why so?", model="sim@mid_error_after=2")

    assert caught.value.type == "api_error"


async def test_a_body_without_stream_is_one_message(sim: SimulatorClient) -> None:
    body: JsonObject = {
        "model": "sim",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "x"}],
    }

    _, answer = await sim.post("/v1/messages", body, {"anthropic-version": "2026-10-21"})

    assert (answer["type"], answer["role"]) == ("message", "assistant")
