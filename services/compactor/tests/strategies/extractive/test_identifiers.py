"""What machines and people refer to by name."""

from __future__ import annotations

import time

import pytest

from compactor.strategies.extractive.identifiers import (
    IdentifierKind,
    find_identifiers,
    identifier_kind,
)

K = IdentifierKind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("https://example.org/a?b=1", K.ADDRESS),
        ("ann.lee@example.org", K.ADDRESS),
        ("2024-05-17", K.DATE),
        ("2024-05-17T10:30:00", K.DATE),
        ("src/main.py", K.PATH),
        ("/etc/hosts", K.PATH),
        ("fields.py", K.PATH),
        ("customer_id", K.SNAKE),
        ("__init__", K.SNAKE),
        ("HAT097", K.MIXED),
        ("7d97bad6", K.MIXED),
        ("1,234.50", K.NUMBER),
        ("$500", K.NUMBER),
        ("getUserName", K.CAMEL),
        ("TimeDelta", K.CAMEL),
        ("os.path.join", K.CAMEL),
        ("DTW", K.CAPITALS),
    ],
)
def test_each_kind_is_recognised(text: str, kind: IdentifierKind) -> None:
    assert identifier_kind(text) is kind
    assert find_identifiers(f"see ({text}), please") == [(text, kind)]


@pytest.mark.parametrize("text", ["word", "Lisbon", "42", "e.g", "don't", "", "a" * 500])
def test_words_and_small_figures_are_none(text: str) -> None:
    assert identifier_kind(text) is None


def test_json_and_calls_give_up_their_values() -> None:
    found = find_identifiers('find(user_id="sofia_kim_7287", n=3) -> {"flight":"HAT017"}')

    assert [name for name, _ in found] == ["user_id", "sofia_kim_7287", "HAT017"]


@pytest.mark.parametrize("unit", ["a", "a-", "a/", "a_", "1.", "A1", "x@"])
def test_hostile_repetition_takes_linear_time(unit: str) -> None:
    began_s = time.process_time()

    find_identifiers(unit * (400_000 // len(unit)))

    assert time.process_time() - began_s < 2
