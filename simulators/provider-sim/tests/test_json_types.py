"""JSON helpers."""

import pytest

from provider_sim.json_types import dumps, leading_object, loads, object_at


def test_missing_paths_are_empty_objects() -> None:
    assert object_at({"a": {"b": {"c": 1}}}, "a", "b") == {"c": 1}
    assert object_at({"a": [1]}, "a", "b") == {}


def test_text_stays_utf8() -> None:
    assert dumps({"a": "é"}) == '{"a":"é"}'.encode()


def test_what_is_not_json_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="unexpected end"):
        loads("{")


def test_an_object_is_read_from_the_front_of_a_text() -> None:
    assert leading_object('{"a":{"b":"}"}} and more') == {"a": {"b": "}"}}
    assert leading_object("[1] {}") is None
    assert leading_object("no JSON") is None
