"""Several vendors behind one endpoint: each alone, and all three in one panel."""

import json
from typing import Any, NamedTuple, cast

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessage, ChatCompletionToolParam

from tests.system.platform_process import Platform, eventually
from tests.system.scenery import MIXED
from tests.system.simulator_process import Simulator

ALONE = ("claude-sim", "claude-able", "azure-sim")
PANELS = tuple(f"mixed-{lead}" for lead in MIXED)
EXACTLY = "Reply with exactly this text and nothing else: "
STEPS = 5
DIALECTS = {"openai_chat", "anthropic_messages", "azure_chat"}
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "step",
        "description": "Takes one step",
        "parameters": {
            "type": "object",
            "properties": {"number": {"type": "integer"}},
            "required": ["number"],
            "additionalProperties": False,
        },
    },
}


def user(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def errand(steps: int) -> str:
    return "\n".join(
        f'Call the tool named `step` exactly once with these arguments: {{"number":{n}}} . '
        f"After the tool result, reply with exactly: DONE-{n}"
        for n in range(1, steps + 1)
    )


class Turn(NamedTuple):
    """What a client sees of one turn, apart from ids and words."""

    finish_reason: str
    calls: tuple[tuple[str, str], ...]
    text: str | None


def turn_of(finish_reason: str, message: ChatCompletionMessage) -> Turn:
    calls = [call for call in message.tool_calls or [] if call.type == "function"]
    said = tuple((call.function.name, call.function.arguments) for call in calls)
    normal = tuple((name, json.dumps(json.loads(arguments))) for name, arguments in said)
    return Turn(finish_reason, normal, message.content)


def whole(client: openai.OpenAI, model: str, messages: list[Any]) -> ChatCompletion:
    return client.chat.completions.create(model=model, messages=messages, tools=[TOOL])


def streamed(client: openai.OpenAI, model: str, messages: list[Any]) -> ChatCompletion:
    with client.chat.completions.stream(model=model, messages=messages, tools=[TOOL]) as stream:
        return stream.get_final_completion()


def tool_loop(client: openai.OpenAI, model: str, *, stream: bool) -> list[Turn]:
    """As an agent's client runs it, until nothing is called any more."""
    messages, turns = user(errand(STEPS)), list[Turn]()
    ask = streamed if stream else whole
    for _ in range(2 * STEPS):
        choice = ask(client, model, messages).choices[0]
        turns.append(turn_of(choice.finish_reason, choice.message))
        calls = choice.message.tool_calls or []
        if not calls:
            break
        messages.append(choice.message.model_dump(exclude_none=True, exclude={"parsed"}))
        messages += [{"role": "tool", "tool_call_id": call.id, "content": "ok"} for call in calls]
    return turns


@pytest.mark.requirement("system:vendors:tool-loop")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [*ALONE, *PANELS])
def test_five_steps_with_a_clients_tool_look_as_with_one_model(
    client: openai.OpenAI, model: str, *, stream: bool
):
    expected = tool_loop(client, "sim", stream=stream)

    turns = tool_loop(client, model, stream=stream)

    assert [turn.finish_reason for turn in expected] == ["tool_calls"] * STEPS + ["stop"]
    assert [turn.calls for turn in turns] == [turn.calls for turn in expected]
    assert [turn.finish_reason for turn in turns] == [turn.finish_reason for turn in expected]
    assert turns[-1].text == expected[-1].text == f"DONE-{STEPS}"


@pytest.mark.requirement("system:vendors:mixed-panel")
@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_each_vendor_in_its_own_dialect(
    client: openai.OpenAI, sim: Simulator, seen_before: int, panel: str
):
    answer = client.chat.completions.create(model=panel, messages=user("Why is the sky blue?"))

    calls = sim.ended_calls(seen_before)
    answers = [call for call in calls if call.kind == "answer"]
    ballots = [call for call in calls if call.kind == "ballot"]
    assert answer.choices[0].message.content
    assert {call.dialect for call in answers} == DIALECTS
    assert {call.dialect for call in ballots} == DIALECTS
    assert {call.status for call in calls} == {200}
    assert len({call.persona for call in answers}) == len(MIXED)


@pytest.mark.requirement("system:vendors:mixed-panel")
def test_a_mixed_panel_agrees_on_what_was_asked(client: openai.OpenAI):
    stream = client.chat.completions.create(
        model=PANELS[0], messages=user(f"{EXACTLY}MIXED-1"), stream=True
    )

    text = "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)

    assert text == "MIXED-1"


@pytest.mark.requirement("system:vendors:alone")
@pytest.mark.parametrize("model", ALONE)
def test_a_model_of_another_vendor_is_like_any(
    client: openai.OpenAI, sim: Simulator, seen_before: int, model: str
):
    answer = client.chat.completions.create(
        model=model,
        messages=[
            {"role": "system", "content": "Be literal."},
            *user("Hello."),
            {"role": "assistant", "content": "Hello!"},
            *user(f"{EXACTLY}Grüße 🌍"),
        ],
        max_completion_tokens=50,
    )

    [call] = sim.ended_calls(seen_before)
    assert answer.choices[0].message.content == "Grüße 🌍"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == model
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == call.prompt_tokens
    assert answer.usage.completion_tokens == call.completion_tokens


@pytest.mark.requirement("system:vendors:alone")
@pytest.mark.parametrize("model", ALONE)
def test_every_chunk_has_one_id_and_the_name_that_was_asked(client: openai.OpenAI, model: str):
    stream = client.chat.completions.create(
        model=model,
        messages=user(f"{EXACTLY}one two three"),
        stream=True,
        stream_options={"include_usage": True},
    )

    chunks = list(stream)

    assert len({(chunk.id, chunk.created) for chunk in chunks}) == 1
    assert {chunk.model for chunk in chunks} == {model}
    assert chunks[-1].usage is not None


@pytest.mark.requirement("system:vendors:alone")
@pytest.mark.parametrize("model", ALONE)
def test_a_form_is_filled_by_any_vendor(client: openai.OpenAI, model: str):
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }

    answer = client.chat.completions.create(
        model=model,
        messages=user("Where?"),
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "place", "schema": schema, "strict": True},
        },
    )

    assert set(json.loads(answer.choices[0].message.content or "")) == {"city"}
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.requirement("system:vendors:alone")
def test_thoughts_are_streamed_as_reasoning(client: openai.OpenAI):
    stream = client.chat.completions.create(
        model="claude-reason", messages=user("Why?"), stream=True, reasoning_effort="high"
    )

    thought, text = "", ""
    for choice in (choice for chunk in stream for choice in chunk.choices):
        thought += getattr(choice.delta, "reasoning_content", None) or ""
        text += choice.delta.content or ""

    assert thought
    assert text


@pytest.mark.requirement("system:vendors:alone")
@pytest.mark.parametrize(
    ("model", "fault", "status"),
    [
        ("claude-sim", 529, 503),
        ("claude-sim", 401, 502),
        ("azure-sim", 429, 429),
        ("azure-sim", 404, 400),
    ],
)
def test_a_vendors_refusal_is_told_in_openais_form(
    client: openai.OpenAI, sim: Simulator, model: str, fault: int, status: int
):
    sim.add_rules(
        {
            "match": {"text_regex": f"^refuse-{model}-{fault}$"},
            "profile": {"fault": fault},
        }
    )

    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(model=model, messages=user(f"refuse-{model}-{fault}"))

    assert refused.value.status_code == status
    body = cast("dict[str, Any]", refused.value.body)
    assert set(body) == {"message", "type", "param", "code"}


@pytest.mark.requirement("system:vendors:discovery")
def test_what_a_vendor_lists_can_be_asked(client: openai.OpenAI, running: Platform):
    def listed() -> set[str]:
        return {model.id for model in client.models.list() if model.id.startswith("lab/")}

    eventually(lambda: bool(listed()), 5, "the vendor's models are listed")
    answer = client.chat.completions.create(model="lab/sim", messages=user(f"{EXACTLY}FOUND"))

    assert running.process.poll() is None
    assert listed() == {"lab/sim", "lab/sim-reason"}
    assert answer.choices[0].message.content == "FOUND"
