"""Small requests to a panel: led to one model, and visibly so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.scenes.gateway import GatewayScene

# Of the scene's panels only `summed` has a rule; its model is `plain`.
TITLE = "Generate a concise, 3-5 word title for this chat."


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("small-requests:visible")
async def test_a_title_is_written_by_the_small_model_and_said_so(
    scene: GatewayScene, *, stream: bool
) -> None:
    reply = await scene.chat("summed", TITLE, stream=stream)

    (start,) = scene.orchestrator.started
    assert (start.public_model, start.panel.name, start.panel.kind) == ("summed", "plain", "model")
    assert [agent.model.name for agent in start.panel.agents] == ["plain"]
    assert reply.headers["x-conclave-routed"] == "plain"
    answer = reply.events[0] if stream else reply.json
    assert answer["model"] == "summed"


async def test_a_completion_is_a_small_request_too(scene: GatewayScene) -> None:
    reply = await scene.send("POST", "/v1/completions", {"model": "summed", "prompt": TITLE})

    (start,) = scene.orchestrator.started
    assert (start.panel.name, reply.headers["x-conclave-routed"]) == ("plain", "plain")


@pytest.mark.parametrize(
    ("model", "text", "headers"),
    [
        ("summed", "What is the best title for a book?", {}),
        ("council", TITLE, {}),
        ("summed", TITLE, {"x-conclave-small-requests": "off"}),
    ],
    ids=["not small", "no rule for this panel", "the client insists"],
)
@pytest.mark.requirement("small-requests:routed")
async def test_every_other_request_is_the_panels(
    scene: GatewayScene, model: str, text: str, headers: dict[str, str]
) -> None:
    reply = await scene.chat(model, text, headers=headers)

    (start,) = scene.orchestrator.started
    assert start.panel.name == model
    assert "x-conclave-routed" not in reply.headers
