"""Client function tools: the call, the result, the answer; streamed and not."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionToolParam

pytestmark = pytest.mark.requirement("system:tools")


def tool(name: str) -> ChatCompletionToolParam:
    parameters: dict[str, object] = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    return {
        "type": "function",
        "function": {"name": name, "description": "Weather for a city", "parameters": parameters},
    }


def calls_of(answer: ChatCompletion) -> list[tuple[str, str, dict[str, object]]]:
    """Id, name and arguments of each call."""
    calls = answer.choices[0].message.tool_calls or []
    functions = [call for call in calls if call.type == "function"]
    assert len(functions) == len(calls)
    return [
        (call.id, call.function.name, json.loads(call.function.arguments)) for call in functions
    ]


def errand(name: str, final: str) -> list[Any]:
    text = (
        f'Call the tool named `{name}` exactly once with these arguments: {{"city":"Paris"}} . '
        f"After the tool result, reply with exactly: {final}"
    )
    return [{"role": "user", "content": text}]


def errand_text(name: str) -> str:
    return errand(name, "DONE-7")[0]["content"]


# Panels have ballots and refined answers of their own; a client's tool may be called the same.
@pytest.mark.parametrize("name", ["get_weather", "vote", "new_answer"])
def test_a_tool_round_trip(client: openai.OpenAI, model: str, name: str):
    messages = errand(name, "DONE-1")
    first = client.chat.completions.create(
        model=model, messages=messages, tools=[tool(name)], parallel_tool_calls=False
    )
    calls = calls_of(first)
    assert first.choices[0].finish_reason == "tool_calls"
    assert [(called, arguments) for _, called, arguments in calls] == [(name, {"city": "Paris"})]
    call_id = calls[0][0]
    assert len(call_id) <= 64

    messages.append(first.choices[0].message.model_dump(exclude_none=True))
    messages.append({"role": "tool", "tool_call_id": call_id, "content": "18C"})
    last = client.chat.completions.create(model=model, messages=messages, tools=[tool(name)])

    assert last.choices[0].message.content == "DONE-1"
    assert last.choices[0].finish_reason == "stop"


def test_a_streamed_call_comes_in_pieces_that_fit_together(client: openai.OpenAI, model: str):
    stream = client.chat.completions.create(
        model=model,
        messages=errand("get_weather", "DONE-2"),
        tools=[tool("get_weather")],
        stream=True,
    )

    ids, names, arguments, finish = list[str](), list[str](), "", None
    for choice in (choice for chunk in stream for choice in chunk.choices):
        finish = choice.finish_reason or finish
        for piece in choice.delta.tool_calls or []:
            assert piece.index == 0
            ids += [piece.id] if piece.id else []
            if piece.function is not None:
                names += [piece.function.name] if piece.function.name else []
                arguments += piece.function.arguments or ""
    assert len(ids) == 1
    assert names == ["get_weather"]
    assert json.loads(arguments) == {"city": "Paris"}
    assert finish == "tool_calls"


def test_a_named_tool_choice_is_obeyed(client: openai.OpenAI, model: str):
    answer = client.chat.completions.create(
        model=model,
        messages=errand("get_weather", "DONE-3"),
        tools=[tool("get_weather"), tool("other")],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
    )

    assert [name for _, name, _ in calls_of(answer)] == ["get_weather"]


def test_tool_choice_none_calls_nothing(client: openai.OpenAI, model: str):
    answer = client.chat.completions.create(
        model=model,
        messages=[
            {
                "role": "user",
                "content": "Reply with exactly this text and nothing else: NONE",
            }
        ],
        tools=[tool("get_weather")],
        tool_choice="none",
    )

    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].message.content == "NONE"


# ------------------------------------------------------- a loop that goes on from its last turn

STEPS = 5
EVERY_VENDOR_TAKES = re.compile(r"[a-zA-Z0-9_-]{1,40}")
STEP: dict[str, Any] = {
    "name": "step",
    "description": "Takes one step",
    "parameters": {
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": False,
    },
}


@dataclass
class Turn:
    """What the client sees, and the request id under which the run's record is."""

    calls: list[tuple[str, str]]
    text: str
    request_id: str


def steps() -> str:
    return "\n".join(
        f'Call the tool named `step` exactly once with these arguments: {{"number":{n}}} . '
        f"After the tool result, reply with exactly: DONE-{n}"
        for n in range(1, STEPS + 1)
    )


def chat_loop(client: openai.OpenAI, model: str) -> list[Turn]:
    messages: list[Any] = [{"role": "user", "content": steps()}]
    tools: list[Any] = [{"type": "function", "function": STEP}]
    turns: list[Turn] = []
    while not turns or (turns[-1].calls and len(turns) < 2 * STEPS):
        raw = client.chat.completions.with_raw_response.create(
            model=model, messages=messages, tools=tools
        )
        message = raw.parse().choices[0].message
        called = [call for call in message.tool_calls or [] if call.type == "function"]
        calls = [(call.function.name, call.function.arguments) for call in called]
        turns.append(Turn(calls, message.content or "", raw.headers["x-request-id"]))
        assert all(EVERY_VENDOR_TAKES.fullmatch(call.id) for call in called)
        messages.append(message.model_dump(exclude_none=True))
        messages += [{"role": "tool", "tool_call_id": call.id, "content": "ok"} for call in called]
    return turns


def responses_loop(client: openai.OpenAI, model: str) -> list[Turn]:
    items: list[Any] = [{"role": "user", "content": steps()}]
    tools: list[Any] = [{"type": "function", **STEP}]
    turns: list[Turn] = []
    while not turns or (turns[-1].calls and len(turns) < 2 * STEPS):
        raw = client.responses.with_raw_response.create(
            model=model, input=items, tools=tools, store=False
        )
        answer = raw.parse()
        called = [item for item in answer.output if item.type == "function_call"]
        calls = [(call.name, call.arguments) for call in called]
        turns.append(Turn(calls, answer.output_text, raw.headers["x-request-id"]))
        assert all(EVERY_VENDOR_TAKES.fullmatch(call.call_id) for call in called)
        items += [item.model_dump(exclude_none=True) for item in answer.output]
        items += [
            {"type": "function_call_output", "call_id": call.call_id, "output": "ok"}
            for call in called
        ]
    return turns


def shape_of(turns: list[Turn]) -> list[tuple[list[tuple[str, object]], str]]:
    return [([(name, json.loads(given)) for name, given in t.calls], t.text) for t in turns]


@pytest.mark.requirement("coordination:tools:resume")
@pytest.mark.parametrize("loop", [chat_loop, responses_loop])
def test_a_loop_of_five_steps_looks_as_with_one_model_and_no_answer_is_bought_twice(
    client: openai.OpenAI, loop: Callable[[openai.OpenAI, str], list[Turn]]
):
    expected = loop(client, "sim")

    turns = loop(client, "tools-vote")

    assert len(expected) == STEPS + 1
    assert shape_of(turns) == shape_of(expected)
    asked = [answering(client, turn) for turn in turns]
    everybody, others = ["analyst", "critic", "engineer"], ["analyst", "engineer"]
    assert asked == [everybody, *[others] * STEPS]


def answering(client: openai.OpenAI, turn: Turn) -> list[str]:
    """Whom the run asked for an answer, by its record."""
    path = f"/conclave/runs/{turn.request_id}"
    record = client.get(path, cast_to=cast("Any", dict[str, Any]))
    return sorted(call["agent_id"] for call in record["calls"] if call["phase"] == "answer")


@pytest.mark.requirement("chat:foreign:answered")
def test_a_loop_in_responses_words_closes_at_chats_door(client: openai.OpenAI, model: str):
    asked = [{"role": "user", "content": [{"type": "input_text", "text": errand_text("sum")}]}]
    flat = {"type": "function", **tool("sum")["function"]}
    body: dict[str, Any] = {"model": model, "instructions": "Be an agent.", "tools": [flat]}

    first = client.post("/chat/completions", body={**body, "input": asked}, cast_to=ChatCompletion)
    ((call_id, name, arguments),) = calls_of(first)
    called = {"type": "function_call", "call_id": call_id, "name": name}
    asked += [
        {**called, "arguments": json.dumps(arguments)},
        {"type": "function_call_output", "call_id": call_id, "output": "18C"},
    ]
    last = client.post("/chat/completions", body={**body, "input": asked}, cast_to=ChatCompletion)

    assert (name, arguments) == ("sum", {"city": "Paris"})
    assert last.choices[0].message.content == "DONE-7"
