"""JSON helpers."""

import pytest

from provider_sim.json_types import dumps, loads, object_at


def test_missing_paths_are_empty_objects() -> None:
    assert object_at({"a": {"b": {"c": 1}}}, "a", "b") == {"c": 1}
    assert object_at({"a": [1]}, "a", "b") == {}


def test_text_stays_utf8() -> None:
    assert dumps({"a": "é"}) == '{"a":"é"}'.encode()


def test_what_is_not_json_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="unexpected end"):
        loads("{")
