"""/v1/chat/completions with `store: true`: kept before its end, listed, changed, forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest
from sqlalchemy import text

from service_kit.sql import create_engine
from tests.scenes.gateway import gateway

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.scenes.gateway import GatewayScene, Reply

CHAT = "/v1/chat/completions"
ASKED = [{"role": "user", "content": "hi"}]


@pytest.fixture
async def scene(tmp_path: Path, database_url: str) -> AsyncGenerator[GatewayScene]:
    """On SQLite and on PostgreSQL."""
    async with gateway(tmp_path, database_url=database_url) as running:
        yield running


async def kept(scene: GatewayScene, **members: Any) -> str:  # noqa: ANN401
    """A stored completion; its id."""
    reply = await scene.chat(members.pop("model", "sim"), store=True, **members)
    assert reply.status == 200
    return reply.json["id"]


async def ids(scene: GatewayScene, query: str = "") -> list[str]:
    return [each["id"] for each in (await scene.send("GET", f"{CHAT}?{query}")).json["data"]]


@pytest.mark.parametrize("model", ["sim", "responses", "council"])
@pytest.mark.requirement("chat:stored")
async def test_what_is_kept_is_what_was_delivered(scene: GatewayScene, model: str) -> None:
    reply = await scene.chat(model, store=True, metadata={"k": "v"})

    stored = await scene.send("GET", f"{CHAT}/{reply.json['id']}")

    assert stored.status == 200
    assert {name: stored.json[name] for name in reply.json} == reply.json
    assert stored.json["metadata"] == {"k": "v"}
    assert stored.json["request_id"] == reply.headers["x-request-id"]


@pytest.mark.parametrize("model", ["sim", "council"])
@pytest.mark.requirement("chat:stored")
async def test_a_stream_is_kept_as_it_was_seen(scene: GatewayScene, model: str) -> None:
    reply = await scene.chat(model, store=True, stream=True)

    assert reply.events[-1] == "[DONE]"
    stored = await scene.send("GET", f"{CHAT}/{reply.events[0]['id']}")

    assert stored.json["choices"][0]["message"]["content"] == reply.text
    assert stored.json["choices"][0]["finish_reason"] == "stop"
    assert stored.json["usage"]["total_tokens"] > 0


async def test_how_it_was_asked_for_is_told(scene: GatewayScene) -> None:
    completion_id = await kept(scene, temperature=0.50, user="u", seed=7)

    body = (await scene.send("GET", f"{CHAT}/{completion_id}")).json

    assert (body["temperature"], body["input_user"], body["seed"]) == (0.5, "u", 7)
    assert (body["tools"], body["metadata"]) == (None, {})


@pytest.mark.parametrize("members", [{}, {"store": False}, {"store": None}])
@pytest.mark.requirement("chat:stored")
async def test_what_was_not_to_be_kept_is_not(scene: GatewayScene, members: dict[str, Any]) -> None:
    reply = await scene.chat("sim", **members)

    assert (await scene.send("GET", f"{CHAT}/{reply.json['id']}")).status == 404
    assert await ids(scene) == []


async def test_a_failed_stream_is_not_kept(scene: GatewayScene) -> None:
    await scene.chat("sim-mid-error", store=True, stream=True)

    assert await ids(scene) == []


@pytest.mark.requirement("stores:cursor")
async def test_completions_are_listed_filtered_and_paged(scene: GatewayScene) -> None:
    first = await kept(scene, metadata={"a": "1", "b": "2"})
    second = await kept(scene, metadata={"a": "1"})
    third = await kept(scene, model="council", metadata={"a": "1", "b": "2"})

    assert await ids(scene) == [first, second, third]
    assert await ids(scene, "order=desc&limit=2") == [third, second]
    assert await ids(scene, f"after={first}") == [second, third]
    assert await ids(scene, "metadata[a]=1&metadata%5Bb%5D=2") == [first, third]
    assert await ids(scene, "model=council&metadata[a]=1") == [third]
    assert await ids(scene, "model=none") == []
    paged = scene.sdk.chat.completions.list(limit=1)
    assert [completion.id async for completion in paged] == [first, second, third]


async def test_metadata_is_replaced_and_the_completion_forgotten(scene: GatewayScene) -> None:
    completion_id = await kept(scene, metadata={"a": "1"})
    sdk = scene.sdk.chat.completions

    changed = await sdk.update(completion_id, metadata={"b": "2"})
    deleted = await sdk.delete(completion_id)

    assert changed.model_dump()["metadata"] == {"b": "2"}
    assert (deleted.id, deleted.object, deleted.deleted) == (
        completion_id,
        "chat.completion.deleted",
        True,
    )
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/messages")):
        reply = await scene.send(method, f"{CHAT}/{completion_id}{path}")
        assert (reply.status, reply.error["code"]) == (404, None)
    with pytest.raises(openai.NotFoundError):
        await sdk.update(completion_id, metadata={"b": "2"})


async def test_the_messages_asked_are_listed_in_order(scene: GatewayScene) -> None:
    parts = [{"type": "text", "text": "two"}]
    messages = [
        {"role": "developer", "content": "one", "id": "theirs"},
        {"role": "user", "content": parts, "name": "ann"},
    ]
    completion_id = await kept(scene, messages=messages)

    path = f"{CHAT}/{completion_id}/messages"
    listed = (await scene.send("GET", path)).json
    newest = (await scene.send("GET", f"{path}?order=desc&limit=1")).json

    assert [message["id"] for message in listed["data"]] == [
        f"{completion_id}-0",
        f"{completion_id}-1",
    ]
    one, two = listed["data"]
    assert (one["role"], one["content"], one["content_parts"]) == ("developer", "one", None)
    assert (two["content"], two["content_parts"], two["name"]) == (None, parts, "ann")
    assert (newest["data"], newest["has_more"]) == ([two], True)
    assert [message.id async for message in scene.sdk.chat.completions.messages.list(completion_id)]


@pytest.mark.parametrize(
    ("method", "path", "body", "param"),
    [
        ("GET", "?limit=0", None, "limit"),
        ("GET", "?order=x", None, "order"),
        ("GET", "?after=none", None, "after"),
        ("POST", "/{id}", {}, "metadata"),
        ("POST", "/{id}", {"metadata": {"k": 1}}, "metadata"),
        ("GET", "/{id}/messages?after=none", None, "after"),
    ],
)
async def test_what_cannot_be_done_is_refused(
    scene: GatewayScene, method: str, path: str, body: object, param: str
) -> None:
    completion_id = await kept(scene)

    reply = await scene.send(method, CHAT + path.replace("{id}", completion_id), body)

    assert (reply.status, reply.error["param"]) == (400, param)


async def break_store(url: str) -> None:
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE stored_completion_metadata"))
        await connection.execute(text("DROP TABLE stored_completion_messages"))
    await engine.dispose()


@pytest.mark.requirement("stores:deliver-anyway")
async def test_a_store_that_fails_does_not_cost_the_answer(
    scene: GatewayScene, database_url: str
) -> None:
    await break_store(database_url)

    whole = await scene.chat("sim", store=True)
    streamed = await scene.chat("sim", store=True, stream=True)

    assert (whole.status, whole.json["store"]) == (200, False)
    assert content(whole)
    assert streamed.events[-1] == "[DONE]"
    async with scene.http.get(scene.operations_url + "/metrics") as response:
        assert "conclave_gateway_store_failures 2.0" in await response.text()


def content(reply: Reply) -> str:
    return reply.json["choices"][0]["message"]["content"]
