"""/admin/v1/keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.scenes.gateway import ADMIN_KEY, KEY

if TYPE_CHECKING:
    from tests.scenes.gateway import GatewayScene

KEYS = "/admin/v1/keys"


async def admin(
    scene: GatewayScene, method: str, path: str, body: object = None, *, key: str = ADMIN_KEY
) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {key}"}
    url = scene.admin_url + path
    async with scene.http.request(method, url, json=body, headers=headers) as response:
        return response.status, await response.json()


@pytest.mark.requirement("admin:keys")
async def test_a_key_is_made_used_listed_and_revoked(scene: GatewayScene) -> None:
    created, made = await admin(scene, "POST", KEYS, {"name": "ci", "tenant_id": "team-1"})
    used = await scene.send("GET", "/v1/models", key=made["key"])
    _, listed = await admin(scene, "GET", KEYS)
    revoked, gone = await admin(scene, "DELETE", f"{KEYS}/{made['id']}")
    refused = await scene.send("GET", "/v1/models", key=made["key"])

    assert (created, used.status, revoked, refused.status) == (201, 200, 200, 401)
    assert made["key"].startswith("sk-conclave-")
    assert [key["name"] for key in listed["data"]] == ["bootstrap", "ci"]
    assert all("key" not in key and "digest" not in key for key in listed["data"])
    assert gone["revoked"] is not None


async def test_a_key_can_have_an_end(scene: GatewayScene) -> None:
    _, made = await admin(scene, "POST", KEYS, {"name": "ci", "expires_in_s": 60})

    assert made["expires"] == made["created"] + 60


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a", "tenant_id": "no spaces"}, "tenant_id"),
        ({"name": "a", "expires_in_s": 0}, "expires_in_s"),
        ({"name": "a", "colour": "red"}, "colour"),
    ],
)
async def test_a_bad_request_is_refused_in_the_envelope(
    scene: GatewayScene, body: dict[str, object], param: str
) -> None:
    status, answer = await admin(scene, "POST", KEYS, body)

    assert (status, answer["error"]["param"]) == (400, param)
    assert set(answer["error"]) == {"message", "type", "param", "code"}


async def test_an_unknown_key_is_not_found(scene: GatewayScene) -> None:
    status, answer = await admin(scene, "DELETE", f"{KEYS}/key_none")

    assert (status, answer["error"]["type"]) == (404, "invalid_request_error")


@pytest.mark.requirement("admin:apart")
async def test_an_api_key_opens_no_admin_door_and_the_admin_key_no_other(
    scene: GatewayScene,
) -> None:
    status, _ = await admin(scene, "GET", KEYS, key=KEY)
    public = await scene.send("GET", "/v1/models", key=ADMIN_KEY)

    assert (status, public.status) == (401, 401)
