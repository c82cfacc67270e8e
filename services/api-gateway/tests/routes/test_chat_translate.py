"""POST /v1/chat/completions for single models the client's words cannot be passed on to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.scenes.gateway import GatewayScene

PING = "Reply with exactly this text and nothing else: PONG-1"
CALL = (
    'Call the tool named `get_weather` exactly once with these arguments: {"city":"Paris"} . '
    "After the tool result, reply with exactly: DONE-1"
)
FUNCTIONS: Any = [{"name": "get_weather", "parameters": {"type": "object", "properties": {}}}]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("translate:works")
async def test_a_responses_only_backend_answers_chat(scene: GatewayScene, *, stream: bool) -> None:
    reply = await scene.chat("responses", PING, stream=stream)

    if stream:
        assert (reply.text, reply.events[-1]) == ("PONG-1", "[DONE]")
    else:
        assert reply.json["choices"][0]["message"]["content"] == "PONG-1"
        assert reply.json["usage"]["prompt_tokens"] > 0
    (record,) = await scene.sim.record()
    assert record["dialect"] == "openai_responses"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("providers:stop")
async def test_a_stop_sequence_ends_the_text_of_a_responses_only_backend(
    scene: GatewayScene, *, stream: bool
) -> None:
    text = "Reply with exactly this text and nothing else: one STOP two"

    reply = await scene.chat("responses", text, stop="STOP", stream=stream)

    if stream:
        assert reply.text == "one "
        assert reply.events[-2]["choices"][0]["finish_reason"] == "stop"
    else:
        assert reply.json["choices"][0]["message"]["content"] == "one "
        assert reply.json["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("chat:choices")
async def test_choices_a_backend_cannot_count_are_calls_of_their_own(
    scene: GatewayScene, *, stream: bool
) -> None:
    reply = await scene.chat("single", PING, n=2, stream=stream)

    if stream:
        indices = {c["index"] for e in reply.events[:-1] for c in e["choices"]}
        assert indices == {0, 1}
    else:
        answers = [choice["message"]["content"] for choice in reply.json["choices"]]
        assert answers == ["PONG-1", "PONG-1"]
    assert len(await scene.sim.record()) == 2


@pytest.mark.requirement("chat:legacy-functions")
async def test_a_client_of_functions_completes_its_loop(scene: GatewayScene) -> None:
    messages: Any = [{"role": "user", "content": CALL}]
    first = await scene.send(
        "POST",
        "/v1/chat/completions",
        {"model": "sim", "messages": messages, "functions": FUNCTIONS},
    )
    message = first.json["choices"][0]["message"]
    messages += [message, {"role": "function", "name": "get_weather", "content": "18C"}]
    second = await scene.send(
        "POST",
        "/v1/chat/completions",
        {"model": "sim", "messages": messages, "functions": FUNCTIONS},
    )

    assert first.json["choices"][0]["finish_reason"] == "function_call"
    assert message["function_call"]["name"] == "get_weather"
    assert json.loads(message["function_call"]["arguments"]) == {"city": "Paris"}
    assert second.json["choices"][0]["message"]["content"] == "DONE-1"


@pytest.mark.requirement("chat:legacy-functions")
async def test_a_function_call_is_streamed_as_one(scene: GatewayScene) -> None:
    reply = await scene.chat("sim", CALL, functions=FUNCTIONS, stream=True)

    calls = [e["choices"][0]["delta"].get("function_call") for e in reply.events[:-1]]
    pieces = [call for call in calls if call]
    assert pieces[0] == {"name": "get_weather", "arguments": ""}
    assert json.loads("".join(piece["arguments"] for piece in pieces)) == {"city": "Paris"}
    assert reply.events[-2]["choices"][0]["finish_reason"] == "function_call"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("translate:failures:status")
async def test_a_failing_backend_is_a_status(scene: GatewayScene, *, stream: bool) -> None:
    reply = await scene.chat("sim-429", functions=FUNCTIONS, stream=stream)

    assert (reply.status, reply.error["code"]) == (429, "rate_limit_exceeded")


@pytest.mark.requirement("chat:stream:failure")
async def test_a_backend_that_breaks_in_the_middle_ends_in_an_error_event(
    scene: GatewayScene,
) -> None:
    reply = await scene.chat("sim-mid-reset", functions=FUNCTIONS, stream=True)

    assert "error" in reply.events[-1]
    assert "[DONE]" not in reply.events
