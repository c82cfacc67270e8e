"""Values against the records: each finding of pydantic in our words, at its place in the file."""

import contextlib
import copy
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar, cast

from pydantic import ValidationError

from catalogue.document import Document, Location, Value
from catalogue.problems import Problem
from catalogue.record_fields import Record, RefusedError
from catalogue.record_types import record_at
from catalogue.records import (
    FORMAT_VERSION,
    ConfigurationRecord,
    MassGenRecord,
    ModelRecord,
    PanelRecord,
    ProviderRecord,
    RoutingRecord,
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


_Context = dict[str, object] | None


@dataclass(frozen=True, slots=True)
class _Finding:
    """What pydantic says of one place, without its own words."""

    kind: str
    location: Location
    given: object
    context: _Context

    @property
    def refused(self) -> RefusedError | None:
        error = (self.context or {}).get("error")
        return error if isinstance(error, RefusedError) else None

    def context_text(self, key: str) -> str:
        value = (self.context or {}).get(key, "")
        return f"{value:g}" if isinstance(value, float) else str(value)


def validate(document: Document) -> tuple[ConfigurationRecord, list[Problem]]:
    """The records, and every finding.

    When there are findings the records hold what is usable without them, which may be nothing, so
    that references between entries are checked in the same pass.
    """
    try:
        return ConfigurationRecord.model_validate(document.value), []
    except ValidationError as error:
        findings = [
            _Finding(
                detail["type"], detail["loc"], detail["input"], cast("_Context", detail.get("ctx"))
            )
            for detail in error.errors(include_url=False)
        ]
    problems = [_problem(document, finding) for finding in findings]
    return _mended(document.value, findings), problems


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


def _problem(document: Document, finding: _Finding) -> Problem:
    location = finding.location
    message, fix = _words(finding)
    if location and location[-1] == _KEY_MARK:
        return document.key_problem(location[:-1], message, fix)
    if finding.kind == "extra_forbidden":
        return document.key_problem(location, message, fix)
    refused = finding.refused
    finer = (*location, refused.at) if refused and refused.at else location
    return document.problem(finer, message, fix)


def _words(finding: _Finding) -> tuple[str, str]:
    """What is wrong and what to do. Repeats nothing the file says except keys."""
    if finding.refused:
        return finding.refused.message, finding.refused.fix
    if finding.kind in _WANTED:
        wanted, fix = _WANTED[finding.kind]
        return f"must be {wanted}, not {_described(finding.given)}", fix
    match finding.kind:
        case "missing":
            return "is required", f"add `{finding.location[-1]}: ...`"
        case "extra_forbidden":
            return _unknown_key(finding.location)
        case "literal_error":
            return _not_a_choice(finding)
        case _:
            return _out_of_range(finding)


def _unknown_key(location: Location) -> tuple[str, str]:
    key = str(location[-1])
    if key == "<<":
        return "merge keys are not supported", "repeat the fields, or give them to one entry"
    record = record_at(location[:-1])
    known = record.model_fields if record else ()
    return "is not a known key", suggestion(key, known, noun="it")


def _not_a_choice(finding: _Finding) -> tuple[str, str]:
    choices = re.findall(r"'([^']*)'", finding.context_text("expected"))
    given = finding.given
    fix = suggestion(given, choices, noun="it") if isinstance(given, str) else "put it in quotes"
    return f"must be one of {', '.join(choices)}", fix


def _out_of_range(finding: _Finding) -> tuple[str, str]:
    match finding.kind:
        case "greater_than":
            bound = f"more than {finding.context_text('gt')}"
        case "greater_than_equal":
            bound = f"at least {finding.context_text('ge')}"
        case "less_than_equal":
            bound = f"at most {finding.context_text('le')}"
        case "finite_number":
            bound = "a finite number"
        case "too_short":
            return "is empty", f"add at least {finding.context_text('min_length')}"
        case "too_long":
            most = finding.context_text("max_length")
            return "has too many entries", f"keep at most {most}"
        case "string_too_short":
            return "is empty", "write some text, or remove it"
        case "string_too_long":
            return "is too long", f"keep at most {finding.context_text('max_length')} characters"
        case _:
            return "is not accepted", "see docs/configuration.md for what is"
    return f"must be {bound}", f"write a value that is {bound}"


def _described(value: object) -> str:
    return _KINDS.get(type(value), "a mapping")


def _mended(value: Value, findings: list[_Finding]) -> ConfigurationRecord:
    """The entries without the fields that pydantic refused, as far as they are usable then."""
    rest = copy.deepcopy(value)
    for finding in findings:
        _remove(rest, finding.location)
    return ConfigurationRecord.model_construct(
        version=FORMAT_VERSION,
        providers=_usable(rest, "providers", ProviderRecord),
        models=_usable(rest, "models", ModelRecord),
        panels=_usable(rest, "panels", PanelRecord),
        routing=_usable_section(rest, "routing", RoutingRecord) or RoutingRecord(),
        massgen=_usable_section(rest, "massgen", MassGenRecord),
    )


def _usable_section(value: Value, section: str, kind: type[RecordT]) -> RecordT | None:
    try:
        return kind.model_validate(_step(value, section))
    except ValidationError:
        return None


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
