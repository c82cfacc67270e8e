"""What is sent twice under one Idempotency-Key is bought once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from api_gateway.routes import idempotency

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.scenes.gateway import GatewayScene, Reply

CHAT = "/v1/chat/completions"
ONCE = pytest.mark.requirement("surface:idempotency:once")
MESSAGES: Any = [{"role": "user", "content": "hi"}]
DOORS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": (CHAT, {"model": "sim", "messages": MESSAGES}),
    "a stream": (CHAT, {"model": "sim", "messages": MESSAGES, "stream": True}),
    "a panel": (CHAT, {"model": "council", "messages": MESSAGES}),
    "responses": ("/v1/responses", {"model": "responses", "input": "hi"}),
    "a stream of responses": (
        "/v1/responses",
        {"model": "responses", "input": "hi", "stream": True},
    ),
    "completions": ("/v1/completions", {"model": "sim", "prompt": "hi"}),
    "embeddings": ("/v1/embeddings", {"model": "sim-embed", "input": "hi"}),
    "conversations": ("/v1/conversations", {}),
}


def asking(scene: GatewayScene, path: str, key: str = "k-1") -> Callable[..., Awaitable[Reply]]:
    async def ask(body: object) -> Reply:
        return await scene.send("POST", path, body, headers={"idempotency-key": key})

    return ask


@pytest.mark.parametrize("door", DOORS)
@ONCE
async def test_the_second_request_gets_the_first_answer(scene: GatewayScene, door: str) -> None:
    path, body = DOORS[door]
    ask = asking(scene, path)

    first, second = await ask(body), await ask(body)

    assert (first.status, second.status) == (200, 200)
    assert second.body == first.body
    assert second.headers["content-type"] == first.headers["content-type"]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    bought = len(await scene.sim.record()) + len(scene.orchestrator.started)
    assert bought == (0 if door == "conversations" else 1)


@ONCE
async def test_without_a_key_everything_is_done_again(scene: GatewayScene) -> None:
    await scene.chat()
    await scene.chat()

    assert len(await scene.sim.record()) == 2


@ONCE
async def test_another_request_with_the_same_key_is_refused(scene: GatewayScene) -> None:
    ask = asking(scene, CHAT)
    await ask({"model": "sim", "messages": MESSAGES})

    other = await ask({"model": "sim", "messages": MESSAGES, "temperature": 1})

    assert (other.status, other.error["code"]) == (422, "idempotency_key_reused")
    assert other.headers["x-should-retry"] == "false"


@ONCE
async def test_while_the_first_is_under_way_the_second_is_told_to_wait(
    scene: GatewayScene,
) -> None:
    ask = asking(scene, CHAT)
    body = {"model": "sim-pause", "messages": MESSAGES}

    both = await asyncio.gather(ask(body), ask(body))
    third = await ask(body)

    assert sorted(reply.status for reply in both) == [200, 409]
    (refused,) = [reply for reply in both if reply.status == 409]
    assert refused.error["code"] == "idempotency_key_in_use"
    assert refused.headers["x-should-retry"] == "true"
    assert third.status == 200
    assert len(await scene.sim.record()) == 1


@ONCE
async def test_a_refusal_that_did_nothing_gives_the_key_back(scene: GatewayScene) -> None:
    ask = asking(scene, CHAT)

    refused = await ask({"model": "sim"})
    limited = await ask({"model": "sim-429", "messages": MESSAGES})
    answered = await ask({"model": "sim", "messages": MESSAGES})

    assert [refused.status, limited.status, answered.status] == [400, 429, 200]


@ONCE
async def test_a_failure_in_the_middle_is_told_again_and_not_bought_again(
    scene: GatewayScene,
) -> None:
    ask = asking(scene, CHAT)
    body = {"model": "sim-mid-reset", "messages": MESSAGES, "stream": True}

    first, second = await ask(body), await ask(body)

    assert "error" in first.events[-1]
    assert second.body == first.body
    assert len(await scene.sim.record()) == 1


@ONCE
async def test_a_failed_whole_answer_is_not_to_be_retried_with_its_key(
    scene: GatewayScene,
) -> None:
    ask = asking(scene, CHAT)
    body = {"model": "sim-500", "messages": MESSAGES}

    first, second = await ask(body), await ask(body)

    assert first.status == second.status >= 500
    assert second.headers["x-should-retry"] == "false"
    assert len(await scene.sim.record()) == 1


@ONCE
async def test_an_answer_too_large_to_keep_is_told_to_be_lost(
    scene: GatewayScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MAX_ANSWER_BYTES", 10)
    ask = asking(scene, CHAT)
    body = {"model": "sim", "messages": MESSAGES}

    first, second = await ask(body), await ask(body)

    assert (first.status, second.status) == (200, 500)
    assert second.error["code"] == "idempotent_answer_lost"
    assert second.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_a_length(scene: GatewayScene, key: str) -> None:
    reply = await asking(scene, CHAT, key)({"model": "sim", "messages": MESSAGES})

    assert reply.status == 400
    assert "Idempotency-Key" in reply.error["message"]
