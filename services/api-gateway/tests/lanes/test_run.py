"""The run lane's end of a run: what its status means."""

from collections.abc import AsyncGenerator

import pytest

from api_gateway.lanes.run import panel_of_one
from tests.scenes.gateway import GatewayScene
from wire.coordination import RunEnded, RunEvent, RunStarted, StartRun
from wire.specs import ModelSpec, ProviderSpec


def test_a_panel_of_one_has_neither_persona_nor_progress() -> None:
    provider = ProviderSpec(name="p", kind="openai", base_url="http://x")
    model = ModelSpec(name="m", provider=provider, upstream_model="u")

    panel = panel_of_one(model)

    (agent,) = panel.agents
    assert (panel.kind, panel.name, panel.progress) == ("model", "m", False)
    assert (agent.model, agent.persona) == (model, None)


@pytest.mark.parametrize(
    ("end", "code"),
    [(RunEnded("cancelled"), "platform_interrupted"), (RunEnded("failed"), None)],
)
async def test_an_end_without_an_error_is_still_no_answer(
    scene: GatewayScene, end: RunEnded, code: str | None
) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield end

    scene.orchestrator.script = script

    reply = await scene.chat("council")

    assert (reply.status, reply.error["code"]) == (500, code)
