"""GET /v1/models and /v1/models/{id}."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest

if TYPE_CHECKING:
    from tests.scenes.gateway import GatewayScene


@pytest.mark.requirement("models:listed")
async def test_panels_models_and_aliases_are_listed(scene: GatewayScene) -> None:
    listed = {model.id: model async for model in scene.sdk.models.list()}

    assert {"council", "sim", "gpt-sim", "vendor/gpt:4", "sim-embed"} <= set(listed)
    assert (listed["council"].object, listed["council"].owned_by) == ("model", "conclave")
    assert listed["sim"].owned_by == "sim"
    assert all(isinstance(model.created, int) for model in listed.values())


@pytest.mark.parametrize("name", ["council", "gpt-sim", "vendor/gpt:4"])
@pytest.mark.requirement("models:any-id")
async def test_a_model_is_found_by_any_of_its_ids(scene: GatewayScene, name: str) -> None:
    model = await scene.sdk.models.retrieve(name)

    assert (model.id, model.object) == (name, "model")


async def test_what_a_model_can_do_is_told(scene: GatewayScene) -> None:
    plain = (await scene.send("GET", "/v1/models/plain")).json
    alias = (await scene.send("GET", "/v1/models/gpt-sim")).json

    assert plain["capabilities"]["tools"] is False
    assert plain["capabilities"]["structured_outputs"] is True
    assert (plain["kind"], plain["context_window"]) == ("model", 128000)
    assert alias["alias_of"] == "sim"


@pytest.mark.requirement("models:estimate")
async def test_what_a_panel_may_cost_is_told_before_it_is_asked(scene: GatewayScene) -> None:
    estimate = (await scene.send("GET", "/v1/models/council")).json["estimate"]
    plain = (await scene.send("GET", "/v1/models/sim")).json

    assert (estimate["prompt_tokens"], estimate["answer_tokens"]) == (1000, 500)
    assert estimate["calls"] == {"min": 3, "typical": 6, "max": 11}
    assert estimate["input_tokens"]["min"] > 3 * 1000
    assert "usd" not in estimate
    assert "duration_s" not in estimate
    assert "estimate" not in plain


@pytest.mark.requirement("models:estimate")
async def test_with_prices_and_speeds_money_and_time_are_told_too(scene: GatewayScene) -> None:
    estimate = (await scene.send("GET", "/v1/models/pair")).json["estimate"]

    usd, duration_s = estimate["usd"], estimate["duration_s"]
    assert 0 < usd["min"] < usd["typical"] < usd["max"]
    assert duration_s["min"] == 6.0


async def test_an_unknown_model_is_not_found(scene: GatewayScene) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        await scene.sdk.models.retrieve("no-such-model")

    assert missing.value.code == "model_not_found"
