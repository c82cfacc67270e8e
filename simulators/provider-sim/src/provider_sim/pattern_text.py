"""A text that matches a regular expression, for the `pattern` of a schema. Best effort."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

_ATOM = re.compile(r"\\(.)|\[(\^?)((?:\\.|[^\]\\])+)\]|\(\?:|([().|^$])|(.)", re.DOTALL)
_COUNT = re.compile(r"\{(\d+)(?:,(\d*))?\}|([*+?])")
_CLASSES = {"d": string.digits, "w": string.ascii_lowercase + string.digits, "s": " "}
_ANY = string.ascii_lowercase
_MOST_REPEATS = 3


def text_matching(pattern: str, rng: random.Random) -> str:
    """A matching text; for a pattern beyond plain sequences, classes and groups, plain words."""
    writer = _PatternWriter(pattern, rng)
    for _ in range(8):
        text = writer.write()
        try:
            if text is not None and re.search(pattern, text):
                return text
        except re.error:
            break
    return "text"


class _PatternWriter:
    def __init__(self, pattern: str, rng: random.Random) -> None:
        self._pattern = pattern
        self._rng = rng
        self._at = 0

    def write(self) -> str | None:
        self._at = 0
        try:
            return self._alternatives()
        except (LookupError, ValueError):
            return None

    def _alternatives(self) -> str:
        branches = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._sequence())
        return self._rng.choice(branches)

    def _sequence(self) -> str:
        written: list[str] = []
        while self._at < len(self._pattern) and self._peek() not in {"|", ")"}:
            start = self._at
            piece = self._atom()
            after = self._at
            fewest, most = self._count()
            behind = self._at
            copies = [piece] if most else []
            for _ in range(self._rng.randint(fewest, most) - 1):
                self._at = start
                copies.append(self._atom())
                self._at = after
            self._at = behind
            written += copies if fewest or self._rng.randrange(2) else []
        return "".join(written)

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _atom(self) -> str:
        match = _ATOM.match(self._pattern, self._at)
        if match is None:
            raise ValueError(self._pattern)
        self._at = match.end()
        escaped, negated, members, sign, plain = match.groups()
        if match[0] == "(?:" or sign == "(":
            return self._group()
        if escaped is not None:
            return self._rng.choice(_CLASSES[escaped]) if escaped in _CLASSES else escaped
        if members is not None:
            return self._rng.choice(_members(members, negated=bool(negated)))
        if sign == ".":
            return self._rng.choice(_ANY)
        return plain or ""

    def _group(self) -> str:
        if self._peek() == "?":
            raise ValueError("lookaround")
        text = self._alternatives()
        if self._peek() != ")":
            raise ValueError("unclosed group")
        self._at += 1
        return text

    def _count(self) -> tuple[int, int]:
        match = _COUNT.match(self._pattern, self._at)
        if match is None:
            return 1, 1
        self._at = match.end()
        if match[3]:
            return {"*": (0, _MOST_REPEATS), "+": (1, _MOST_REPEATS), "?": (0, 1)}[match[3]]
        fewest = int(match[1])
        if match[2] is None:
            return fewest, fewest
        return fewest, int(match[2]) if match[2] else fewest + _MOST_REPEATS


def _members(members: str, *, negated: bool) -> str:
    expanded = re.sub(r"\\([dws])", lambda found: _CLASSES[found[1]], members)
    expanded = re.sub(r"\\(.)", r"\1", expanded)
    listed = re.sub(
        r"(.)-(.)",
        lambda found: "".join(map(chr, range(ord(found[1]), ord(found[2]) + 1))),
        expanded,
    )
    if not negated:
        return listed
    return "".join(letter for letter in string.ascii_letters if letter not in listed)
