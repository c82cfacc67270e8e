"""What Cursor posts to chat's door in other dialects' words is answered in chat's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from wire.conversation import (
    ChoiceFinished,
    FunctionTool,
    ToolArgumentsDelta,
    ToolCall,
    ToolCallStarted,
    ToolResult,
)
from wire.coordination import RunEnded, RunStarted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.scenes.gateway import GatewayScene, Reply
    from wire.coordination import RunEvent, StartRun

CHAT = "/v1/chat/completions"
CALL = (
    'Call the tool named `get_weather` exactly once with these arguments: {"city":"Paris"} . '
    "After the tool result, reply with exactly: DONE-1"
)
SCHEMA: Any = {"type": "object", "properties": {"city": {"type": "string"}}}
FLAT: Any = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}
ANTHROPIC: Any = {"name": "get_weather", "description": "Weather", "input_schema": SCHEMA}
ASK: Any = [{"role": "user", "content": [{"type": "input_text", "text": CALL}]}]
CALLED: Any = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "get_weather",
    "arguments": '{"city":"Paris"}',
}
RESULT: Any = {"type": "function_call_output", "call_id": "call_1", "output": "18C"}
USED: Any = {
    "role": "assistant",
    "content": [
        {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Paris"}}
    ],
}
GOT: Any = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "18C"}],
}
# What has been reported of Cursor: a first turn, and the same with a call and its result.
FIRST: dict[str, Any] = {
    "input": {"input": ASK, "instructions": "You are an agent.", "tools": [FLAT], "store": False},
    "flat": {"messages": ASK, "tools": [FLAT], "tool_choice": {"type": "auto"}},
    "anthropic": {"messages": ASK, "tools": [ANTHROPIC], "tool_choice": {"type": "any"}},
}
SECOND: dict[str, Any] = {
    "input": {**FIRST["input"], "input": [*ASK, CALLED, RESULT]},
    "flat": {**FIRST["flat"], "messages": [*ASK, CALLED, RESULT]},
    "anthropic": {**FIRST["anthropic"], "messages": [*ASK, USED, GOT], "tool_choice": None},
}
pytestmark = pytest.mark.requirement("chat:foreign:answered")


async def calls_weather(start: StartRun) -> AsyncGenerator[RunEvent]:
    """A panel's lead does."""
    yield RunStarted(start.run_id)
    yield ToolCallStarted(0, "call_1", "get_weather")
    yield ToolArgumentsDelta(0, '{"city":"Paris"}')
    yield ChoiceFinished("tool_calls")
    yield RunEnded("completed")


def called(reply: Reply, *, stream: bool) -> tuple[str, Any, str]:
    """The name, the arguments and the finish reason, streamed or whole."""
    if not stream:
        (choice,) = reply.json["choices"]
        (call,) = choice["message"]["tool_calls"]
        function = call["function"]
        return function["name"], json.loads(function["arguments"]), choice["finish_reason"]
    choices = [event["choices"][0] for event in reply.events[:-1] if event["choices"]]
    calls = [call for choice in choices for call in choice["delta"].get("tool_calls", [])]
    arguments = "".join(call["function"].get("arguments", "") for call in calls)
    return calls[0]["function"]["name"], json.loads(arguments), choices[-1]["finish_reason"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["sim", "responses", "council"])
@pytest.mark.parametrize("shape", FIRST)
async def test_a_tool_is_called_whatever_the_words(
    scene: GatewayScene, model: str, shape: str, *, stream: bool
) -> None:
    scene.orchestrator.script = calls_weather

    reply = await scene.send("POST", CHAT, {"model": model, **FIRST[shape], "stream": stream})

    assert called(reply, stream=stream) == ("get_weather", {"city": "Paris"}, "tool_calls")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["sim", "responses"])
@pytest.mark.parametrize("shape", SECOND)
async def test_the_loop_closes_whatever_the_words(
    scene: GatewayScene, model: str, shape: str, *, stream: bool
) -> None:
    reply = await scene.send("POST", CHAT, {"model": model, **SECOND[shape], "stream": stream})

    if stream:
        assert (reply.text, reply.events[-1]) == ("DONE-1", "[DONE]")
    else:
        assert reply.json["object"] == "chat.completion"
        assert reply.json["choices"][0]["message"]["content"] == "DONE-1"


@pytest.mark.parametrize("shape", SECOND)
async def test_a_panel_sees_the_same_conversation_whatever_the_words(
    scene: GatewayScene, shape: str
) -> None:
    reply = await scene.send("POST", CHAT, {"model": "council", **SECOND[shape]})

    (start,) = scene.orchestrator.started
    *_, call, result = start.request.items
    (tool,) = start.request.tools
    assert reply.status == 200
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert isinstance(tool, FunctionTool)
    assert (call.call_id, call.name, json.loads(call.arguments)) == (
        "call_1",
        "get_weather",
        {"city": "Paris"},
    )
    assert result.call_id == "call_1"
    assert (tool.name, json.loads(bytes(tool.parameters))) == ("get_weather", SCHEMA)


async def test_a_chat_backend_sees_nothing_but_chat(scene: GatewayScene) -> None:
    asked = {
        "model": "sim",
        **SECOND["input"],
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "text": {"verbosity": "low"},
        "max_output_tokens": 50,
        "truncation": "auto",
    }

    reply = await scene.send("POST", CHAT, asked)

    (record,) = await scene.sim.record("?bodies=true")
    sent: Any = record["body"]
    assert reply.status == 200
    assert sent.keys() == {
        "model",
        "store",
        "messages",
        "tools",
        "max_completion_tokens",
        "verbosity",
    }
    roles = [message["role"] for message in sent["messages"]]
    assert roles == ["system", "user", "assistant", "tool"]


async def test_what_is_stored_is_listed_as_chat(scene: GatewayScene) -> None:
    kept = await scene.send("POST", CHAT, {"model": "sim", **SECOND["input"], "store": True})

    listed = await scene.send("GET", f"{CHAT}/{kept.json['id']}/messages")

    roles = [message["role"] for message in listed.json["data"]]
    assert roles == ["system", "user", "assistant", "tool"]


async def test_what_refers_to_stored_responses_is_refused_by_name(scene: GatewayScene) -> None:
    asked = {"model": "sim", "input": "hi", "previous_response_id": "resp_1"}

    reply = await scene.send("POST", CHAT, asked)

    assert (reply.status, reply.error["param"]) == (400, "previous_response_id")
    assert "/v1/responses" in reply.error["message"]
