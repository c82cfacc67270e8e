"""Formats of custom tools: chat keeps a grammar in a member of its own, Responses does not. Pure.

A conversation may come in by one dialect and leave by the other; what is not a grammar is the same
in both.
"""

from __future__ import annotations

import msgspec

from wire.raw_json import ABSENT, is_present


class _Rules(msgspec.Struct, omit_defaults=True):
    syntax: msgspec.Raw = ABSENT
    definition: msgspec.Raw = ABSENT


class _Format(msgspec.Struct):
    type: str = ""
    syntax: msgspec.Raw = ABSENT
    definition: msgspec.Raw = ABSENT
    grammar: msgspec.Raw = ABSENT


class _Nested(msgspec.Struct):
    type: str
    grammar: _Rules


class _Flat(msgspec.Struct, omit_defaults=True):
    type: str
    syntax: msgspec.Raw = ABSENT
    definition: msgspec.Raw = ABSENT


_FORMAT = msgspec.json.Decoder(_Format)
_RULES = msgspec.json.Decoder(_Rules)
_encode = msgspec.json.Encoder().encode
_GRAMMAR = "grammar"
# What is no format of either stays what it is: its backend says what is wrong with it.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def as_in_chat(raw: msgspec.Raw) -> msgspec.Raw:
    """`{"type": "grammar", "grammar": {"syntax": …, "definition": …}}`."""
    found = _grammar(raw)
    if found is None or is_present(found.grammar):
        return raw
    return msgspec.Raw(_encode(_Nested(_GRAMMAR, _Rules(found.syntax, found.definition))))


def as_in_responses(raw: msgspec.Raw) -> msgspec.Raw:
    """`{"type": "grammar", "syntax": …, "definition": …}`."""
    found = _grammar(raw)
    if found is None or not is_present(found.grammar):
        return raw
    try:
        rules = _RULES.decode(found.grammar)
    except _UNREADABLE:
        return raw
    return msgspec.Raw(_encode(_Flat(_GRAMMAR, rules.syntax, rules.definition)))


def _grammar(raw: msgspec.Raw) -> _Format | None:
    if not is_present(raw):
        return None
    try:
        found = _FORMAT.decode(raw)
    except _UNREADABLE:
        return None
    return found if found.type == _GRAMMAR else None
