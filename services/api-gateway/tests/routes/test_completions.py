"""POST /v1/completions: passed on, answered as chat, or run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenes.gateway import KEY, WAIT_S, answered, gateway
from wire.conversation import ChoiceFinished, ReasoningDelta, TextDelta, Usage
from wire.coordination import RunEnded, RunStarted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.scenes.gateway import GatewayScene, Reply
    from wire.coordination import RunEvent, StartRun

PATH = "/v1/completions"
PING = "Reply with exactly this text and nothing else: PONG-1"
LANES = {"legacy": "splice", "sim": "translate", "responses": "translate"}


async def complete(scene: GatewayScene, model: str, prompt: object = PING, **more: object) -> Reply:
    body = {"model": model, "prompt": prompt, "max_tokens": 32, **more}
    return await scene.send("POST", PATH, body)


def texts(reply: Reply) -> dict[int, str]:
    """What each choice of a stream said."""
    said: dict[int, str] = {}
    for event in reply.events[:-1]:
        for choice in event["choices"]:
            said[choice["index"]] = said.get(choice["index"], "") + choice["text"]
    return said


@pytest.mark.parametrize("model", LANES)
@pytest.mark.requirement("completions:works")
async def test_a_model_completes_a_prompt(scene: GatewayScene, model: str) -> None:
    answer = await scene.sdk.completions.create(model=model, prompt=PING, max_tokens=32)
    await scene.accounted()

    assert (answer.object, answer.model) == ("text_completion", model)
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == ("PONG-1", "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    labels = {"route": PATH, "model": model, "lane": LANES[model], "status": "200"}
    counted = scene.metrics.registry.get_sample_value("conclave_gateway_requests_total", labels)
    assert counted == 1


@pytest.mark.parametrize("model", LANES)
@pytest.mark.requirement("completions:works")
async def test_a_completion_is_streamed(scene: GatewayScene, model: str) -> None:
    plain = await complete(scene, model, stream=True)
    counted = await complete(scene, model, stream=True, stream_options={"include_usage": True})

    assert (texts(plain), plain.events[-1]) == ({0: "PONG-1"}, "[DONE]")
    assert all("usage" not in event for event in plain.events[:-1])
    assert {event["model"] for event in plain.events[:-1]} == {model}
    assert counted.events[-2]["choices"] == []
    assert counted.events[-2]["usage"]["completion_tokens"] > 0


@pytest.mark.requirement("completions:works")
async def test_a_panel_completes_a_prompt(scene: GatewayScene) -> None:
    answer = await scene.sdk.completions.create(model="council", prompt="Hi", max_tokens=32)

    assert answer.choices[0].text == "Hello world"
    assert answer.id.startswith("cmpl-")
    (start,) = scene.orchestrator.started
    assert start.request.sampling.max_output_tokens == 32
    assert start.run_id == "run_" + answer.id.removeprefix("cmpl-")
    assert start.progress is False


@pytest.mark.requirement("completions:works")
async def test_a_panels_completion_is_streamed(scene: GatewayScene) -> None:
    stream = await scene.sdk.completions.create(
        model="council", prompt="Hi", echo=True, stream=True
    )
    said = "".join([chunk.choices[0].text async for chunk in stream])

    assert said == "HiHello world"


@pytest.mark.requirement("completions:choices")
async def test_choices_are_prompts_times_n(scene: GatewayScene) -> None:
    prompts = [PING, PING.replace("PONG-1", "PONG-2")]

    whole = await complete(scene, "sim", prompts, n=2)
    streamed = await complete(scene, "sim", prompts, n=2, stream=True)

    expected = {0: "PONG-1", 1: "PONG-1", 2: "PONG-2", 3: "PONG-2"}
    assert {c["index"]: c["text"] for c in whole.json["choices"]} == expected
    assert texts(streamed) == expected


@pytest.mark.requirement("completions:choices")
async def test_each_choice_of_a_panel_is_a_run(scene: GatewayScene) -> None:
    reply = await complete(scene, "council", ["a", "b"], n=2)

    assert [choice["index"] for choice in reply.json["choices"]] == [0, 1, 2, 3]
    assert len({start.run_id for start in scene.orchestrator.started}) == 4


async def test_log_probabilities_come_in_the_older_shape(scene: GatewayScene) -> None:
    reply = await complete(scene, "sim", logprobs=2)

    shown: Any = reply.json["choices"][0]["logprobs"]
    assert "".join(shown["tokens"]) == "PONG-1"
    assert len(shown["token_logprobs"]) == len(shown["text_offset"]) == len(shown["tokens"])


@pytest.mark.parametrize(
    ("model", "members", "expected"),
    [
        ("no-such", {}, (404, "model", "model_not_found")),
        ("sim-embed", {}, (400, "model", "unsupported_value")),
        ("sim", {"prompt": None}, (400, "prompt", "missing_required_parameter")),
        ("sim", {"prompt": [1, 2]}, (400, "prompt", "unsupported_value")),
        ("sim", {"suffix": "end"}, (400, "suffix", "unsupported_parameter")),
        ("sim", {"n": 2, "prompt": ["a"] * 65}, (400, "prompt", "array_above_max_length")),
        ("plain", {"logprobs": 1}, (400, "logprobs", "unsupported_parameter")),
        ("council", {"logprobs": 1}, (400, "logprobs", "unsupported_parameter")),
        ("council", {"n": 9}, (400, "n", "integer_above_max_value")),
        ("council", {"prompt": ["a"] * 9}, (400, "prompt", "array_above_max_length")),
        ("council", {"best_of": 2}, (400, "best_of", "unsupported_parameter")),
    ],
)
@pytest.mark.requirement("completions:only-by-the-backend")
async def test_what_cannot_be_done_is_refused_by_name(
    scene: GatewayScene,
    model: str,
    members: dict[str, object],
    expected: tuple[int, str, str],
) -> None:
    reply = await complete(scene, model, **{"prompt": "x", **members})

    assert (reply.status, reply.error["param"], reply.error["code"]) == expected
    assert not await scene.sim.record()
    assert not scene.orchestrator.started


async def test_the_backends_own_endpoint_gets_the_clients_bytes(scene: GatewayScene) -> None:
    reply = await complete(scene, "legacy", [PING], suffix="end", echo=True)

    (record,) = await scene.sim.record("?bodies=true")
    sent: Any = record["body"]
    assert reply.json["choices"][0]["text"] == PING + "PONG-1"
    assert record["dialect"] == "openai_completions"
    assert sent["suffix"] == "end"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failing_backend_is_a_status(scene: GatewayScene, *, stream: bool) -> None:
    reply = await complete(scene, "sim-429", stream=stream)

    assert (reply.status, reply.error["code"]) == (429, "rate_limit_exceeded")


async def test_a_break_in_the_middle_ends_in_an_error_event(scene: GatewayScene) -> None:
    reply = await complete(scene, "sim-mid-reset", stream=True)

    assert "error" in reply.events[-1]
    assert "[DONE]" not in reply.events


async def test_a_silent_panel_is_kept_alive_and_its_hang_up_cancels(scene: GatewayScene) -> None:
    waiting = asyncio.Event()

    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        waiting.set()
        await asyncio.Event().wait()

    scene.orchestrator.script = script
    body = {"model": "council", "prompt": "x", "stream": True}
    headers = {"authorization": f"Bearer {KEY}"}
    async with asyncio.timeout(WAIT_S):
        async with scene.http.post(scene.url + PATH, json=body, headers=headers) as response:
            first = await response.content.readline()
            await waiting.wait()
        await scene.orchestrator.cancelled.wait()

    assert first == b": open\n"


async def test_a_stream_of_what_this_form_cannot_say_is_kept_alive_too(tmp_path: Path) -> None:
    heard = asyncio.Event()

    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        while not heard.is_set():
            yield ReasoningDelta("hm")
            await asyncio.sleep(0.001)
        async for event in answered(start):
            yield event

    body = {"model": "council", "prompt": "x", "stream": True}
    headers = {"authorization": f"Bearer {KEY}"}
    async with gateway(tmp_path, heartbeat_s=0.02) as scene, asyncio.timeout(WAIT_S):
        scene.orchestrator.script = script
        async with scene.http.post(scene.url + PATH, json=body, headers=headers) as response:
            while await response.content.readline() != b": keep-alive\n":
                pass
            heard.set()
            rest = await response.text()

    assert "Hello" in rest


async def test_what_a_run_ended_with_is_what_the_choice_says(scene: GatewayScene) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield TextDelta("cut")
        yield ChoiceFinished("length")
        yield RunEnded("incomplete", usage=Usage(9, 3), delivered_usage=Usage(3, 1))

    scene.orchestrator.script = script

    reply = await complete(scene, "council")

    assert reply.json["choices"][0]["finish_reason"] == "length"
    assert reply.json["usage"]["total_tokens"] == 4
