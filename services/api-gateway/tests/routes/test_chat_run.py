"""POST /v1/chat/completions for panels: run by the orchestrator, told as one answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.scenes.gateway import WAIT_S, GatewayScene, answered, gateway
from wire.conversation import ChoiceFinished, TextDelta, ToolArgumentsDelta, ToolCallStarted, Usage
from wire.coordination import RunDetails, RunEnded, RunProgress, RunStarted
from wire.errors import ErrorInfo, UpstreamRateLimitedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from openai.types.chat import ChatCompletionMessageParam

    from wire.coordination import RunEvent, StartRun

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
FAILURE = ErrorInfo(
    status=429,
    type="requests",
    message="every agent was rate limited",
    error_type="provider_rate_limit",
    code="rate_limit_exceeded",
    retry_after_s=3.0,
)
ENDED = RunEnded("completed", usage=Usage(300, 30), delivered_usage=Usage(100, 10))


@pytest.mark.requirement("run:works")
async def test_a_panel_answers_as_one_model(scene: GatewayScene) -> None:
    answer = await scene.sdk.chat.completions.create(model="council", messages=ASK)

    assert answer.choices[0].message.content == "Hello world"
    assert (answer.model, answer.choices[0].finish_reason) == ("council", "stop")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (100, 10)


@pytest.mark.requirement("run:resolved-spec")
async def test_the_orchestrator_gets_the_resolved_panel_and_who_asks(scene: GatewayScene) -> None:
    reply = await scene.chat("council", stream=True)

    (start,) = scene.orchestrator.started
    (context,) = scene.orchestrator.contexts
    assert [agent.agent_id for agent in start.panel.agents] == ["ada", "bob", "cyd"]
    assert start.panel.agents[0].model.provider.base_url == scene.sim.base_url
    assert (start.tenant_id, start.public_model) == ("default", "council")
    assert start.request_id == context.request_id == reply.headers["x-request-id"]
    assert start.run_id == "run_" + start.request_id.removeprefix("req_")
    assert (start.progress, start.details) == (True, False)


@pytest.mark.requirement("run:progress")
async def test_progress_comes_as_reasoning_before_the_answer(scene: GatewayScene) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield RunProgress("ada answers")
        yield RunProgress("bob answers")
        async for event in answered(start):
            yield event

    scene.orchestrator.script = script

    streamed = await scene.chat("council", stream=True)
    whole = await scene.chat("council")

    deltas = [event["choices"][0]["delta"] for event in streamed.events[:-1]]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert deltas[1] == {"reasoning_content": "ada answers\nbob answers\n"}
    assert streamed.text == "Hello world"
    assert "reasoning_content" not in whole.json["choices"][0]["message"]


@pytest.mark.requirement("chat:stream:finish-last")
async def test_progress_after_the_answer_is_not_told(scene: GatewayScene) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield TextDelta("Hello")
        yield ChoiceFinished("stop")
        yield RunProgress("ada tidies up")
        yield ENDED

    scene.orchestrator.script = script

    reply = await scene.chat("council", stream=True, stream_options={"include_usage": True})

    assert reply.events[-3]["choices"][0]["finish_reason"] == "stop"
    assert reply.events[-2]["choices"] == []


@pytest.mark.parametrize(
    ("model", "headers"), [("council", {"x-conclave-progress": "off"}), ("summed", {})]
)
@pytest.mark.requirement("run:progress")
async def test_progress_can_be_switched_off(
    scene: GatewayScene, model: str, headers: dict[str, str]
) -> None:
    await scene.chat(model, stream=True, headers=headers)

    assert [start.progress for start in scene.orchestrator.started] == [False]


@pytest.mark.requirement("run:first-frame")
async def test_the_first_frame_does_not_wait_for_the_answer(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield RunProgress("ada answers")
        await release.wait()
        async for event in answered(start):
            yield event

    async with gateway(tmp_path, first_frame_hold_s=0.05) as scene:
        scene.orchestrator.script = script
        async with asyncio.timeout(WAIT_S):
            stream = await scene.sdk.chat.completions.create(
                model="council", messages=ASK, stream=True
            )
            first = await anext(stream)
            second: Any = await anext(stream)
            release.set()
            rest = [chunk async for chunk in stream]

    assert first.choices[0].delta.role == "assistant"
    assert second.choices[0].delta.reasoning_content == "ada answers\n"
    assert rest[-1].choices[0].finish_reason == "stop"


@pytest.mark.requirement("run:heartbeat")
async def test_a_silent_run_is_kept_alive_by_comments(tmp_path: Path) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield TextDelta("Hel")
        await release.wait()
        async for event in answered(start):
            yield event

    release = asyncio.Event()
    async with gateway(tmp_path, heartbeat_s=0.02) as scene:
        scene.orchestrator.script = script
        headers = {"authorization": f"Bearer {scene.sdk.api_key}"}
        body = {"model": "council", "stream": True, "messages": ASK}
        async with (
            asyncio.timeout(WAIT_S),
            scene.http.post(
                f"{scene.url}/v1/chat/completions", json=body, headers=headers
            ) as response,
        ):
            heard = b""
            while heard.count(b": keep-alive\n\n") < 2:
                heard += await response.content.readany()
            release.set()
            heard += await response.content.read()

    assert heard.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("run:failures:status")
async def test_a_run_that_fails_early_is_a_status(scene: GatewayScene, *, stream: bool) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield RunProgress("ada answers")
        yield RunEnded("failed", error=FAILURE)

    scene.orchestrator.script = script

    reply = await scene.chat("council", stream=stream)

    assert reply.status == 429
    assert (reply.error["type"], reply.error["code"]) == ("requests", "rate_limit_exceeded")
    assert reply.headers["retry-after"] == "3"


@pytest.mark.requirement("run:failures:status")
async def test_a_run_that_is_refused_is_a_status(scene: GatewayScene) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        raise UpstreamRateLimitedError("slow down", provider="sim")
        yield RunStarted(start.run_id)

    scene.orchestrator.script = script

    reply = await scene.chat("council", stream=True)

    assert (reply.status, reply.error["message"]) == (429, "slow down")


@pytest.mark.requirement("chat:stream:failure")
async def test_a_run_that_fails_late_is_an_error_event(scene: GatewayScene) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield TextDelta("Hel")
        yield RunEnded("failed", error=FAILURE)

    scene.orchestrator.script = script

    reply = await scene.chat("council", stream=True)

    assert (reply.status, reply.text) == (200, "Hel")
    assert reply.events[-1]["error"]["code"] == "rate_limit_exceeded"
    assert "[DONE]" not in reply.events


@pytest.mark.parametrize(
    "events", [[], [TextDelta("Hel")], [TextDelta("Hi"), ChoiceFinished("stop")]]
)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("run:lost-orchestrator")
async def test_a_stream_that_just_ends_means_the_orchestrator_died(
    scene: GatewayScene, events: list[Any], *, stream: bool
) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        for event in events:
            yield event

    scene.orchestrator.script = script

    reply = await scene.chat("council", stream=stream)

    error = reply.events[-1]["error"] if reply.status == 200 else reply.error
    assert error["code"] == "platform_interrupted"
    assert b"[DONE]" not in reply.body


@pytest.mark.parametrize("stream", [False, True])
async def test_a_run_that_ends_without_a_finished_answer_is_a_failure(
    scene: GatewayScene, *, stream: bool
) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield ENDED

    scene.orchestrator.script = script

    reply = await scene.chat("council", stream=stream)

    assert (reply.status, reply.error["code"]) == (500, "platform_interrupted")


@pytest.mark.requirement("run:unreachable")
async def test_an_orchestrator_that_is_away_is_a_503(tmp_path: Path) -> None:
    async with gateway(tmp_path, orchestrator_url="http://127.0.0.1:9") as scene:
        reply = await scene.chat("council")

    assert (reply.status, reply.error["code"]) == (503, "server_is_overloaded")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("chat:choices")
async def test_n_choices_are_n_runs_merged(scene: GatewayScene, *, stream: bool) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield TextDelta(start.run_id[-2:])
        yield ChoiceFinished("stop")
        details = RunDetails(run_id=start.run_id, rule="weighted")
        yield RunEnded(
            "completed", usage=ENDED.usage, delivered_usage=ENDED.delivered_usage, details=details
        )

    scene.orchestrator.script = script
    headers = {"x-conclave-details": "true"}

    options: Any = {"include_usage": True} if stream else None
    reply = await scene.chat("council", n=3, stream=stream, stream_options=options, headers=headers)

    runs = sorted(start.run_id for start in scene.orchestrator.started)
    assert len(set(runs)) == 3
    last = reply.events[-2] if stream else reply.json
    assert [run["run_id"] for run in last["conclave"]["runs"]] == runs
    assert last["usage"]["total_tokens"] == 330
    if stream:
        finished = [
            c["index"] for e in reply.events[:-2] for c in e["choices"] if c["finish_reason"]
        ]
        assert sorted(finished) == [0, 1, 2]
    else:
        assert [c["index"] for c in reply.json["choices"]] == [0, 1, 2]
        assert [c["message"]["content"] for c in reply.json["choices"]][1:] == ["-1", "-2"]


async def test_one_failing_choice_fails_the_request(scene: GatewayScene) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        if start.run_id.endswith("-1"):
            yield RunEnded("failed", error=FAILURE)
        else:
            await asyncio.Event().wait()

    scene.orchestrator.script = script

    reply = await scene.chat("council", n=2)

    assert reply.status == 429
    await asyncio.wait_for(scene.orchestrator.cancelled.wait(), WAIT_S)


async def test_a_panel_is_asked_for_a_bounded_number_of_runs(scene: GatewayScene) -> None:
    reply = await scene.chat("council", n=9)

    assert (reply.error["param"], reply.error["code"]) == ("n", "integer_above_max_value")
    assert scene.orchestrator.started == []


@pytest.mark.requirement("run:usage")
async def test_a_panel_can_report_the_sum_of_all_its_calls(scene: GatewayScene) -> None:
    reply = await scene.chat("summed")

    assert reply.json["usage"]["total_tokens"] == 330


async def test_a_strict_schema_a_backend_cannot_keep_becomes_a_run_of_one(
    scene: GatewayScene,
) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    }
    strict: dict[str, Any] = {"name": "x", "strict": True, "schema": schema}

    reply = await scene.chat(
        "loose", response_format={"type": "json_schema", "json_schema": strict}
    )

    (start,) = scene.orchestrator.started
    assert reply.status == 200
    assert (start.panel.kind, [agent.model.name for agent in start.panel.agents]) == (
        "model",
        ["loose"],
    )
    assert start.request.response_format.strict


async def test_calls_of_a_panel_are_streamed_as_calls(scene: GatewayScene) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield ToolCallStarted(0, "call_1", "vote")
        yield ToolArgumentsDelta(0, '{"a":1}')
        yield ChoiceFinished("tool_calls")
        yield ENDED

    scene.orchestrator.script = script
    tools: Any = [{"type": "function", "function": {"name": "vote"}}]

    answer = await scene.sdk.chat.completions.create(model="council", messages=ASK, tools=tools)

    (call,) = answer.choices[0].message.tool_calls or []
    assert answer.choices[0].finish_reason == "tool_calls"
    assert call.model_dump(include={"id", "function"}) == {
        "id": "call_1",
        "function": {"name": "vote", "arguments": '{"a":1}'},
    }


@pytest.mark.parametrize(
    "members", [{"logprobs": True}, {"modalities": ["audio"]}, {"messages": []}]
)
async def test_what_a_panel_cannot_do_is_refused_before_it_starts(
    scene: GatewayScene, members: dict[str, Any]
) -> None:
    reply = await scene.chat("council", **members)

    assert reply.status == 400
    assert scene.orchestrator.started == []


@pytest.mark.parametrize(("stream", "words"), [(False, 0), (True, 0), (True, 1)])
@pytest.mark.requirement("gateway:hang-up")
async def test_a_client_that_leaves_cancels_the_run(
    scene: GatewayScene, words: int, *, stream: bool
) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        for _ in range(words):
            yield TextDelta("Hel")
        await asyncio.Event().wait()

    scene.orchestrator.script = script
    client = scene.sdk.with_options(timeout=0.3)

    async def ask() -> None:
        answer: Any = await client.chat.completions.create(
            model="council", messages=ASK, stream=stream
        )
        async for _ in answer:
            pass

    with pytest.raises(openai.APITimeoutError):
        await ask()

    await asyncio.wait_for(scene.orchestrator.cancelled.wait(), WAIT_S)
    await scene.accounted()
