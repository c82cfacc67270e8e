"""Values against the records: each finding of pydantic in our words, at its place in the file."""

import contextlib
import copy
import difflib
import re
from collections.abc import Iterable
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from catalogue.document import Document, Location, Value
from catalogue.problems import Problem
from catalogue.record_types import record_at
from catalogue.records import (
    FORMAT_VERSION,
    ConfigurationRecord,
    ModelRecord,
    PanelRecord,
    ProviderRecord,
    Record,
)

RecordT = TypeVar("RecordT", bound=Record)

_KEY_MARK = "[key]"  # pydantic's way of saying that a key is wrong, not its value
_SHOWN_CHOICES = 10
_WANTED = {
    "string_type": ("text", "put it in quotes"),
    "int_type": ("a whole number", "write digits without quotes"),
    "float_type": ("a number", "write digits without quotes"),
    "bool_type": ("true or false", "write true or false without quotes"),
    "list_type": ("a list", "write [a, b]"),
    "dict_type": ("a mapping", "write `name: ...` below it, indented"),
    "model_type": ("a mapping", "write its fields below it, indented"),
}
_KINDS: dict[type, str] = {
    type(None): "empty",
    bool: "true or false",
    int: "a number",
    float: "a number with a fraction",
    str: "text",
    list: "a list",
}


def validate(document: Document) -> tuple[ConfigurationRecord, list[Problem]]:
    """The records, and every finding.

    When there are findings the records hold what is usable without them, which may be nothing, so
    that references between entries are checked in the same pass.
    """
    try:
        return ConfigurationRecord.model_validate(document.value), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    problems = [_problem(document, detail) for detail in details]
    return _mended(document.value, details), problems


def suggestion(wanted: str, known: Iterable[str], *, noun: str) -> str:
    """The remedy for a name that is not there: the nearest one, or those that are."""
    names = list(known)
    if near := difflib.get_close_matches(wanted, names, n=1):
        return f"did you mean {near[0]!r}?"
    if not names:
        return f"declare {noun} first"
    shown = ", ".join(names[:_SHOWN_CHOICES])
    more = f" and {len(names) - _SHOWN_CHOICES} more" if len(names) > _SHOWN_CHOICES else ""
    return f"known: {shown}{more}"


def _problem(document: Document, detail: ErrorDetails) -> Problem:
    location = detail["loc"]
    message, fix = _words(detail)
    if location and location[-1] == _KEY_MARK:
        return document.key_problem(location[:-1], message, fix)
    if detail["type"] == "extra_forbidden":
        return document.key_problem(location, message, fix)
    return document.problem(_finer(location, detail), message, fix)


def _finer(location: Location, detail: ErrorDetails) -> Location:
    at = detail.get("ctx", {}).get("at")
    return (*location, at) if isinstance(at, str) and at else location


def _words(detail: ErrorDetails) -> tuple[str, str]:
    """What is wrong and what to do. Repeats nothing the file says except keys."""
    kind = detail["type"]
    if kind in _WANTED:
        wanted, fix = _WANTED[kind]
        return f"must be {wanted}, not {_described(detail['input'])}", fix
    match kind:
        case "missing":
            return "is required", f"add `{detail['loc'][-1]}: ...`"
        case "extra_forbidden":
            return _unknown_key(detail["loc"])
        case "literal_error":
            return _not_a_choice(detail)
        case "refused":
            return _context(detail, "message"), _context(detail, "fix")
        case _:
            return _out_of_range(detail)


def _unknown_key(location: Location) -> tuple[str, str]:
    key = str(location[-1])
    if key == "<<":
        return "merge keys are not supported", "repeat the fields, or give them to one entry"
    record = record_at(location[:-1])
    known = record.model_fields if record else ()
    return "is not a known key", suggestion(key, known, noun="it")


def _not_a_choice(detail: ErrorDetails) -> tuple[str, str]:
    choices = re.findall(r"'([^']*)'", _context(detail, "expected"))
    given = detail["input"]
    fix = suggestion(given, choices, noun="it") if isinstance(given, str) else "put it in quotes"
    return f"must be one of {', '.join(choices)}", fix


def _out_of_range(detail: ErrorDetails) -> tuple[str, str]:
    match detail["type"]:
        case "greater_than":
            bound = f"more than {_context(detail, 'gt')}"
        case "greater_than_equal":
            bound = f"at least {_context(detail, 'ge')}"
        case "less_than_equal":
            bound = f"at most {_context(detail, 'le')}"
        case "finite_number":
            bound = "a finite number"
        case "too_short":
            return "is empty", f"add at least {_context(detail, 'min_length')}"
        case "too_long":
            return "has too many entries", f"keep at most {_context(detail, 'max_length')}"
        case "string_too_short":
            return "is empty", "write some text, or remove it"
        case "string_too_long":
            return "is too long", f"keep at most {_context(detail, 'max_length')} characters"
        case _:
            return detail["msg"], "see docs/configuration.md"
    return f"must be {bound}", f"write a value that is {bound}"


def _context(detail: ErrorDetails, key: str) -> str:
    value: object = detail.get("ctx", {}).get(key, "")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _described(value: object) -> str:
    return _KINDS.get(type(value), "a mapping")


def _mended(value: Value, details: list[ErrorDetails]) -> ConfigurationRecord:
    """The entries without the fields that pydantic refused, as far as they are usable then."""
    rest = copy.deepcopy(value)
    for detail in details:
        _remove(rest, detail["loc"])
    return ConfigurationRecord.model_construct(
        version=FORMAT_VERSION,
        providers=_usable(rest, "providers", ProviderRecord),
        models=_usable(rest, "models", ModelRecord),
        panels=_usable(rest, "panels", PanelRecord),
    )


def _usable(value: Value, section: str, kind: type[RecordT]) -> dict[str, RecordT]:
    entries = _step(value, section)
    found: dict[str, RecordT] = {}
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        with contextlib.suppress(ValidationError):
            found[name] = kind.model_validate(entry)
    return found


def _remove(value: Value, location: Location) -> None:
    """Only what a mapping holds: removed from a list, it would move what follows."""
    inner: Value = value
    for key in location[:-1]:
        inner = _step(inner, key)
    if isinstance(inner, dict) and location:
        inner.pop(str(location[-1]), None)


def _step(value: Value, key: str | int) -> Value:
    match value, key:
        case dict(), str():
            return value.get(key)
        case list(), int() if key < len(value):
            return value[key]
        case _:
            return None
