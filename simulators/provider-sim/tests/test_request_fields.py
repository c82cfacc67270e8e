"""Strict reading of fields."""

from collections.abc import Callable

import pytest

from provider_sim.request_fields import Fields, parse_body
from provider_sim.wire_errors import WireError


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"x"', b"\xff"])
def test_a_body_that_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(WireError):
        parse_body(raw)


READS: list[tuple[Callable[[Fields], object], str, str]] = [
    (lambda f: f.text("gone"), "gone", "missing_required_parameter"),
    (lambda f: f.text("null"), "null", "missing_required_parameter"),
    (lambda f: f.text("number"), "number", "invalid_type"),
    (lambda f: f.choice("word", ("a", "b")), "word", "invalid_value"),
    (lambda f: f.flag("word", default=False), "word", "invalid_type"),
    (lambda f: f.integer("number", 0, 5), "number", "integer_above_max_value"),
    (lambda f: f.integer("number", 8, 9), "number", "integer_below_min_value"),
    (lambda f: f.integer("yes", 0, 5), "yes", "invalid_type"),
    (lambda f: f.decimal("number", 0, 2), "number", "decimal_above_max_value"),
    (lambda f: f.decimal("word", 0, 2), "word", "invalid_type"),
    (lambda f: f.array("word"), "word", "invalid_type"),
    (lambda f: f.filled_array("empty"), "empty", "empty_array"),
    (lambda f: f.child("word"), "word", "invalid_type"),
    (lambda f: list(f.children("list")), "list[1]", "invalid_type"),
    (lambda f: f.texts("list", 4), "list", "invalid_type"),
    (lambda f: f.texts("many", 4), "many", "array_above_max_length"),
    (lambda f: f.name("spaced", 64), "spaced", "invalid_value"),
    (lambda f: f.name("word", 2), "word", "string_above_max_length"),
    (lambda f: f.child("deep").text("gone"), "deep.gone", "missing_required_parameter"),
]


@pytest.mark.requirement("provider-sim:strict")
@pytest.mark.parametrize(("read", "param", "code"), READS)
def test_a_refusal_names_parameter_and_code(
    read: Callable[[Fields], object], param: str, code: str
) -> None:
    fields = Fields(
        {
            "null": None,
            "number": 7,
            "word": "word",
            "yes": True,
            "empty": [],
            "list": [{}, 1],
            "many": ["a", "b", "c", "d", "e"],
            "spaced": "a b",
            "deep": {},
        }
    )

    with pytest.raises(WireError) as caught:
        read(fields)

    assert (caught.value.param, caught.value.code) == (param, code)


def test_null_counts_as_absent() -> None:
    fields = Fields({"a": None})

    assert fields.flag("a", default=True) is True
    assert fields.integer("a", 0, 1) is None
    assert fields.texts("a", 4) == ()
    assert list(fields.children("a")) == []
