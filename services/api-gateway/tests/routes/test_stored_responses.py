"""Responses that are kept: retrieved, listed, cancelled, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

if TYPE_CHECKING:
    from tests.scenes.gateway import GatewayScene

PING = "Reply with exactly this text and nothing else: PONG-1"


async def made(scene: GatewayScene, asked: object = PING, previous: str | None = None) -> str:
    reply = await scene.ask("sim", asked, previous_response_id=previous)
    assert reply.status == 200, reply.body
    return reply.json["id"]


@pytest.mark.requirement("responses:store:retrieval")
async def test_a_deleted_response_is_gone_and_cannot_be_continued(scene: GatewayScene) -> None:
    response_id = await made(scene)

    deleted = await scene.send("DELETE", f"/v1/responses/{response_id}")
    again = await scene.send("DELETE", f"/v1/responses/{response_id}")
    continued = await scene.ask("sim", PING, previous_response_id=response_id)

    assert deleted.json == {"id": response_id, "object": "response", "deleted": True}
    assert again.status == 404
    assert (continued.status, continued.error["code"]) == (400, "previous_response_not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")],
)
@pytest.mark.requirement("responses:store:retrieval")
async def test_an_unknown_response_is_not_found(
    scene: GatewayScene, method: str, path: str
) -> None:
    reply = await scene.send(method, f"/v1/responses/resp_nope{path}")

    assert (reply.status, reply.error["type"]) == (404, "invalid_request_error")
    assert "resp_nope" in reply.error["message"]


@pytest.mark.requirement("responses:store:retrieval")
async def test_a_foreground_response_can_neither_be_cancelled_nor_streamed_again(
    scene: GatewayScene,
) -> None:
    response_id = await made(scene)

    cancelled = await scene.send("POST", f"/v1/responses/{response_id}/cancel")
    streamed = await scene.send("GET", f"/v1/responses/{response_id}?stream=true")
    fetched = await scene.send("GET", f"/v1/responses/{response_id}?include[]=x&stream=false")

    assert (cancelled.status, cancelled.error["code"]) == (400, None)
    assert (streamed.status, streamed.error["param"]) == (400, "stream")
    assert fetched.status == 200


@pytest.mark.requirement("responses:store:retrieval")
async def test_the_input_of_a_chain_is_listed_newest_first(scene: GatewayScene) -> None:
    first = await made(scene, "a")
    parts: Any = [{"role": "user", "content": "b"}, {"role": "developer", "content": "c"}]
    second = await made(scene, parts, first)

    listed = [item async for item in scene.sdk.responses.input_items.list(second, limit=1)]
    ascending = [item async for item in scene.sdk.responses.input_items.list(second, order="asc")]

    said: list[Any] = [getattr(item, "content", None) for item in ascending]
    assert [part[0].text for part in said][::3] == ["a", "c"]
    assert [item.id for item in listed] == [item.id for item in reversed(ascending)]
    assert len({item.id for item in listed}) == 4
    assert said[0][0].type == "input_text"


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=x", "limit"), ("order=up", "order"), ("after=nope", "after")],
)
@pytest.mark.requirement("responses:store:retrieval")
async def test_a_page_that_is_none_is_refused(scene: GatewayScene, query: str, param: str) -> None:
    response_id = await made(scene)

    reply = await scene.send("GET", f"/v1/responses/{response_id}/input_items?{query}")

    assert (reply.status, reply.error["param"]) == (400, param)


@pytest.mark.requirement("responses:store:retrieval")
async def test_the_sdk_finds_its_errors(scene: GatewayScene) -> None:
    response_id = await made(scene)

    with pytest.raises(openai.BadRequestError):
        await scene.sdk.responses.cancel(response_id)
    with pytest.raises(openai.NotFoundError):
        await scene.sdk.responses.retrieve("resp_nope")
