# ruff: noqa: E501  one case, one line
"""POST /v1/responses: decoded, continued, answered by every lane, kept."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import openai
import pytest
from pydantic import BaseModel

from api_gateway.stores.errors import StoreUnavailableError
from api_gateway.stores.responses import SqlResponses
from tests.scenes.gateway import KEY, WAIT_S, GatewayScene, answered, gateway
from tests.scenes.responses import check_response, read_frames, strict, texts
from wire.conversation import (
    ChoiceFinished,
    Message,
    ReasoningDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    ToolResult,
    Usage,
    text_of,
)
from wire.coordination import RunDetails, RunEnded, RunProgress, RunStarted
from wire.errors import ErrorInfo

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from wire.coordination import RunEvent, StartRun

PING = "Reply with exactly this text and nothing else: PONG-1"
CALL = (
    'Call the tool named `get_weather` exactly once with these arguments: {"city":"Paris"} . '
    "After the tool result, reply with exactly: DONE-1"
)
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather",
    "strict": False,
    "parameters": CITY,
}
CUSTOM: Any = {"type": "custom", "name": "shell", "description": "Run", "format": {"type": "text"}}
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["name", "n"],
    "additionalProperties": False,
}
ENDED = RunEnded("completed", usage=Usage(300, 30), delivered_usage=Usage(100, 10))
FAILED = ErrorInfo(429, "requests", "Every agent was limited.", "provider_rate_limit",
                   code="rate_limit_exceeded", retry_after_s=3.0)  # fmt: skip
# One model of each lane.
LANES = {"responses": "splice", "sim": "translate", "council": "run"}


async def stored(scene: GatewayScene, response_id: str) -> dict[str, Any]:
    reply = await scene.send("GET", f"/v1/responses/{response_id}")
    assert reply.status == 200, reply.body
    return reply.json


# ---------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize("model", LANES)
@pytest.mark.requirement("responses:lanes")
async def test_every_lane_streams_the_full_sequence(scene: GatewayScene, model: str) -> None:
    reply = await scene.ask(model, PING, stream=True, metadata={"a": "b"})

    events = strict(reply.body)
    final = events[-1]["response"]
    assert texts(events) == ("Hello world" if model == "council" else "PONG-1")
    assert (final["model"], final["store"], final["metadata"]) == (model, True, {"a": "b"})
    assert final["id"] == "resp_" + reply.headers["x-request-id"].removeprefix("req_")
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    await scene.accounted()
    assert scene.metrics.requests.of("/v1/responses", model, LANES[model], "200")._value.get() == 1


@pytest.mark.parametrize("model", LANES)
@pytest.mark.requirement("responses:lanes")
async def test_every_lane_answers_at_once(scene: GatewayScene, model: str) -> None:
    reply = await scene.ask(model, PING, instructions="Be literal.")

    check_response(reply.json)
    assert (reply.status, reply.json["status"]) == (200, "completed")
    assert reply.json["instructions"] == "Be literal."
    assert reply.json["usage"]["input_tokens"] > 0


@pytest.mark.parametrize("model", LANES)
@pytest.mark.requirement("responses:store:retrieval")
async def test_what_is_retrieved_is_what_was_sent(scene: GatewayScene, model: str) -> None:
    streamed = strict((await scene.ask(model, PING, stream=True)).body)[-1]["response"]
    whole = await scene.ask(model, PING)

    again = await scene.send("GET", f"/v1/responses/{whole.json['id']}")

    assert again.body == whole.body
    assert await stored(scene, streamed["id"]) == streamed


@pytest.mark.parametrize("model", ["responses", "sim"])
@pytest.mark.requirement("responses:tools:both-ways")
async def test_a_tool_is_called_and_answered_by_what_is_stored(
    scene: GatewayScene, model: str
) -> None:
    first = strict((await scene.ask(model, CALL, tools=[TOOL], stream=True)).body)
    (call,) = first[-1]["response"]["output"]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "18C"}

    second = await scene.ask(
        model, [output], tools=[TOOL], previous_response_id=first[-1]["response"]["id"]
    )

    assert (call["type"], json.loads(call["arguments"])) == ("function_call", {"city": "Paris"})
    assert second.json["output"][0]["content"][0]["text"] == "DONE-1"


@pytest.mark.parametrize("model", ["responses", "sim"])
@pytest.mark.requirement("responses:leniency")
async def test_a_client_that_stores_nothing_replays_everything(
    scene: GatewayScene, model: str
) -> None:
    first = await scene.ask(model, CALL, tools=[TOOL, {"type": "web_search"}], store=False)
    call = {**first.json["output"][0], "id": "fc_of_another_server"}
    items: Any = [
        {"role": "developer", "content": "Be literal.", "type": "message"},
        {"type": "reasoning", "id": "rs_unknown", "summary": []},
        {"role": "user", "content": [{"type": "input_text", "text": CALL}]},
        call,
        {"type": "function_call_output", "call_id": call["call_id"], "output": "18C"},
    ]

    second = await scene.ask(model, items, tools=[TOOL, {"type": "web_search"}], store=False)

    assert second.json["output"][0]["content"][0]["text"] == "DONE-1"
    assert [tool["type"] for tool in second.json["tools"]] == ["function"]


@pytest.mark.parametrize("model", ["responses", "sim"])
@pytest.mark.requirement("responses:structured")
async def test_a_schema_is_kept(scene: GatewayScene, model: str) -> None:
    wanted = {"type": "json_schema", "name": "x", "schema": SCHEMA, "strict": True}

    reply = await scene.ask(model, "Give a name and a number.", text={"format": wanted})

    assert set(json.loads(reply.json["output"][0]["content"][0]["text"])) == {"name", "n"}
    assert reply.json["text"]["format"] == wanted


@pytest.mark.parametrize("model", LANES)
@pytest.mark.requirement("responses:incomplete")
async def test_an_answer_that_was_cut_says_so(scene: GatewayScene, model: str) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield TextDelta("Hel")
        yield ChoiceFinished("length")
        yield RunEnded("incomplete", delivered_usage=Usage(10, 1))

    scene.orchestrator.script = script

    reply = await scene.ask(model, "Tell me a long story.", max_output_tokens=16, stream=True)

    events = strict(reply.body)
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


# ------------------------------------------------------------------------------------------- runs


@pytest.mark.requirement("responses:tools:both-ways")
async def test_a_panel_gets_the_whole_request_and_calls_tools(scene: GatewayScene) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield ToolCallStarted(0, "call_1", "shell", "custom", "ns")
        yield ToolArgumentsDelta(0, "ls")
        yield ChoiceFinished("tool_calls")
        yield ENDED

    scene.orchestrator.script = script

    reply = await scene.ask(
        "council", "go", tools=[{"type": "namespace", "name": "ns", "tools": [CUSTOM]}],
        instructions="Be literal.", stream=True,
    )  # fmt: skip

    (start,) = scene.orchestrator.started
    (item,) = strict(reply.body)[-1]["response"]["output"]
    assert (item["type"], item["namespace"], item["input"]) == ("custom_tool_call", "ns", "ls")
    assert [(t.name, t.namespace) for t in start.request.tools] == [("shell", "ns")]
    system = start.request.items[0]
    assert isinstance(system, Message)
    assert (system.role, text_of(system.content)) == ("system", "Be literal.")
    assert start.run_id == "run_" + reply.headers["x-request-id"].removeprefix("req_")


@pytest.mark.parametrize(
    ("members", "headers", "shown"),
    [
        ({"reasoning": {"summary": "auto"}}, {}, True),
        ({}, {}, False),
        ({}, {"x-conclave-progress": "on"}, True),
        ({"reasoning": {"summary": "auto"}}, {"x-conclave-progress": "off"}, False),
    ],
)
@pytest.mark.requirement("responses:stream:reasoning")
async def test_a_panels_progress_is_a_summary_for_who_asks(
    scene: GatewayScene, members: dict[str, object], headers: dict[str, str], *, shown: bool
) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        if start.progress:
            yield RunProgress("ada answers")
        async for event in answered(start):
            yield event

    scene.orchestrator.script = script

    reply = await scene.ask("council", stream=True, headers=headers, **members)

    output = strict(reply.body)[-1]["response"]["output"]
    assert [item["type"] for item in output] == (["reasoning"] * shown) + ["message"]
    if shown:
        assert output[0]["summary"] == [{"type": "summary_text", "text": "ada answers\n"}]


@pytest.mark.requirement("responses:stream:reasoning")
async def test_a_models_reasoning_is_a_summary_for_who_asks(scene: GatewayScene) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield ReasoningDelta("hm")
        async for event in answered(start):
            yield event

    scene.orchestrator.script = script

    shown = await scene.ask("council", reasoning={"summary": "auto"})
    hidden = await scene.ask("council")

    assert [item["type"] for item in shown.json["output"]] == ["reasoning", "message"]
    assert [item["type"] for item in hidden.json["output"]] == ["message"]


async def test_how_a_panel_decided_is_told_to_who_asks(scene: GatewayScene) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield TextDelta("a")
        yield ChoiceFinished("stop")
        yield RunEnded("completed", details=RunDetails(run_id=start.run_id, rule="plurality"))

    scene.orchestrator.script = script

    reply = await scene.ask("council", headers={"x-conclave-details": "true"})

    assert reply.json["conclave"]["rule"] == "plurality"


@pytest.mark.requirement("responses:structured")
async def test_strict_output_a_backend_cannot_keep_is_the_orchestrators(
    scene: GatewayScene,
) -> None:
    wanted = {"type": "json_schema", "name": "x", "schema": SCHEMA, "strict": True}

    await scene.ask("loose", "x", text={"format": wanted})

    (start,) = scene.orchestrator.started
    assert start.panel.kind == "model"
    assert start.request.response_format.strict


@pytest.mark.requirement("responses:stream:sequence")
async def test_the_first_events_do_not_wait_for_the_answer(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        await release.wait()
        async for event in answered(start):
            yield event

    async with gateway(tmp_path, first_frame_hold_s=0.05, heartbeat_s=0.05) as scene:
        scene.orchestrator.script = script
        async with asyncio.timeout(WAIT_S), _streaming(scene, "council") as response:
            begun = await response.content.readuntil(b": keep-alive\n\n")
            release.set()
            rest = await response.content.read()

    kinds = [event["type"] for event in strict(begun + rest)]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"


# --------------------------------------------------------------------------------------- failures


FAULTS = [
    ("400", 400, None), ("401", 502, "upstream_credentials"), ("429", 429, "rate_limit_exceeded"),
    ("500", 502, "upstream_error"), ("503", 503, "server_is_overloaded"),
    ("quota", 429, None),
    ("hang", 504, "timeout"), ("reset", 502, "upstream_error"), ("error200", None, None),
]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("fault", "status", "code"), FAULTS)
@pytest.mark.parametrize("dialect", ["responses", "sim"])
@pytest.mark.requirement("responses:stream:failure")
async def test_a_failure_before_the_first_byte_is_a_status(
    scene: GatewayScene, dialect: str, fault: str, status: int | None, code: str | None, *,
    stream: bool,
) -> None:  # fmt: skip
    reply = await scene.ask(f"{dialect}-{fault}", stream=stream)

    assert reply.status == status if status is not None else reply.status >= 400
    assert set(reply.error) == {"message", "type", "param", "code"}
    if code is not None:
        assert reply.error["code"] == code
    assert "sim" not in reply.error["message"] or "provider" not in reply.error["message"]


@pytest.mark.parametrize("model", ["responses-full", "full"])
@pytest.mark.requirement("responses:errors:context-length")
async def test_a_backend_that_finds_it_too_long_blames_the_input(
    scene: GatewayScene, model: str
) -> None:
    reply = await scene.ask(model)

    assert (reply.status, reply.error["code"]) == (400, "context_length_exceeded")
    assert reply.error["param"] == "input"


@pytest.mark.parametrize("fault", ["mid-error", "mid-reset", "mid-cut", "mid-close", "mid-stall"])
@pytest.mark.parametrize("dialect", ["responses", "sim"])
@pytest.mark.requirement("responses:stream:failure")
async def test_a_failure_in_the_middle_is_two_events_and_is_kept(
    scene: GatewayScene, dialect: str, fault: str
) -> None:
    reply = await scene.ask(f"{dialect}-{fault}", "Tell me a long story.", stream=True)

    events = strict(reply.body)
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    final = events[-1]["response"]
    assert final["error"]["code"] in ("server_error", "rate_limit_exceeded")
    assert await stored(scene, final["id"]) == final


@pytest.mark.parametrize("dialect", ["responses", "sim"])
@pytest.mark.requirement("responses:stream:failure")
async def test_the_sdk_raises_when_a_stream_fails(scene: GatewayScene, dialect: str) -> None:
    stream = await scene.sdk.responses.create(
        model=f"{dialect}-mid-error", input="Tell me a story.", stream=True
    )

    with pytest.raises(openai.APIError):
        async for _ in stream:
            pass


@pytest.mark.requirement("responses:stream:failure")
async def test_a_run_that_fails_early_is_a_status_and_late_two_events(
    scene: GatewayScene,
) -> None:
    async def late(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield TextDelta("Hel")
        yield RunEnded("failed", error=FAILED)

    async def early(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield RunEnded("failed", error=FAILED)

    scene.orchestrator.script = early
    refused = await scene.ask("council", stream=True)
    scene.orchestrator.script = late
    broken = strict((await scene.ask("council", stream=True)).body)

    assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
    assert refused.headers["retry-after"] == "3"
    assert broken[-1]["response"]["error"] == {
        "code": "rate_limit_exceeded",
        "message": "Every agent was limited. Please try again in 3s.",
    }


@pytest.mark.requirement("responses:stream:failure")
async def test_a_run_that_stops_in_the_middle_is_no_silent_success(scene: GatewayScene) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield TextDelta("Hel")

    scene.orchestrator.script = script

    events = strict((await scene.ask("council", stream=True)).body)

    assert events[-1]["type"] == "response.failed"


# --------------------------------------------------------------------------------------- requests


REFUSALS: list[tuple[dict[str, Any], int, str | None, str | None]] = [
    ({"model": "no-such-model"}, 404, "model", "model_not_found"),
    ({"model": "sim-embed"}, 400, "model", "unsupported_value"),
    ({"previous_response_id": "resp_nope"}, 400, "previous_response_id", "previous_response_not_found"),
    ({"conversation": "conv_nope"}, 404, None, None),
    ({"conversation": "conv_1", "previous_response_id": "r"}, 400, None, "mutually_exclusive_parameters"),
    ({"input": [{"type": "item_reference", "id": "msg_nope"}]}, 404, "input", None),
    ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, 400, "input", None),
    ({"tools": [{"type": "file_search"}], "tool_choice": "required"}, 400, "tool_choice", "unsupported_value"),
    ({"include": ["message.output_text.logprobs"], "model": "council"}, 400, "include", "unsupported_parameter"),
    ({"temperature": 9}, 400, "temperature", "decimal_above_max_value"),
]  # fmt: skip


@pytest.mark.parametrize(("members", "status", "param", "code"), REFUSALS)
@pytest.mark.requirement("responses:errors:param-and-code")
async def test_a_request_that_cannot_be_answered_is_refused(
    scene: GatewayScene, members: dict[str, Any], status: int, param: str | None, code: str | None
) -> None:
    body = {"model": "sim", "input": "hi", **members}

    reply = await scene.send("POST", "/v1/responses", body)

    assert (reply.status, reply.error["param"], reply.error["code"]) == (status, param, code)


@pytest.mark.requirement("responses:errors:context-length")
async def test_input_that_cannot_fit_is_refused_without_asking_a_model(
    scene: GatewayScene,
) -> None:
    reply = await scene.ask("narrow", "several words that count " * 1000)

    assert (reply.status, reply.error["code"]) == (400, "context_length_exceeded")
    assert reply.error["param"] == "input"
    assert await scene.sim.record() == []


@pytest.mark.requirement("responses:truncation")
async def test_truncated_input_loses_its_oldest_items(scene: GatewayScene) -> None:
    long = {"role": "user", "content": "OLDEST " + "several words that count " * 300}

    reply = await scene.ask("narrow", [long, {"role": "user", "content": PING}], truncation="auto")

    bodies: list[Any] = [each["body"] for each in await scene.sim.record("?bodies=true")]
    assert reply.json["output"][0]["content"][0]["text"] == "PONG-1"
    assert reply.json["truncation"] == "auto"
    assert [[message["content"] for message in body["messages"]] for body in bodies] == [[PING]]


# ----------------------------------------------------------------------------------------- stores


@pytest.mark.parametrize("model", LANES)
@pytest.mark.requirement("responses:store:default")
async def test_what_is_not_to_be_stored_is_not(scene: GatewayScene, model: str) -> None:
    reply = await scene.ask(model, PING, store=False)

    gone = await scene.send("GET", f"/v1/responses/{reply.json['id']}")

    assert (reply.status, reply.json["store"], gone.status) == (200, False, 404)


@pytest.mark.parametrize("model", LANES)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("responses:store:unavailable")
async def test_an_answer_whose_store_fails_is_delivered(
    scene: GatewayScene, monkeypatch: pytest.MonkeyPatch, model: str, *, stream: bool
) -> None:
    async def fail(*_: object) -> None:
        raise StoreUnavailableError

    monkeypatch.setattr(SqlResponses, "save", fail)

    reply = await scene.ask(model, PING, stream=stream)

    final = strict(reply.body)[-1]["response"] if stream else reply.json
    assert (final["status"], final["store"]) == ("completed", False)


@pytest.mark.requirement("responses:store:continued")
async def test_a_panel_continues_a_model_with_all_items(scene: GatewayScene) -> None:
    first = await scene.ask("sim", PING)

    second = await scene.ask("council", "And now?", previous_response_id=first.json["id"])
    third = await scene.ask("responses", PING, previous_response_id=second.json["id"])

    (start,) = scene.orchestrator.started
    said = [text_of(item.content) for item in start.request.items if isinstance(item, Message)]
    assert said == [PING, "PONG-1", "And now?"]
    assert second.json["previous_response_id"] == first.json["id"]
    assert third.json["output"][0]["content"][0]["text"] == "PONG-1"


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("model", LANES)
@pytest.mark.requirement("responses:store:continued")
async def test_a_conversation_gets_what_was_said(
    scene: GatewayScene, model: str, *, store: bool
) -> None:
    hello: Any = [{"type": "message", "role": "user", "content": "Hello"}]
    conversation = await scene.sdk.conversations.create(items=hello)

    reply = await scene.ask(model, PING, conversation=conversation.id, store=store)

    assert reply.json["conversation"] == {"id": conversation.id}
    items = [i async for i in scene.sdk.conversations.items.list(conversation.id, order="asc")]
    assert [getattr(item, "role", None) for item in items] == ["user", "user", "assistant"]
    assert items[2].id == reply.json["output"][0]["id"]


@pytest.mark.requirement("responses:store:continued")
async def test_two_responses_at_once_do_not_continue_one_conversation(
    scene: GatewayScene,
) -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        begun.set()
        await release.wait()
        async for event in answered(start):
            yield event

    scene.orchestrator.script = script
    conversation = await scene.sdk.conversations.create()

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        first = group.create_task(scene.ask("council", conversation=conversation.id))
        await begun.wait()
        second = await scene.ask("sim", PING, conversation=conversation.id)
        release.set()
    third = await scene.ask("sim", PING, conversation=conversation.id)

    assert (second.status, second.error["code"]) == (409, "conversation_locked")
    assert second.headers["x-should-retry"] == "true"
    assert (first.result().status, third.status) == (200, 200)


@pytest.mark.requirement("responses:store:continued")
async def test_a_reference_stands_for_a_stored_item(scene: GatewayScene) -> None:
    first = await scene.ask("sim", PING)
    item_id = first.json["output"][0]["id"]

    reply = await scene.ask(
        "council", [{"type": "item_reference", "id": item_id}, {"role": "user", "content": "x"}]
    )

    (start,) = scene.orchestrator.started
    said = [text_of(item.content) for item in start.request.items if isinstance(item, Message)]
    assert (reply.status, said) == (200, ["PONG-1", "x"])


@pytest.mark.requirement("responses:store:continued")
async def test_a_result_may_answer_a_stored_call_of_a_panel(scene: GatewayScene) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield ToolCallStarted(0, "call_1", "get_weather")
        yield ChoiceFinished("tool_calls")
        yield ENDED

    scene.orchestrator.script = script
    first = await scene.ask("council", "go", tools=[TOOL])
    scene.orchestrator.script = answered
    output = {"type": "function_call_output", "call_id": "call_1", "output": "18C"}

    second = await scene.ask("council", [output], previous_response_id=first.json["id"])

    assert second.status == 200
    assert isinstance(scene.orchestrator.started[1].request.items[-1], ToolResult)


# ---------------------------------------------------------------------------------------- hang-up


def _streaming(scene: GatewayScene, model: str, **members: object) -> Any:  # noqa: ANN401 - aiohttp's context
    body = {"model": model, "input": "Tell me a long story.", "stream": True, **members}
    headers = {"authorization": f"Bearer {KEY}"}
    return scene.http.post(f"{scene.url}/v1/responses", json=body, headers=headers)


@pytest.mark.parametrize("model", ["responses-long", "sim-long", "council"])
@pytest.mark.requirement("responses:hang-up")
async def test_a_client_that_leaves_cancels_and_finds_it_cancelled(
    scene: GatewayScene, model: str
) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield TextDelta("Hel")
        await asyncio.Event().wait()

    scene.orchestrator.script = script
    async with asyncio.timeout(WAIT_S):
        async with _streaming(scene, model) as response:
            begun = await response.content.readuntil(b"response.output_text.delta")
            response.close()
        await scene.accounted()
        if model == "council":
            await scene.orchestrator.cancelled.wait()

    response_id = json.loads(begun.split(b"\n")[1].removeprefix(b"data: "))["response"]["id"]
    left = await stored(scene, response_id)
    check_response(left)
    assert left["status"] == "cancelled"
    if model != "council":
        assert [record["outcome"] for record in await scene.sim.record()] == ["client_closed"]


@pytest.mark.requirement("responses:hang-up")
async def test_a_conversation_is_given_back_when_its_client_leaves(scene: GatewayScene) -> None:
    conversation = await scene.sdk.conversations.create()
    async with asyncio.timeout(WAIT_S):
        async with _streaming(scene, "sim-long", conversation=conversation.id) as response:
            await response.content.readuntil(b"response.output_text.delta")
            response.close()
        await scene.accounted()

    reply = await scene.ask("sim", PING, conversation=conversation.id)
    items = [i async for i in scene.sdk.conversations.items.list(conversation.id)]

    assert reply.status == 200
    assert len(items) == 2


@pytest.mark.parametrize("model", ["responses-mute", "sim-slow", "responses-slow"])
@pytest.mark.requirement("responses:hang-up")
async def test_a_client_that_leaves_before_the_first_byte_leaves_nothing(
    scene: GatewayScene, model: str
) -> None:
    timeout = aiohttp.ClientTimeout(total=0.3)
    body = {"model": model, "input": "x"}
    with pytest.raises(TimeoutError):
        await scene.http.post(
            f"{scene.url}/v1/responses",
            json=body,
            headers={"authorization": f"Bearer {KEY}"},
            timeout=timeout,
        )

    await scene.accounted()
    assert [record["outcome"] for record in await scene.sim.record()] == ["client_closed"]


# -------------------------------------------------------------------------------------------- SDK


class Answer(BaseModel):
    name: str
    n: int


@pytest.mark.parametrize("model", ["responses", "sim"])
@pytest.mark.requirement("responses:stream:sequence")
async def test_the_sdks_helpers_follow_text_tools_and_parsed_output(
    scene: GatewayScene, model: str
) -> None:
    async with scene.sdk.responses.stream(model=model, input=PING) as stream:
        final = await stream.get_final_response()
    async with scene.sdk.responses.stream(model=model, input=CALL, tools=[TOOL]) as stream:
        called = await stream.get_final_response()
    parsed = await scene.sdk.responses.parse(
        model=model, input="Give a name and a number.", text_format=Answer
    )

    assert final.output_text == "PONG-1"
    assert [item.type for item in called.output] == ["function_call"]
    assert isinstance(parsed.output_parsed, Answer)


@pytest.mark.requirement("responses:stream:sequence")
async def test_a_silent_vendor_is_filled_with_comments(tmp_path: Path) -> None:
    async with gateway(tmp_path, heartbeat_s=0.02) as scene:
        reply = await scene.ask("responses-pause", "Tell me a story.", stream=True)

    assert b": keep-alive\n\n" in reply.body
    assert read_frames(reply.body)[-1]["type"] == "response.completed"
