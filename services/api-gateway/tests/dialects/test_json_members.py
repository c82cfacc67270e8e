"""Objects taken apart and put together keep every value's bytes."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway import openai_errors
from api_gateway.dialects import json_members

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=10)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def written(value: object, indent: int | None, *, ascii_only: bool) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only)


json_texts = st.builds(
    written, json_values, st.none() | st.integers(0, 3), ascii_only=st.booleans()
)


@given(st.dictionaries(TEXTS, json_texts, max_size=5))
def test_every_value_keeps_its_bytes(texts: dict[str, str]) -> None:
    body = ("{" + ",".join(f"{json.dumps(k)}:{v}" for k, v in texts.items()) + "}").encode()
    members = json_members.split(body)

    again = json_members.split(json_members.join(members))

    assert {name: bytes(raw).decode() for name, raw in again.items()} == texts
    assert list(again) == list(texts)


def test_of_members_with_one_name_only_the_last_goes_on() -> None:
    body = b'{"model":"cheap","a":1,"model":"dear"}'

    joined = json_members.join(json_members.split(body))

    assert joined == b'{"model":"dear","a":1}'


def test_an_escaped_name_is_the_same_name() -> None:
    members = json_members.split(b'{"mod\\u0065l":"x"}')

    assert list(members) == ["model"]


def test_an_empty_object_stays_one() -> None:
    assert json_members.join(json_members.split(b" { } ")) == b"{}"


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"{", b'{"a":}', b'{"a":1,}'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        json_members.split(body)


def test_a_text_is_encoded_as_a_value() -> None:
    assert bytes(json_members.text('a"b')) == b'"a\\"b"'


def test_bytes_that_nobody_reads_are_checked_too() -> None:
    members = json_members.split(b'{"a": {"\x80": 1}}')

    with pytest.raises(openai_errors.JSON_PROBLEMS):
        json_members.check_encoding(members)
    json_members.check_encoding(json_members.split('{"a": "é"}'.encode()))
