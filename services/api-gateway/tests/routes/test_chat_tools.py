"""Tools of chat both ways: custom ones, and calls with ids that are not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wire.conversation import (
    ChoiceFinished,
    CustomTool,
    Message,
    ToolArgumentsDelta,
    ToolCall,
    ToolCallStarted,
    ToolResult,
)
from wire.coordination import RunEnded, RunProgress, RunStarted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.scenes.gateway import GatewayScene, Reply
    from wire.coordination import RunEvent, StartRun

CHAT = "/v1/chat/completions"
CALL = (
    'Call the tool named `sh` exactly once with these arguments: {"input":"ls -l"} . '
    "After the tool result, reply with exactly: DONE-1"
)
GRAMMAR: Any = {"type": "grammar", "grammar": {"syntax": "regex", "definition": ".*"}}
SHELL: Any = [{"type": "custom", "custom": {"name": "sh", "format": GRAMMAR}}]
SAID: Any = {"type": "custom", "custom": {"name": "sh", "input": "ls -l"}}


async def calls_shell(start: StartRun) -> AsyncGenerator[RunEvent]:
    """A panel's lead does."""
    yield RunStarted(start.run_id)
    yield ToolCallStarted(0, "call_1", "sh", kind="custom")
    yield ToolArgumentsDelta(0, "ls ")
    yield ToolArgumentsDelta(0, "-l")
    yield ChoiceFinished("tool_calls")
    yield RunProgress("ada asks for a tool")
    yield RunEnded("completed")


def streamed_calls(reply: Reply) -> list[Any]:
    deltas: list[dict[str, list[Any]]] = [
        event["choices"][0]["delta"] for event in reply.events[:-1] if event["choices"]
    ]
    return [call for delta in deltas for call in delta.get("tool_calls", [])]


@pytest.mark.parametrize("model", ["sim", "responses", "council"])
@pytest.mark.requirement("chat:custom-tools")
async def test_a_custom_tool_is_called_with_free_text(scene: GatewayScene, model: str) -> None:
    scene.orchestrator.script = calls_shell

    reply = await scene.chat(model, CALL, tools=SHELL)

    (choice,) = reply.json["choices"]
    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert {**SAID, "id": call["id"]} == call
    assert 1 <= len(call["id"]) <= 64


@pytest.mark.parametrize("model", ["sim", "responses", "council"])
@pytest.mark.requirement("chat:custom-tools")
async def test_a_custom_call_is_streamed_in_pieces(scene: GatewayScene, model: str) -> None:
    scene.orchestrator.script = calls_shell

    reply = await scene.chat(model, CALL, tools=SHELL, stream=True)

    first, *pieces = streamed_calls(reply)
    assert (first["index"], first["type"], first["custom"]) == (
        0,
        "custom",
        {"name": "sh", "input": ""},
    )
    assert all("id" not in piece and "name" not in piece["custom"] for piece in pieces)
    assert "".join(piece["custom"]["input"] for piece in pieces) == "ls -l"
    assert reply.events[-2]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("model", ["sim", "responses"])
@pytest.mark.requirement("chat:custom-tools")
async def test_the_loop_of_a_custom_tool_closes(scene: GatewayScene, model: str) -> None:
    messages: Any = [{"role": "user", "content": CALL}]
    body: Any = {"model": model, "messages": messages, "tools": SHELL}
    first = await scene.send("POST", CHAT, body)
    message = first.json["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "total 0"}

    second = await scene.send("POST", CHAT, {**body, "messages": [*messages, message, result]})

    assert second.json["choices"][0]["message"]["content"] == "DONE-1"


FOREIGN = "toolu_" + "01Xy" * 30
ODD = "chatcmpl-tool/é:7"


def replayed() -> list[Any]:
    """What a client of another platform sends: its ids, results in another order, no text."""
    return [
        {"role": "user", "content": "look"},
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": FOREIGN, "type": "function", "function": {"name": "gone", "arguments": ""}},
                {"id": ODD, "type": "custom", "custom": {"name": "sh", "input": "ls"}},
            ],
        },
        {"role": "tool", "tool_call_id": ODD, "content": [{"type": "text", "text": "b"}]},
        {"role": "tool", "tool_call_id": FOREIGN, "content": "a"},
        {"role": "user", "content": "Reply with exactly this text and nothing else: OK-7"},
    ]


@pytest.mark.parametrize("tools", [None, SHELL], ids=["no tools any more", "other tools"])
@pytest.mark.parametrize("model", ["sim", "responses"])
@pytest.mark.requirement("chat:foreign-ids")
async def test_calls_of_another_platform_are_replayed(
    scene: GatewayScene, model: str, tools: object
) -> None:
    body = {"model": model, "messages": replayed(), "tools": tools}

    reply = await scene.send("POST", CHAT, body)

    assert reply.json["choices"][0]["message"]["content"] == "OK-7"


@pytest.mark.requirement("chat:foreign-ids")
async def test_a_panel_gets_foreign_calls_and_results_as_they_are(scene: GatewayScene) -> None:
    body = {"model": "council", "messages": replayed(), "tools": SHELL}

    reply = await scene.send("POST", CHAT, body)

    (start,) = scene.orchestrator.started
    _, *between, last = start.request.items
    assert reply.status == 200
    assert isinstance(last, Message)
    assert [
        (type(item), getattr(item, "call_id", None), getattr(item, "kind", None))
        for item in between
    ] == [
        (ToolCall, FOREIGN, "function"),
        (ToolCall, ODD, "custom"),
        (ToolResult, ODD, "custom"),
        (ToolResult, FOREIGN, "function"),
    ]
    (tool,) = start.request.tools
    assert isinstance(tool, CustomTool)
    assert bytes(tool.format).startswith(b'{"type": "grammar"')
