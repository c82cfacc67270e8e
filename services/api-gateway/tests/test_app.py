"""The composition root: three doors, a configuration that follows its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service_kit.sql import SchemaOutdatedError
from tests.scenes.gateway import configured, gateway
from tests.scenes.waiting import until, until_async

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenes.gateway import GatewayScene


async def config_version(scene: GatewayScene) -> str:
    return (await scene.send("GET", "/v1/models")).headers["x-conclave-config"]


async def names(scene: GatewayScene) -> set[str]:
    return {model["id"] for model in (await scene.send("GET", "/v1/models")).json["data"]}


@pytest.mark.requirement("gateway:three-doors")
async def test_each_door_has_its_own_paths(scene: GatewayScene) -> None:
    async with scene.http.get(f"{scene.operations_url}/readyz") as ready:
        assert ready.status == 200
    async with scene.http.get(f"{scene.operations_url}/metrics") as metrics:
        assert b"conclave_gateway_keys 1.0" in await metrics.read()
    for wrong in (f"{scene.url}/metrics", f"{scene.url}/admin/v1/keys", f"{scene.url}/readyz"):
        async with scene.http.get(wrong) as refused:
            assert refused.status == 401
    async with scene.http.get(f"{scene.admin_url}/v1/models") as absent:
        assert absent.status == 404


@pytest.mark.requirement("gateway:configuration:reload")
async def test_a_changed_configuration_is_taken_and_a_bad_one_refused(
    scene: GatewayScene,
) -> None:
    before = await config_version(scene)
    good = configured(scene.sim).replace("  gone: {provider: gone}", "  fresh: {provider: sim}")

    async def changed() -> bool:
        return await config_version(scene) != before

    def refused() -> bool:
        name = "conclave_gateway_configuration_refused"
        return scene.metrics.registry.get_sample_value(name) == 1

    scene.configuration.write_text(good)
    await until_async(changed)
    after = await config_version(scene)
    scene.configuration.write_text("version: 1\nmodels: [nonsense")
    await until(refused)

    assert "fresh" in await names(scene)
    assert await config_version(scene) == after
    assert (await scene.chat("fresh")).status == 200


async def test_tables_of_another_version_keep_it_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api_gateway.app.REVISION", "9999")

    with pytest.raises(SchemaOutdatedError, match="api_gateway migrate"):
        async with gateway(tmp_path):
            pass
