"""A response on its way to the client: kept once, however it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from api_gateway.stores.responses import SqlResponses
from tests.scenes.gateway import KEY, WAIT_S, GatewayScene, answered
from wire.conversation import TextDelta
from wire.coordination import RunStarted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from api_gateway.stores.records import NewResponse
    from wire.coordination import RunEvent, StartRun


def streaming(scene: GatewayScene) -> Any:  # noqa: ANN401 - aiohttp's context
    body = {"model": "council", "input": "x", "stream": True}
    headers = {"authorization": f"Bearer {KEY}"}
    return scene.http.post(f"{scene.url}/v1/responses", json=body, headers=headers)


@pytest.mark.requirement("responses:store:default")
async def test_the_last_event_waits_for_the_store(
    scene: GatewayScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    saving, release = asyncio.Event(), asyncio.Event()
    save = SqlResponses.save

    async def slow(store: SqlResponses, response: NewResponse) -> None:
        saving.set()
        await release.wait()
        await save(store, response)

    monkeypatch.setattr(SqlResponses, "save", slow)

    async with asyncio.timeout(WAIT_S), streaming(scene) as response:
        begun = await response.content.readuntil(b"response.output_item.done")
        await saving.wait()
        release.set()
        rest = await response.content.read()

    assert b"response.completed" not in begun
    assert b"response.completed" in rest


@pytest.mark.requirement("responses:hang-up")
async def test_a_client_that_leaves_while_its_answer_is_kept_changes_nothing(
    scene: GatewayScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    saving = asyncio.Event()
    statuses: list[str] = []

    async def endless(_: SqlResponses, response: NewResponse) -> None:
        statuses.append(response.status)
        saving.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(SqlResponses, "save", endless)

    async with asyncio.timeout(WAIT_S):
        async with streaming(scene) as response:
            await saving.wait()
            response.close()
        await scene.accounted()

    assert statuses == ["completed"]


@pytest.mark.requirement("responses:hang-up")
async def test_what_was_said_before_the_client_left_is_in_the_cancelled_response(
    scene: GatewayScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[NewResponse] = []

    async def remember(_: SqlResponses, response: NewResponse) -> None:
        kept.append(response)

    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield TextDelta("Hel")
        await asyncio.Event().wait()

    monkeypatch.setattr(SqlResponses, "save", remember)
    scene.orchestrator.script = script

    async with asyncio.timeout(WAIT_S):
        async with streaming(scene) as response:
            await response.content.readuntil(b'"delta":"Hel"')
            response.close()
        await scene.accounted()

    (cancelled,) = kept
    assert cancelled.status == "cancelled"
    assert b'"text":"Hel"' in cancelled.output[0].payload


@pytest.mark.requirement("responses:store:default")
async def test_a_failure_before_the_first_byte_leaves_nothing(
    scene: GatewayScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[NewResponse] = []

    async def remember(_: SqlResponses, response: NewResponse) -> None:
        kept.append(response)

    monkeypatch.setattr(SqlResponses, "save", remember)

    refused = await scene.ask("sim-500", stream=True)
    scene.orchestrator.script = answered
    answer = await scene.ask("council")

    assert (refused.status, answer.status) == (502, 200)
    assert [response.status for response in kept] == ["completed"]
