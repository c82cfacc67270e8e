"""What OpenAI offers and we do not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import openai
import pytest
import websocket

from api_gateway.routes.unsupported import INSTEAD, unsupported_family
from tests.scenes.gateway import KEY

if TYPE_CHECKING:
    from tests.scenes.gateway import GatewayScene

PATHS = {
    "assistants": "/v1/assistants",
    "audio": "/v1/audio/speech",
    "batches": "/v1/batches/batch_1/cancel",
    "containers": "/v1/containers",
    "files": "/v1/files/file_1/content",
    "fine_tuning": "/v1/fine_tuning/jobs",
    "images": "/v1/images/generations",
    "moderations": "/v1/moderations",
    "realtime": "/v1/realtime/sessions",
    "threads": "/v1/threads/thread_1/runs",
    "uploads": "/v1/uploads",
    "vector_stores": "//v1//vector_stores/vs_1/",
}


@pytest.mark.parametrize("family", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.requirement("surface:refusals")
async def test_what_is_not_offered_says_so_and_what_to_do(
    scene: GatewayScene, method: str, family: str
) -> None:
    reply = await scene.send(method, PATHS[family], {})
    await scene.accounted()

    assert (reply.status, reply.error["code"]) == (404, "unsupported_endpoint")
    assert reply.error["message"] == f"/v1/{family} is not offered here. {INSTEAD[family]}"
    assert reply.headers["x-should-retry"] == "false"
    labels = {"route": f"/v1/{family}", "model": "none", "lane": "none", "status": "404"}
    counted = scene.metrics.registry.get_sample_value("conclave_gateway_requests_total", labels)
    assert counted == 1


@pytest.mark.requirement("surface:refusals")
async def test_the_sdk_sees_a_typed_error(scene: GatewayScene) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        await scene.sdk.files.list()

    assert refused.value.code == "unsupported_endpoint"


async def test_a_stranger_does_not_learn_what_is_not_offered(scene: GatewayScene) -> None:
    reply = await scene.send("GET", "/v1/files", key=None)

    assert reply.status == 401


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("/v1/files", "files"),
        ("/v1/files/", "files"),
        ("//v1/files/x", "files"),
        ("/v1//files", "files"),
        ("/v1/filesystem", None),
        ("/files", None),
        ("/x/v1/files", None),
        ("/v1/", None),
        ("/", None),
        ("/v1/models", None),
    ],
)
def test_a_path_belongs_to_a_family_by_its_first_segment(path: str, family: str | None) -> None:
    assert unsupported_family(path) == family


RESPONSES = "/v1/responses"


@pytest.mark.requirement("surface:websocket")
async def test_an_upgrade_is_refused_so_that_clients_fall_back(scene: GatewayScene) -> None:
    headers = {"authorization": f"Bearer {KEY}"}

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await scene.http.ws_connect(scene.url + RESPONSES, headers=headers)

    assert refused.value.status == 426
    assert refused.value.headers is not None
    assert refused.value.headers["x-request-id"].startswith("req_")
    assert refused.value.headers["upgrade"] == "HTTP/1.1"
    after = await scene.chat()
    assert after.status == 200


@pytest.mark.requirement("surface:websocket")
async def test_another_websocket_client_is_refused_the_same(scene: GatewayScene) -> None:
    def connect() -> None:
        websocket.create_connection(  # pyright: ignore[reportUnknownMemberType]
            scene.url.replace("http", "ws") + RESPONSES, header=[f"Authorization: Bearer {KEY}"]
        )

    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        await asyncio.to_thread(connect)

    assert refused.value.status_code == 426


@pytest.mark.requirement("surface:websocket")
async def test_a_strangers_upgrade_is_unauthorised(scene: GatewayScene) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await scene.http.ws_connect(scene.url + RESPONSES)

    assert refused.value.status == 401
