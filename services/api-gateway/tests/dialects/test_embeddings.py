"""The embeddings dialect: what is accepted, and what changes on the way."""

import base64
import contextlib
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


ASKED = decode_request(body(input="a"))
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
        b'{"object":"list","data":[],"model":"vendor","usage":{"prompt_tokens":4}}', ASKED, "sim"
    )

    assert json.loads(answer)["model"] == "m"
    assert usage == Usage(input_tokens=4)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b'{"object":"list"}',
        b'{"data":{}}',
        b'{"data":[{}]}',
        b'{"data":[{"embedding":"not base64!"}]}',
        b'{"data":[{"embedding":"AAAA"}]}',
    ],
)
def test_what_holds_no_embeddings_is_a_protocol_error(answer: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        splice_answer(answer, ASKED, "sim")


def test_an_answer_without_counts_is_uncounted() -> None:
    assert splice_answer(b'{"data":[]}', ASKED, "sim")[1] is None
    assert splice_answer(b'{"data":[],"usage":5}', ASKED, "sim")[1] is None


VECTOR = [0.5, -1.25, 3.0]
PACKED = base64.b64encode(struct.pack("<3f", *VECTOR)).decode()


@pytest.mark.parametrize("sent", [VECTOR, PACKED], ids=["floats", "base64"])
@pytest.mark.parametrize(
    ("members", "expected"),
    [({}, VECTOR), ({"encoding_format": "float"}, VECTOR), ({"encoding_format": "base64"}, PACKED)],
)
@pytest.mark.requirement("embeddings:format-asked-for")
def test_vectors_come_as_they_were_asked_for_whatever_the_backend_sends(
    sent: object, members: dict[str, object], expected: object
) -> None:
    entry = {"object": "embedding", "index": 0, "embedding": sent, "extra": 1}

    answer, _ = splice_answer(
        json.dumps({"data": [entry, entry]}).encode(),
        decode_request(body(input="a", **members)),
        "sim",
    )

    assert json.loads(answer)["data"] == [{**entry, "embedding": expected}] * 2


def test_floats_too_large_to_pack_are_a_protocol_error() -> None:
    asked = decode_request(body(input="a", encoding_format="base64"))

    with pytest.raises(UpstreamProtocolError):
        splice_answer(b'{"data":[{"embedding":[1e300]}]}', asked, "sim")


@pytest.mark.parametrize("ids", [[1, 2, 3], [[1, 2], [3]]])
@pytest.mark.requirement("embeddings:token-ids")
def test_token_ids_are_refused_where_they_would_stand_for_other_words(ids: object) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        decode_request(body(input=ids)).require_text()

    assert (refused.value.param, refused.value.code) == ("input", "unsupported_value")
    assert "check_embedding_ctx_length=False" in refused.value.message


@pytest.mark.parametrize("texts", ["a", ["a", "b"]])
def test_text_is_welcome_everywhere(texts: object) -> None:
    decode_request(body(input=texts)).require_text()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["model", "input", "dimensions", "user"]), json_values))
@pytest.mark.requirement("embeddings:errors")
def test_any_json_is_read_or_refused_with_a_typed_error(members: dict[str, object]) -> None:
    with contextlib.suppress(InvalidRequestError):
        decode_request(body(**{"input": "a", **members})).require_text()


@given(st.dictionaries(st.sampled_from(["data", "usage", "model"]), json_values), st.booleans())
def test_any_answer_is_read_or_a_protocol_error(
    members: dict[str, object],
    packed: bool,  # noqa: FBT001
) -> None:
    asked = decode_request(body(input="a", encoding_format="base64" if packed else "float"))

    with contextlib.suppress(UpstreamProtocolError):
        splice_answer(json.dumps(members).encode(), asked, "sim")
