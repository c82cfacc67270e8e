"""One mapping of a MassGen file, read key by key; what nobody read is reported."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from catalogue.document import Document, Location, Value
from catalogue.massgen.unmapped import why_unmapped
from catalogue.problems import Problem
from catalogue.validation import suggestion

ChoiceT = TypeVar("ChoiceT")


@dataclass(slots=True)
class Findings:
    """`problems` keep a file from being a panel, `warnings` do not."""

    document: Document
    problems: list[Problem] = field(default_factory=list[Problem])
    warnings: list[Problem] = field(default_factory=list[Problem])

    def refuse(self, at: Location, message: str, fix: str) -> None:
        self.problems.append(self.document.problem(at, message, fix))

    def warn(self, at: Location, message: str, fix: str) -> None:
        self.warnings.append(self.document.problem(at, message, fix))


class Section:
    """Absent and null are the same: None. A value of the wrong kind is refused, and None too."""

    def __init__(self, findings: Findings, at: Location, values: Mapping[str, Value]) -> None:
        self._findings = findings
        self._at = at
        self._values = values
        self._read: set[str] = set()

    def at(self, *path: str | int) -> Location:
        return (*self._at, *path)

    def has(self, key: str) -> bool:
        """Whether anything is said; an empty text says nothing."""
        value = self._values.get(key)
        return value is not None and not (isinstance(value, str) and not value.strip())

    def holds_list(self, key: str) -> bool:
        return isinstance(self._values.get(key), list)

    def is_empty_list(self, key: str) -> bool:
        return self._values.get(key) == []

    def text(self, key: str, *, most: int = 20_000) -> str | None:
        """Not empty; at most `most` characters."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self._refuse(key, "must be text", "put it in quotes")
        elif not _is_utf8(value):
            self._refuse(key, "holds half a character", "write the whole character")
        elif len(value) > most:
            self._refuse(key, "is too long", f"keep at most {most} characters")
        elif value.strip():
            return value
        return None

    def whole_number(self, key: str) -> int | None:
        """At least 1."""
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            self._refuse(key, "must be a whole number of at least 1", "write 1 or more")
            return None
        return value

    def number(self, key: str, *, above: float | None = None, most: float) -> float | None:
        """At least 0, or more than `above`."""
        value = self._take(key)
        if value is None:
            return None
        match value:
            case bool():
                pass
            case int() | float() if _within(value, above, most):
                return float(value)
            case _:
                pass
        least = f"more than {above:g}" if above is not None else "at least 0"
        self._refuse(key, f"must be a number, {least} and at most {most:g}", "correct it")
        return None

    def truth(self, key: str) -> bool | None:
        value = self._take(key)
        if value is None or isinstance(value, bool):
            return value
        self._refuse(key, "must be true or false", "write true or false without quotes")
        return None

    def choice(self, key: str, choices: Mapping[str, ChoiceT]) -> ChoiceT | None:
        """What the word stands for."""
        word = self.text(key)
        if word is None:
            return None
        if word not in choices:
            self._refuse(
                key, f"must be one of {', '.join(choices)}", suggestion(word, choices, noun="it")
            )
            return None
        return choices[word]

    def section(self, key: str) -> "Section | None":
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._refuse(key, "must be a mapping", "write its fields below it, indented")
            return None
        return Section(self._findings, self.at(key), value)

    def sections(self, key: str) -> "list[Section]":
        """Of a list of mappings."""
        value = self._take(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self._refuse(key, "must be a list", "begin each entry with `- `")
            return []
        return list(self._entries(key, value))

    def ignore(self, keys: Iterable[str]) -> None:
        """Count them as read: they are told about elsewhere, or say nothing."""
        self._read.update(keys)

    def refuse(self, key: str, message: str, fix: str) -> None:
        self._refuse(key, message, fix)

    def warn(self, key: str, message: str, fix: str) -> None:
        self._findings.warn(self.at(key), message, fix)

    def report_rest(self) -> None:
        """Each key that was not read, at its place."""
        for key in self._values:
            if key not in self._read:
                message, fix = why_unmapped(key)
                at = self.at(key)
                found = self._findings.document.key_problem(at, message, fix)
                self._findings.warnings.append(found)

    def _entries(self, key: str, values: list[Value]) -> Iterator["Section"]:
        for index, value in enumerate(values):
            at = self.at(key, index)
            if isinstance(value, dict):
                yield Section(self._findings, at, value)
            else:
                fix = "write its fields below it, indented"
                self._findings.refuse(at, "must be a mapping", fix)

    def _take(self, key: str) -> Value:
        self._read.add(key)
        return self._values.get(key)

    def _refuse(self, key: str, message: str, fix: str) -> None:
        self._findings.refuse(self.at(key), message, fix)


def _within(value: float, above: float | None, most: float) -> bool:
    least_held = value > above if above is not None else value >= 0
    return least_held and value <= most


def _is_utf8(text: str) -> bool:
    """Half a surrogate pair cannot be sent to anybody."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
