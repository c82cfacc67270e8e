"""Client function tools: the call, the result, the answer; streamed and not."""

import json
from typing import Any

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
