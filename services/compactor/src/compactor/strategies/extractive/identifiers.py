"""What machines and people refer to by name: paths, ids, dates, codes, figures."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache


class IdentifierKind(Enum):
    ADDRESS = "address"
    PATH = "path"
    DATE = "date"
    MIXED = "mixed"
    SNAKE = "snake"
    CAMEL = "camel"
    CAPITALS = "capitals"
    NUMBER = "number"


# Alternatives in order of preference; the first that fits a place names the kind.
_PATTERNS: tuple[tuple[IdentifierKind, str], ...] = (
    (IdentifierKind.ADDRESS, r"https?://\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    (IdentifierKind.DATE, r"\b\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?)?"),
    (IdentifierKind.PATH, r"(?:~|\.{1,2})?/?[\w.-]*\w(?:/[\w.-]*\w)+/?|/\w[\w.-]*"),
    (
        IdentifierKind.PATH,
        r"\b[\w-]+\.(?:py|js|jsx|ts|tsx|json|md|txt|yaml|yml|toml|cfg|ini|html|css|sh|go|rs|java"
        r"|c|h|cc|cpp|hpp|rb|php|sql|csv|log|xml|lock|env|pdf|png|jpg)\b",
    ),
    (IdentifierKind.SNAKE, r"\b\w*[^\W_]_\w+(?:\.\w+)*|\b__\w+__\b|\b_\w+"),
    (IdentifierKind.MIXED, r"#?\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])\w[\w-]*\w\b"),
    (IdentifierKind.NUMBER, r"[$€£]?\b\d[\d,.]*\d\b"),
    (IdentifierKind.CAMEL, r"\b[a-z]+[A-Z]\w*|\b[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+\w*"),
    (IdentifierKind.CAMEL, r"\b[A-Za-z_]\w+(?:\.[A-Za-z_]\w+)+"),
    (IdentifierKind.CAPITALS, r"\b[A-Z][A-Z0-9]{1,}\b"),
)
_KINDS = tuple(kind for kind, _ in _PATTERNS)
_ANY = re.compile("|".join(f"({pattern})" for _, pattern in _PATTERNS))
# Where an identifier may stand: between blanks, quotes, brackets and separators.
_RUN = re.compile(
    r"https?://[^\s\"'<>)\]]+|[$€£]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[^\s\"'`<>(){}\[\],;|=*]+"
)
_TRAILING = ".:!?-"
_FEWEST_DIGITS = 3
# Longer runs are encoded data; the patterns would also need quadratic time on them.
_LONGEST = 160

Identifiers = tuple[tuple[str, IdentifierKind], ...]


def find_identifiers(text: str) -> list[tuple[str, IdentifierKind]]:
    """All identifiers of a text in order. Figures of one or two digits are none."""
    found: list[tuple[str, IdentifierKind]] = []
    for run in _RUN.findall(text):
        if len(run) <= _LONGEST:
            found.extend(_in_run(run))
    return found


def identifier_kind(text: str) -> IdentifierKind | None:
    """The kind of a text that is one identifier and nothing else."""
    found = _in_run(text) if len(text) <= _LONGEST else ()
    return found[0][1] if len(found) == 1 and found[0][0] == text else None


@lru_cache(maxsize=65536)
def _in_run(run: str) -> Identifiers:
    found: list[tuple[str, IdentifierKind]] = []
    for match in _ANY.finditer(run.rstrip(_TRAILING)):
        kind = _KINDS[(match.lastindex or 1) - 1]
        name = match.group()
        if kind is not IdentifierKind.NUMBER or sum(map(str.isdigit, name)) >= _FEWEST_DIGITS:
            found.append((name, kind))
    return tuple(found)
