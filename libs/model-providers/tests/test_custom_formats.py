"""A custom tool's grammar in each dialect's form."""

from __future__ import annotations

import json

import msgspec
import pytest

from model_providers.custom_formats import as_in_chat, as_in_responses
from wire.raw_json import ABSENT

RULES = {"syntax": "lark", "definition": "start: x"}
NESTED = {"type": "grammar", "grammar": RULES}
FLAT = {"type": "grammar", **RULES}


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


@pytest.mark.parametrize("given", [NESTED, FLAT])
@pytest.mark.requirement("chat:custom-tools")
def test_a_grammar_has_the_form_of_the_dialect_it_goes_to(given: object) -> None:
    assert json.loads(bytes(as_in_chat(raw(given)))) == NESTED
    assert json.loads(bytes(as_in_responses(raw(given)))) == FLAT


OTHERS = [
    b'{"type":"text"}',
    b"{}",
    b"[]",
    b"5",
    b'{"type":"grammar","grammar":5}',
    b'{"\x80":1}',
    b"{",
]


@pytest.mark.parametrize("given", OTHERS)
def test_what_is_no_grammar_stays_what_it_is(given: bytes) -> None:
    assert bytes(as_in_responses(msgspec.Raw(given))) == given
    assert bytes(as_in_chat(msgspec.Raw(given))) == given


def test_no_format_is_none() -> None:
    assert as_in_chat(ABSENT) is ABSENT
    assert as_in_responses(ABSENT) is ABSENT
