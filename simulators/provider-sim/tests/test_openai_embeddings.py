"""Embeddings."""

from math import isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import AsyncOpenAI, BadRequestError

from provider_sim.json_types import Json, JsonObject
from provider_sim.openai_embeddings import embed
from provider_sim.testing import SimulatorClient


@pytest.mark.requirement("provider-sim:embeddings-wire")
async def test_floats_and_base64_are_the_same_vector(sdk: AsyncOpenAI) -> None:
    packed = await sdk.embeddings.create(model="sim-embed", input=["a b", "c"])
    plain = await sdk.embeddings.create(model="sim-embed", input="a b", encoding_format="float")

    assert packed.data[0].embedding == plain.data[0].embedding
    assert [item.index for item in packed.data] == [0, 1]
    assert packed.usage.prompt_tokens == packed.usage.total_tokens == 3


async def test_dimensions_are_as_asked(sdk: AsyncOpenAI) -> None:
    answer = await sdk.embeddings.create(model="sim-embed", input="a", dimensions=7)

    assert len(answer.data[0].embedding) == 7


@pytest.mark.requirement("provider-sim:embeddings-wire")
@given(st.text(max_size=60), st.integers(1, 300))
def test_every_text_has_a_unit_vector_of_its_own(text: str, size: int) -> None:
    vector = embed(text, size)

    assert len(vector) == size
    assert isclose(sqrt(sum(value * value for value in vector)), 1, abs_tol=1e-5)
    assert vector == embed(text, size)


def test_texts_that_share_words_are_nearer() -> None:
    cat, kitten, stock = (
        embed(text, 256)
        for text in ("the cat sat on the mat", "the cat lay on the mat", "bond yields fell")
    )

    def dot(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert dot(list(cat), list(kitten)) > dot(list(cat), list(stock)) + 0.3


async def test_token_ids_are_texts_too(sim: SimulatorClient) -> None:
    _, one = await sim.post("/v1/embeddings", {"model": "m", "input": [1, 2, 3]})
    _, two = await sim.post("/v1/embeddings", {"model": "m", "input": [[1, 2, 3], [4]]})

    assert one["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert two["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


REFUSED: list[tuple[JsonObject, str]] = [
    ({"input": None}, "input"),
    ({"input": ""}, "input"),
    ({"input": []}, "input"),
    ({"input": {"a": 1}}, "input"),
    ({"input": [""]}, "input"),
    ({"input": [1, "a"]}, "input[0]"),
    ({"dimensions": 0}, "dimensions"),
    ({"encoding_format": "hex"}, "encoding_format"),
]


@pytest.mark.requirement("provider-sim:strict")
@pytest.mark.parametrize(("change", "param"), REFUSED)
async def test_what_a_vendor_refuses_is_refused(
    sdk: AsyncOpenAI, change: JsonObject, param: str
) -> None:
    body: dict[str, Json] = {"model": "m", "input": "x", **change}

    with pytest.raises(BadRequestError) as caught:
        await sdk.post("/embeddings", body=body, cast_to=object)

    assert caught.value.param == param


async def test_faults_and_the_record_know_embeddings(sim: SimulatorClient) -> None:
    await sim.add_rules({"match": {"kind": "embedding"}, "profile": {"fault": 503}, "times": 1})

    status, _ = await sim.post("/v1/embeddings", {"model": "m", "input": "a b"})
    again, _ = await sim.post("/v1/embeddings", {"model": "m", "input": "a b"})

    assert (status, again) == (503, 200)
    record = await sim.record()
    assert [(line["kind"], line["prompt_tokens"]) for line in record] == [
        ("embedding", 0),
        ("embedding", 2),
    ]
