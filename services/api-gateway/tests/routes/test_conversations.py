"""/v1/conversations, by OpenAI's SDK and by what the SDK would not send."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.scenes.gateway import gateway

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from tests.scenes.gateway import GatewayScene

CONVERSATIONS = "/v1/conversations"
USER = {"role": "user", "content": "hi"}
WAIT_S = 5.0


@pytest.fixture
async def scene(tmp_path: Path, database_url: str) -> AsyncGenerator[GatewayScene]:
    """On SQLite and on PostgreSQL."""
    async with gateway(tmp_path, database_url=database_url) as running:
        yield running


async def made(scene: GatewayScene, *contents: str) -> str:
    """A conversation of the user's messages; its id."""
    items = [{"type": "message", "role": "user", "content": content} for content in contents]
    reply = await scene.send("POST", CONVERSATIONS, {"items": items})
    assert reply.status == 200
    return reply.json["id"]


async def texts(scene: GatewayScene, conversation_id: str) -> list[tuple[str, str]]:
    listed = scene.sdk.conversations.items.list(conversation_id, order="asc", limit=2)
    return [
        (item.role, "".join(getattr(part, "text", "") for part in item.content))
        async for item in listed
        if item.type == "message"
    ]


async def test_a_conversation_is_made_read_changed_and_deleted(scene: GatewayScene) -> None:
    sdk = scene.sdk.conversations

    created = await sdk.create(metadata={"a": "b"}, items=[{"role": "user", "content": "hi"}])
    read = await sdk.retrieve(created.id)
    changed = await sdk.update(created.id, metadata={"a": "c"})
    deleted = await sdk.delete(created.id)

    assert created.id.startswith("conv_")
    assert (created.object, created.metadata) == ("conversation", {"a": "b"})
    assert read == created
    assert changed.metadata == {"a": "c"}
    assert (deleted.id, deleted.object, deleted.deleted) == (
        created.id,
        "conversation.deleted",
        True,
    )
    with pytest.raises(openai.NotFoundError):
        await sdk.retrieve(created.id)


async def test_a_conversation_needs_nothing_to_begin_with(scene: GatewayScene) -> None:
    for body in (None, {}, {"items": None, "metadata": None}):
        reply = await scene.send("POST", CONVERSATIONS, body)

        assert (reply.status, reply.json["metadata"]) == (200, {})


@pytest.mark.requirement("conversations:items")
async def test_items_are_listed_whole_with_type_id_and_status(scene: GatewayScene) -> None:
    items: list[dict[str, Any]] = [
        {"role": "user", "content": "one"},
        {"type": "message", "role": "assistant", "content": "two", "id": "msg_mine"},
        {"role": "developer", "content": [{"type": "input_text", "text": "three"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "x", "status": "incomplete"},
        {"type": "reasoning", "id": None, "summary": []},
        {"type": "something_new", "deep": {"kept": [1, 2.50]}},
    ]
    conversation_id = await made(scene)

    added = await scene.send("POST", f"{CONVERSATIONS}/{conversation_id}/items", {"items": items})
    listed = await scene.send("GET", f"{CONVERSATIONS}/{conversation_id}/items?order=asc")

    assert added.status == 200
    data = listed.json["data"]
    assert added.json["data"] == data
    assert (added.json["first_id"], added.json["last_id"]) == (data[0]["id"], data[-1]["id"])
    assert (listed.json["object"], listed.json["has_more"]) == ("list", False)
    assert [item["type"] for item in data] == ["message"] * 3 + [each["type"] for each in items[3:]]
    assert [item["id"].split("_")[0] for item in data] == [
        "msg", "msg", "msg", "fc", "fco", "rs", "item",
    ]  # fmt: skip
    assert data[1]["id"] == "msg_mine"
    assert [item["status"] for item in data] == ["completed"] * 4 + ["incomplete"] + (
        ["completed"] * 2
    )
    assert data[0]["content"] == [{"type": "input_text", "text": "one"}]
    assert data[1]["content"] == [
        {"type": "output_text", "text": "two", "annotations": [], "logprobs": []}
    ]
    assert len({item["id"] for item in data}) == len(data)


@pytest.mark.requirement("conversations:items")
async def test_what_an_item_says_is_kept_to_the_byte(scene: GatewayScene) -> None:
    own = b'"content": [ {"type":"input_text","text":"\\u00fc","n":1.50} ],"more":1e2'
    body = b'{"items":[{"role":"user",%b}]}' % own

    created = await scene.send("POST", CONVERSATIONS, body)
    listed = await scene.send("GET", f"{CONVERSATIONS}/{created.json['id']}/items")

    assert own.replace(b'"content": ', b'"content":') in listed.body


@pytest.mark.requirement("stores:cursor")
async def test_all_items_are_paged_through(scene: GatewayScene) -> None:
    contents = [str(n) for n in range(7)]
    conversation_id = await made(scene, *contents)

    assert await texts(scene, conversation_id) == [("user", content) for content in contents]
    newest = await scene.send("GET", f"{CONVERSATIONS}/{conversation_id}/items?limit=2")
    assert [item["content"][0]["text"] for item in newest.json["data"]] == ["6", "5"]
    assert newest.json["has_more"] is True


async def test_an_empty_conversation_lists_nothing(scene: GatewayScene) -> None:
    reply = await scene.send("GET", f"{CONVERSATIONS}/{await made(scene)}/items")

    assert reply.json == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


async def test_an_item_is_read_and_deleted(scene: GatewayScene) -> None:
    conversation_id = await made(scene, "one", "two")
    items = scene.sdk.conversations.items
    first = (await items.list(conversation_id, order="asc")).data[0]

    read = await items.retrieve(first.id or "", conversation_id=conversation_id)
    left = await items.delete(first.id or "", conversation_id=conversation_id)

    assert read == first
    assert left.id == conversation_id
    assert await texts(scene, conversation_id) == [("user", "two")]
    with pytest.raises(openai.NotFoundError):
        await items.retrieve(first.id or "", conversation_id=conversation_id)
    with pytest.raises(openai.NotFoundError):
        await items.delete(first.id or "", conversation_id=conversation_id)


async def test_a_reference_becomes_the_item_it_names(scene: GatewayScene) -> None:
    response = await scene.sdk.responses.create(model="sim", input="hi")
    answer = response.output[-1]
    conversation_id = await made(scene)

    path = f"{CONVERSATIONS}/{conversation_id}/items"
    for reference in ({"type": "item_reference", "id": answer.id}, {"id": answer.id}):
        added = await scene.send("POST", path, {"items": [reference]})
        assert added.json["data"][0]["id"] == answer.id
    missing = await scene.send("POST", path, {"items": [{"id": "msg_none"}]})

    assert await texts(scene, conversation_id) == [("assistant", response.output_text)] * 2
    assert missing.status == 404


BAD_BODIES: list[tuple[object, str | None, str | None]] = [
    (b"{", None, None),
    (b"[]", None, None),
    ({"items": {}}, "items", "invalid_type"),
    ({"items": ["x"]}, "items[0]", "invalid_type"),
    ({"items": [{}]}, "items[0].type", "missing_required_parameter"),
    ({"items": [{"type": "message"}]}, "items[0].role", "missing_required_parameter"),
    ({"items": [USER, {"role": "wizard"}]}, "items[1].role", "invalid_value"),
    ({"items": [{"role": "user"}]}, "items[0].content", "missing_required_parameter"),
    ({"items": [{"role": "user", "content": 1}]}, "items[0].content", "invalid_type"),
    ({"items": [{"role": "user", "content": [1]}]}, "items[0].content[0]", "invalid_type"),
    ({"items": [USER] * 21}, "items", "array_above_max_length"),
    ({"metadata": {"k": 1}}, "metadata", "invalid_type"),
    ({"metadata": {"k": "v" * 513}}, "metadata.k", "string_above_max_length"),
    ({"metadata": {"k" * 65: "v"}}, "metadata", "string_above_max_length"),
    ({"metadata": {str(n): "" for n in range(17)}}, "metadata", "object_above_max_properties"),
]


@pytest.mark.parametrize(("body", "param", "code"), BAD_BODIES)
@pytest.mark.requirement("conversations:errors")
async def test_what_cannot_be_kept_is_refused_by_its_path(
    scene: GatewayScene, body: object, param: str | None, code: str | None
) -> None:
    reply = await scene.send("POST", CONVERSATIONS, body)

    assert reply.status == 400
    assert (reply.error["param"], reply.error["code"]) == (param, code)


@pytest.mark.parametrize(
    ("call", "body", "param"),
    [
        ("POST ", {}, "metadata"),
        ("POST ", b"", None),
        ("POST /items", {}, "items"),
        ("POST /items", {"items": []}, "items"),
        ("GET /items?limit=0", None, "limit"),
        ("GET /items?limit=101", None, "limit"),
        ("GET /items?limit=many", None, "limit"),
        ("GET /items?order=up", None, "order"),
        ("GET /items?after=msg_none", None, "after"),
    ],
)
@pytest.mark.requirement("conversations:errors")
async def test_what_cannot_be_done_with_one_is_refused(
    scene: GatewayScene, call: str, body: object, param: str | None
) -> None:
    conversation_id = await made(scene, "hi")

    method, path = call.split(" ")
    reply = await scene.send(method, f"{CONVERSATIONS}/{conversation_id}{path}", body)

    assert (reply.status, reply.error["param"]) == (400, param)


@pytest.mark.parametrize("item_id", ["msg_none", "%00", "a%2Fb", "x" * 3000])
async def test_an_unknown_item_is_not_found(scene: GatewayScene, item_id: str) -> None:
    path = f"{CONVERSATIONS}/{await made(scene, 'hi')}/items/{item_id}"

    assert (await scene.send("GET", path)).status == 404
    assert (await scene.send("DELETE", path)).status == 404


async def test_metadata_is_taken_away_by_null(scene: GatewayScene) -> None:
    created = await scene.send("POST", CONVERSATIONS, {"metadata": {"a": "b"}})

    path = f"{CONVERSATIONS}/{created.json['id']}"
    changed = await scene.send("POST", path, {"metadata": None})

    assert (changed.status, changed.json["metadata"]) == (200, {})


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.requirement("conversations:atomic")
async def test_a_response_is_given_the_items_and_appends_its_own(
    scene: GatewayScene, store: bool  # noqa: FBT001
) -> None:  # fmt: skip
    conversation_id = await made(scene, "first")

    response = await scene.sdk.responses.create(
        model="sim", input="second", conversation=conversation_id, store=store
    )

    assert await texts(scene, conversation_id) == [
        ("user", "first"),
        ("user", "second"),
        ("assistant", response.output_text),
    ]


@pytest.mark.requirement("conversations:atomic")
async def test_a_response_that_fails_leaves_nothing_and_no_lock(scene: GatewayScene) -> None:
    conversation_id = await made(scene, "first")

    with pytest.raises(openai.APIStatusError):
        await scene.sdk.responses.create(model="sim-500", input="x", conversation=conversation_id)

    assert await texts(scene, conversation_id) == [("user", "first")]
    await scene.sdk.responses.create(model="sim", input="second", conversation=conversation_id)


@pytest.mark.requirement("conversations:locked")
async def test_of_two_responses_at_once_the_second_is_told_to_retry(scene: GatewayScene) -> None:
    conversation_id = await made(scene, "first")
    body = {"model": "sim-long", "input": "x", "conversation": conversation_id, "stream": True}
    path, headers = f"{scene.url}/v1/responses", {"authorization": f"Bearer {scene.sdk.api_key}"}

    async with scene.http.post(path, json=body, headers=headers) as first:
        await asyncio.wait_for(first.content.readline(), WAIT_S)
        second = await scene.send("POST", "/v1/responses", {**body, "stream": False})
        added = await scene.send(
            "POST", f"{CONVERSATIONS}/{conversation_id}/items", {"items": [USER]}
        )

    for refused in (second, added):
        assert (refused.status, refused.error["code"]) == (409, "conversation_locked")
        assert refused.headers["x-should-retry"] == "true"
        assert int(refused.headers["retry-after"]) <= 2
    await scene.accounted()
    again = await scene.send("POST", f"{CONVERSATIONS}/{conversation_id}/items", {"items": [USER]})
    assert again.status == 200
    assert await texts(scene, conversation_id) == [("user", "first"), ("user", "hi")]
