"""Background responses on their way to the client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.scenes.gateway import KEY, WAIT_S, GatewayScene, answered, gateway
from wire.conversation import ChoiceFinished, TextDelta
from wire.coordination import RunEnded, RunRecord, RunStarted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from wire.coordination import RunEvent, StartRun


def frames(body: bytes) -> list[bytes]:
    """Without the comments that fill silences."""
    return [each for each in body.split(b"\n\n") if each and not each.startswith(b":")]


def over(scene: GatewayScene) -> None:
    """Let the orchestrator know its run as one that has ended."""
    (start,) = scene.orchestrator.started
    scene.orchestrator.records[start.run_id] = RunRecord(
        run_id=start.run_id,
        request_id=start.request_id,
        tenant_id=start.tenant_id,
        key_id=start.key_id,
        public_model=start.public_model,
        panel="council",
        status="completed",
        created_unix_s=1.0,
    )


@pytest.mark.requirement("background:create")
async def test_its_run_is_detached_and_told_of_when_it_is_over(scene: GatewayScene) -> None:
    queued = await scene.ask("council", background=True)
    over(scene)

    final = await scene.send("GET", f"/v1/responses/{queued.json['id']}")

    (start,) = scene.orchestrator.started
    assert start.detached
    assert (queued.json["status"], final.json["status"]) == ("queued", "completed")
    assert [part["text"] for part in final.json["output"][0]["content"]] == ["Hello world"]


@pytest.mark.requirement("background:replay")
async def test_a_stream_is_told_again_from_any_event_on(scene: GatewayScene) -> None:
    first = await scene.ask("council", background=True, stream=True)
    response_id = first.events[0]["response"]["id"]

    whole = await scene.send("GET", f"/v1/responses/{response_id}?stream=true")
    rest = await scene.send("GET", f"/v1/responses/{response_id}?stream=true&starting_after=3")

    assert frames(whole.body) == frames(first.body)
    assert frames(rest.body) == frames(whole.body)[4:]
    assert first.events[-1]["type"] == "response.completed"


@pytest.mark.requirement("background:create")
async def test_a_reader_that_leaves_changes_nothing(scene: GatewayScene) -> None:
    waiting, release = asyncio.Event(), asyncio.Event()

    async def slow(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield TextDelta("Hello")
        waiting.set()
        await release.wait()
        yield ChoiceFinished("stop")
        yield RunEnded("completed")

    scene.orchestrator.script = slow
    body = {"model": "council", "input": "x", "background": True, "stream": True}
    headers = {"authorization": f"Bearer {KEY}"}
    async with asyncio.timeout(WAIT_S):
        async with scene.http.post(
            f"{scene.url}/v1/responses", json=body, headers=headers
        ) as response:
            begun = await response.content.readuntil(b"output_text.delta")
            await waiting.wait()
            response.close()
        await scene.accounted()
        release.set()
    scene.orchestrator.script = answered
    over(scene)

    response_id = begun.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()
    final = await scene.send("GET", f"/v1/responses/{response_id}")

    assert final.json["status"] == "completed"


async def test_a_silent_run_is_filled_with_comments(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def slow(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        await release.wait()
        yield TextDelta("Hello")
        yield ChoiceFinished("stop")
        yield RunEnded("completed")

    async with gateway(tmp_path, heartbeat_s=0.02) as scene, asyncio.timeout(WAIT_S):
        scene.orchestrator.script = slow
        body = {"model": "council", "input": "x", "background": True, "stream": True}
        headers = {"authorization": f"Bearer {KEY}"}
        async with scene.http.post(
            f"{scene.url}/v1/responses", json=body, headers=headers
        ) as response:
            silence = await response.content.readuntil(b": keep-alive\n\n")
            release.set()
            rest = await response.content.read()

    assert silence.startswith(b"event: response.created")
    assert b"response.completed" in rest
