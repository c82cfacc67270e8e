"""The admin application: one envelope for every error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenes.gateway import ADMIN_KEY, gateway

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenes.gateway import GatewayScene


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nope", 404), ("PUT", "/admin/v1/keys", 405), ("GET", "/admin/v1/keys", 401)],
)
async def test_every_error_comes_in_the_envelope(
    scene: GatewayScene, method: str, path: str, status: int
) -> None:
    async with scene.http.request(method, scene.admin_url + path) as response:
        answer = await response.json()

    assert response.status == status
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert response.headers["x-request-id"].startswith("req_")


@pytest.mark.requirement("admin:apart")
async def test_without_an_admin_key_the_api_is_closed(tmp_path: Path) -> None:
    async with gateway(tmp_path, admin_key_file=None) as scene:
        headers = {"authorization": f"Bearer {ADMIN_KEY}"}
        url = f"{scene.admin_url}/admin/v1/keys"
        async with scene.http.get(url, headers=headers) as response:
            assert response.status == 401


async def test_a_body_that_is_no_json_is_a_400(scene: GatewayScene) -> None:
    headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"}
    url = f"{scene.admin_url}/admin/v1/keys"
    async with scene.http.post(url, data=b"{", headers=headers) as response:
        assert response.status == 400
