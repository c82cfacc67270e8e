"""POST /v1/embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.scenes.gateway import GatewayScene


@pytest.mark.requirement("embeddings:both-encodings")
async def test_floats_and_base64_are_the_same_vectors(scene: GatewayScene) -> None:
    encoded = await scene.sdk.embeddings.create(model="sim-embed", input=["a", "b"])
    floats = await scene.sdk.embeddings.create(
        model="sim-embed", input="a", encoding_format="float"
    )

    assert (encoded.model, len(encoded.data)) == ("sim-embed", 2)
    assert encoded.usage.prompt_tokens > 0
    assert floats.data[0].embedding == pytest.approx(encoded.data[0].embedding, abs=1e-5)


@pytest.mark.parametrize(
    ("body", "status", "param", "code"),
    [
        ({"input": "a"}, 400, "model", "missing_required_parameter"),
        ({"model": "sim-embed"}, 400, "input", "missing_required_parameter"),
        ({"model": "sim-embed", "input": ""}, 400, "input", "invalid_value"),
        ({"model": "sim-embed", "input": [1, 2]}, 400, "input", "unsupported_value"),
        ({"model": "sim-embed", "input": ["a"] * 2049}, 400, "input", "array_above_max_length"),
        ({"model": "no-such", "input": "a"}, 404, "model", "model_not_found"),
        ({"model": "sim", "input": "a"}, 400, "model", "unsupported_value"),
        ({"model": "council", "input": "a"}, 400, "model", "unsupported_value"),
    ],
)
async def test_a_bad_request_is_refused_by_name(
    scene: GatewayScene, body: dict[str, object], status: int, param: str, code: str
) -> None:
    reply = await scene.send("POST", "/v1/embeddings", body)

    assert reply.status == status
    assert (reply.error["param"], reply.error["code"]) == (param, code)


async def test_dimensions_are_passed_on(scene: GatewayScene) -> None:
    answer = await scene.sdk.embeddings.create(model="sim-embed", input="a", dimensions=8)

    assert len(answer.data[0].embedding) == 8


async def test_a_batch_keeps_its_order(scene: GatewayScene) -> None:
    texts = [f"text number {n}" for n in range(100)]

    batch = await scene.sdk.embeddings.create(model="sim-embed", input=texts)
    alone = await scene.sdk.embeddings.create(model="sim-embed", input=texts[42])

    assert [each.index for each in batch.data] == list(range(100))
    assert batch.data[42].embedding == alone.data[0].embedding


async def test_embeddings_are_counted(scene: GatewayScene) -> None:
    await scene.sdk.embeddings.create(model="sim-embed", input="three words here")
    await scene.accounted()

    labels = {"tenant": "default", "model": "sim-embed", "kind": "input"}
    counted = scene.metrics.registry.get_sample_value("conclave_gateway_tokens_total", labels)
    (record,) = await scene.sim.record()
    assert counted == record["prompt_tokens"]
