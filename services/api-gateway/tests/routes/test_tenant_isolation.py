"""Every route that takes an id is called with another team's key. A route not listed here fails.

The routes come from the router itself, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenes.gateway import ADMIN_KEY, gateway
from wire.coordination import RunRecord

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.scenes.gateway import GatewayScene, Reply

USER = {"role": "user", "content": "hi"}
METADATA = {"metadata": {"k": "w"}}

# What a route is called with for its owner to succeed. Deleting comes last: nothing outlives it.
OWNED: dict[tuple[str, str], object] = {
    ("GET", "/v1/chat/completions/{completion}"): None,
    ("POST", "/v1/chat/completions/{completion}"): METADATA,
    ("GET", "/v1/chat/completions/{completion}/messages"): None,
    ("GET", "/v1/conversations/{conversation}"): None,
    ("POST", "/v1/conversations/{conversation}"): METADATA,
    ("GET", "/v1/conversations/{conversation}/items"): None,
    ("POST", "/v1/conversations/{conversation}/items"): {"items": [USER]},
    ("GET", "/v1/conversations/{conversation}/items/{item}"): None,
    ("GET", "/v1/responses/{response}"): None,
    ("GET", "/v1/responses/{response}/input_items"): None,
    ("POST", "/v1/responses/{response}/cancel"): None,
    ("GET", "/v1/conclave/runs/{run}"): None,
    ("POST", "/v1/conclave/runs/{run}/score"): {"score": 0.5},
    ("DELETE", "/v1/conversations/{conversation}/items/{item}"): None,
    ("DELETE", "/v1/conversations/{conversation}"): None,
    ("DELETE", "/v1/chat/completions/{completion}"): None,
    ("DELETE", "/v1/responses/{response}"): None,
}
# Ids of these belong to everybody.
SHARED = {("GET", "/v1/models/{model}"), ("DELETE", "/v1/models/{model}")}
# An owner's answer that is not 200: a foreground response cannot be cancelled.
OWNERS_STATUS = {("POST", "/v1/responses/{response}/cancel"): 400}

# Bodies that name somebody's object, and the status and code of a stranger's attempt.
REFERRING: list[tuple[str, dict[str, Any], int, str | None]] = [
    ("/v1/responses", {"previous_response_id": "{response}"}, 400, "previous_response_not_found"),
    ("/v1/responses", {"conversation": "{conversation}"}, 404, None),
    ("/v1/responses", {"conversation": {"id": "{conversation}"}}, 404, None),
    ("/v1/responses", {"input": [{"type": "item_reference", "id": "{item}"}]}, 404, None),
    (
        "/v1/responses/input_tokens",
        {"previous_response_id": "{response}"},
        400,
        "previous_response_not_found",
    ),
    ("/v1/responses/input_tokens", {"conversation": "{conversation}"}, 404, None),
    ("/v1/conversations", {"items": [{"type": "item_reference", "id": "{item}"}]}, 404, None),
]
# And lists, which show a stranger nothing.
LISTS = ["/v1/chat/completions", "/v1/chat/completions?metadata[k]=v"]


@pytest.fixture
async def scene(tmp_path: Path, database_url: str) -> AsyncGenerator[GatewayScene]:
    """On SQLite and on PostgreSQL."""
    async with gateway(tmp_path, database_url=database_url) as running:
        yield running


def routes(scene: GatewayScene) -> set[tuple[str, str]]:
    table = scene.app.public._routes
    return {
        (method, re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", path).replace("\\", ""))
        for method, path in table.paths()
    }


async def strangers_key(scene: GatewayScene) -> str:
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    body = {"name": "stranger", "tenant_id": "strangers"}
    url = scene.admin_url + "/admin/v1/keys"
    async with scene.http.post(url, json=body, headers=headers) as response:
        return (await response.json())["key"]


async def owners_objects(scene: GatewayScene) -> dict[str, str]:
    """One object of each kind, by the parameter's name."""
    chat = await scene.chat("council", store=True, metadata={"k": "v"})
    start = scene.orchestrator.started[-1]
    scene.orchestrator.records[start.run_id] = RunRecord(
        run_id=start.run_id,
        request_id=start.request_id,
        tenant_id=start.tenant_id,
        key_id=start.key_id,
        public_model="council",
        panel="council",
        status="completed",
        created_unix_s=1.0,
    )
    response = await scene.sdk.responses.create(model="sim", input="hi")
    conversation = await scene.send("POST", "/v1/conversations", {"items": [USER]})
    path = f"/v1/conversations/{conversation.json['id']}/items"
    items = await scene.send("GET", path)
    return {
        "completion": chat.json["id"],
        "run": start.run_id,
        "response": response.id,
        "conversation": conversation.json["id"],
        "item": items.json["data"][0]["id"],
    }


def filled(value: Any, objects: dict[str, str]) -> Any:  # noqa: ANN401
    match value:
        case str():
            return re.sub(r"\{(\w+)\}", lambda found: objects[found[1]], value)
        case list():
            return [filled(each, objects) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case dict():
            return {name: filled(each, objects) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def told(reply: Reply, objects: dict[str, str]) -> str:
    """The error, with the object's id taken out."""
    message: str = reply.error["message"]
    for object_id in objects.values():
        message = message.replace(object_id, "ID")
    return message


@pytest.mark.requirement("stores:tenant")
async def test_every_route_with_an_id_has_its_place_here(scene: GatewayScene) -> None:
    with_id = {route for route in routes(scene) if "{" in route[1]}

    assert with_id - SHARED == set(OWNED)


@pytest.mark.requirement("stores:tenant")
async def test_a_strangers_call_finds_nothing_and_changes_nothing(scene: GatewayScene) -> None:
    objects, key = await owners_objects(scene), await strangers_key(scene)
    nothing = {name: f"{object_id[:5]}none" for name, object_id in objects.items()}

    for (method, template), body in OWNED.items():
        stranger = await scene.send(method, filled(template, objects), body, key=key)
        missing = await scene.send(method, filled(template, nothing), body, key=key)
        assert (stranger.status, missing.status) == (404, 404), (method, template)
        assert told(stranger, objects) == told(missing, nothing), (method, template)
    for (method, template), body in OWNED.items():
        owner = await scene.send(method, filled(template, objects), body)
        wanted = OWNERS_STATUS.get((method, template), 200)
        assert owner.status == wanted, (method, template)


@pytest.mark.requirement("stores:tenant")
async def test_a_stranger_cannot_refer_to_what_is_not_theirs(scene: GatewayScene) -> None:
    objects, key = await owners_objects(scene), await strangers_key(scene)

    for path, members, status, code in REFERRING:
        body = {"model": "sim", "input": "hi", **filled(members, objects)}
        stranger = await scene.send("POST", path, body, key=key)
        assert (stranger.status, stranger.error["code"]) == (status, code), (path, members)
        assert (await scene.send("POST", path, body)).status == 200, (path, members)


@pytest.mark.requirement("stores:tenant")
async def test_a_strangers_lists_are_empty(scene: GatewayScene) -> None:
    objects, key = await owners_objects(scene), await strangers_key(scene)

    for path in LISTS:
        assert (await scene.send("GET", path, key=key)).json["data"] == []
        listed = (await scene.send("GET", path)).json["data"]
        assert [each["id"] for each in listed] == [objects["completion"]]
