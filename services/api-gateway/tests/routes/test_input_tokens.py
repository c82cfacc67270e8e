"""POST /v1/responses/input_tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.scenes.gateway import GatewayScene

TOOL: Any = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}
CALL: Any = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}


async def count(scene: GatewayScene, **members: Any) -> int:  # noqa: ANN401 - the SDK's own
    counted = await scene.sdk.responses.input_tokens.count(**members)
    assert counted.object == "response.input_tokens"
    return counted.input_tokens


@pytest.mark.requirement("responses:input-tokens")
async def test_everything_that_reaches_a_model_counts(scene: GatewayScene) -> None:
    alone = await count(scene, model="sim", input="hello there")

    assert 0 < alone < 20
    assert await count(scene, model="sim", input="hello there", instructions="Be brief.") > alone
    assert await count(scene, model="sim", input="hello there", tools=[TOOL]) > alone
    assert await count(scene, input="hello there") == alone
    assert await count(scene, model="council", input=[CALL]) > 0
    assert await scene.sim.record() == []


@pytest.mark.requirement("responses:input-tokens")
async def test_what_is_continued_counts_too(scene: GatewayScene) -> None:
    alone = await count(scene, model="sim", input="and now?")
    first = await scene.ask("sim", "Tell me a long story.")
    items: Any = [{"role": "user", "content": f"line {n}"} for n in range(20)]
    conversation = await scene.sdk.conversations.create(items=items)
    for _ in range(5):
        await scene.sdk.conversations.items.create(conversation.id, items=items)

    chained = await count(scene, input="and now?", previous_response_id=first.json["id"])
    conversed = await count(scene, input="and now?", conversation=conversation.id)

    assert chained > alone
    assert conversed > alone + 6 * 20 * 4  # more than a page of items


@pytest.mark.parametrize(
    ("members", "status", "param"),
    [
        ({"model": "no-such-model", "input": "x"}, 404, "model"),
        ({"model": "sim"}, 400, "input"),
        ({"model": "sim", "input": 5}, 400, "input"),
        ({"input": "x", "previous_response_id": "resp_nope"}, 400, "previous_response_id"),
        ({"input": "x", "conversation": "conv_nope"}, 404, None),
    ],
)
@pytest.mark.requirement("responses:input-tokens")
async def test_a_request_that_cannot_be_counted_is_refused(
    scene: GatewayScene, members: dict[str, Any], status: int, param: str | None
) -> None:
    reply = await scene.send("POST", "/v1/responses/input_tokens", members)

    assert (reply.status, reply.error["param"]) == (status, param)
