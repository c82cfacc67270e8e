"""The embeddings dialect: what is accepted, and what changes on the way."""

import json
from typing import Any

import pytest

from api_gateway.dialects.embeddings import decode_request, splice_answer
from wire.conversation import Usage
from wire.errors import InvalidRequestError, UpstreamProtocolError


def body(**members: object) -> bytes:
    return json.dumps({"model": "m", **members}).encode()


@pytest.mark.parametrize(
    "given", ["a", ["a"], ["a", "b"], [1, 2, 3], [[1, 2], [3]], list(range(5000))]
)
def test_texts_and_token_ids_pass(given: object) -> None:
    assert decode_request(body(input=given, user="u", extra=1)).model == "m"


REFUSALS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "input", "missing_required_parameter"),
    ({"input": None}, "input", "missing_required_parameter"),
    ({"input": 5}, "input", "invalid_type"),
    ({"input": ""}, "input", "invalid_value"),
    ({"input": []}, "input", "empty_array"),
    ({"input": ["a", ""]}, "input[1]", "invalid_value"),
    ({"input": [[]]}, "input[0]", "empty_array"),
    ({"input": ["a", 1]}, "input[1]", "invalid_type"),
    ({"input": [1, "a"]}, "input[1]", "invalid_type"),
    ({"input": ["a"] * 2049}, "input", "array_above_max_length"),
    ({"input": "a", "dimensions": 0}, "dimensions", "integer_below_min_value"),
    ({"input": "a", "encoding_format": "hex"}, "encoding_format", "invalid_value"),
]


@pytest.mark.parametrize(("members", "param", "code"), REFUSALS)
@pytest.mark.requirement("embeddings:errors")
def test_a_bad_request_is_refused_by_its_path(
    members: dict[str, object], param: str, code: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        decode_request(body(**members))

    assert (refused.value.param, refused.value.code) == (param, code)


def test_only_the_models_name_changes() -> None:
    spliced = decode_request(body(input=["a"], dimensions=8)).spliced("vendor")

    assert json.loads(spliced) == {"model": "vendor", "input": ["a"], "dimensions": 8}


def test_an_answer_comes_back_under_the_asked_name() -> None:
    answer, usage = splice_answer(
        b'{"object":"list","data":[],"model":"vendor","usage":{"prompt_tokens":4}}', "m", "sim"
    )

    assert json.loads(answer)["model"] == "m"
    assert usage == Usage(input_tokens=4)


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"object":"list"}'])
def test_what_holds_no_embeddings_is_a_protocol_error(answer: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        splice_answer(answer, "m", "sim")


def test_an_answer_without_counts_is_uncounted() -> None:
    assert splice_answer(b'{"data":[]}', "m", "sim")[1] is None
    assert splice_answer(b'{"data":[],"usage":5}', "m", "sim")[1] is None
