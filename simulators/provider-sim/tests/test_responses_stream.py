"""The events of a Responses stream."""

import pytest
from openai import APIError, AsyncOpenAI
from openai.types.responses import ResponseStreamEvent

from provider_sim.testing import SimulatorClient

ASK = "Reply with exactly this text and nothing else: PONG-1"
ERRAND = (
    'Call the tool named `f` exactly once with these arguments: {"city":"Paris"} . '
    "After the tool result, reply with exactly: DONE-1"
)


async def events_of(
    sdk: AsyncOpenAI, text: str, model: str = "sim", **rest: object
) -> list[ResponseStreamEvent]:
    stream = await sdk.responses.create(  # pyright: ignore[reportCallIssue, reportUnknownVariableType]
        model=model,
        input=text,
        stream=True,
        **rest,  # pyright: ignore[reportArgumentType]
    )
    return [event async for event in stream]  # pyright: ignore[reportUnknownVariableType]


def first_places(events: list[ResponseStreamEvent]) -> list[str]:
    return list(dict.fromkeys(event.type.removeprefix("response.") for event in events))


@pytest.mark.requirement("provider-sim:responses-wire")
async def test_a_message_has_all_its_events_in_order(sdk: AsyncOpenAI) -> None:
    events = await events_of(sdk, ASK)

    assert first_places(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    last = events[-1]
    assert last.type == "response.completed"
    assert deltas == last.response.output_text == "PONG-1"
    assert last.response.usage is not None


@pytest.mark.requirement("provider-sim:responses-wire")
@pytest.mark.parametrize("kind", ["function", "custom"])
async def test_a_call_has_all_its_events_in_order(sdk: AsyncOpenAI, kind: str) -> None:
    tool = {"type": kind, "name": "f"}

    events = await events_of(sdk, ERRAND, tools=[tool])

    name = "function_call_arguments" if kind == "function" else "custom_tool_call_input"
    assert first_places(events) == [
        "created",
        "in_progress",
        "output_item.added",
        f"{name}.delta",
        f"{name}.done",
        "output_item.done",
        "completed",
    ]


async def test_a_reasoning_model_sends_a_summary_first(sdk: AsyncOpenAI) -> None:
    events = await events_of(sdk, ASK, model="sim-reason")

    places = first_places(events)
    assert places.index("reasoning_summary_text.delta") < places.index("output_text.delta")
    last = events[-1]
    assert last.type == "response.completed"
    assert [item.type for item in last.response.output] == ["reasoning", "message"]


async def test_the_sdks_strict_stream_helper_is_satisfied(sdk: AsyncOpenAI) -> None:
    for model in ("sim", "sim-reason"):
        async with sdk.responses.stream(model=model, input=ASK) as stream:
            final = await stream.get_final_response()

        assert final.output_text == "PONG-1"


async def test_a_cut_answer_ends_as_incomplete(sdk: AsyncOpenAI) -> None:
    events = await events_of(sdk, "Why so?", max_output_tokens=16)

    assert events[-1].type == "response.incomplete"


@pytest.mark.requirement("provider-sim:faults")
async def test_a_failure_mid_stream_is_said_in_both_forms(
    sdk: AsyncOpenAI, sim: SimulatorClient
) -> None:
    with pytest.raises(APIError, match="server had an error"):
        await events_of(sdk, "Why so?", model="sim@mid_error_after=3")
    raw = await sim.text(
        "/v1/responses", {"model": "sim@mid_error_after=3", "input": "Why?", "stream": True}
    )

    names = [line[7:] for line in raw.splitlines() if line.startswith("event: ")]
    assert names.count("response.output_text.delta") == 3
    assert names[-2:] == ["error", "response.failed"]
    assert f'"sequence_number":{len(names) - 1},' in raw
