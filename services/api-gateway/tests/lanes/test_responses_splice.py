"""Responses passed through to a real backend of the dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.scenes.responses import strict, texts

if TYPE_CHECKING:
    from tests.scenes.gateway import GatewayScene

PING = "Reply with exactly this text and nothing else: PONG-1"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("responses:splice")
async def test_the_backend_gets_the_clients_request_under_its_own_name(
    scene: GatewayScene, *, stream: bool
) -> None:
    asked: Any = [{"role": "user", "content": [{"type": "input_text", "text": PING}]}]

    await scene.ask("responses", asked, stream=stream, top_p=0.5, metadata={"a": "b"})

    (record,) = await scene.sim.record("?bodies=true")
    assert (record["dialect"], record["model"]) == ("openai_responses", "sim")
    assert record["body"] == {
        "model": "sim", "input": asked, "stream": stream, "top_p": 0.5, "store": False,
    }  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("responses:splice")
async def test_a_fallback_answers_under_the_name_asked_for(
    scene: GatewayScene, *, stream: bool
) -> None:
    reply = await scene.ask("responses-spare", PING, stream=stream)

    final = strict(reply.body)[-1]["response"] if stream else reply.json
    assert final["model"] == "responses-spare"
    assert final["output"][0]["content"][0]["text"] == "PONG-1"


@pytest.mark.parametrize("fault", ["split", "no-usage", "truncated", "malformed"])
@pytest.mark.requirement("responses:splice")
async def test_an_odd_stream_is_followed_or_told_to_have_failed(
    scene: GatewayScene, fault: str
) -> None:
    reply = await scene.ask(f"responses-{fault}", PING, stream=True)

    if reply.status != 200:
        assert reply.error["code"] == "upstream_protocol"
        return
    events = strict(reply.body)
    followed = events[-1]["type"] == "response.completed"
    assert followed == (fault in ("split", "no-usage"))
    assert not followed or texts(events) == "PONG-1"


@pytest.mark.requirement("responses:splice")
async def test_what_the_backend_counted_is_what_is_metered(scene: GatewayScene) -> None:
    reply = await scene.ask("responses", PING)

    await scene.accounted()
    usage = reply.json["usage"]
    counted = scene.metrics.tokens
    assert counted.of("default", "responses", "input")._value.get() == usage["input_tokens"]
    assert counted.of("default", "responses", "output")._value.get() == usage["output_tokens"]
