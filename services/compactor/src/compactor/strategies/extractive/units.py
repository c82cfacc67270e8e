"""A passage cut into units that can be kept or left out: sentences, lines, records.

Prose is trimmed word by word. Lines of code, logs and tables stay whole or go; of a line that goes,
the identifiers may stay. JSON becomes records of `key=value`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, cast

from compactor.strategies.extractive.identifiers import IdentifierKind, find_identifiers
from compactor.strategies.extractive.tokens import Token, read_token, tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class Form(Enum):
    PROSE = "prose"
    LINE = "line"
    RECORD = "record"


@dataclass(slots=True)
class Piece:
    """The smallest thing that is kept or left out. `worth` and `cost` are filled in later."""

    text: str
    token: Token
    identifier: bool
    worth: float = 0.0
    cost: float = 1.0
    kept: bool = False


@dataclass(slots=True)
class Unit:
    """`text` is the unit in full: the source's bytes, or a record's flattened form."""

    passage: int
    form: Form
    text: str
    pieces: list[Piece]
    cost: float = 1.0
    whole: bool = False


_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n+")  # noqa: RUF001
_QUOTATION = re.compile(r"\"[^\"\n]{2,80}\"|“[^”\n]{2,80}”")
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_CODE_LINE = re.compile(r"^(?: {4}|\t)\S|^\s*(?:\d+[:|\t]|[-+@]{1,3}[^-\s*]|[$>#%]{1,3} ?\w|\|)")
_SYMBOLS = re.compile(r"[{}()\[\];<>=/\\_|$#&^~`*+]")
_SYMBOL_SHARE = 0.08
_LONGEST_FACT_CHARACTERS = 120
_DEEPEST_JSON = 12


def units_of(position: int, text: str, *, machine_made: bool) -> list[Unit]:
    """Cut one passage. `machine_made`: output of a tool, where every line may be code."""
    records = _records(text)
    if records is not None:
        return [unit for record in records for unit in _record_units(position, record)]
    units: list[Unit] = []
    for line, is_code in _lines(text, machine_made=machine_made):
        if is_code:
            units.append(_line(position, line))
        else:
            units.extend(_sentence(position, part) for part in _sentences(line))
    return units


def _lines(text: str, *, machine_made: bool) -> Iterator[tuple[str, bool]]:
    fenced = False
    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        elif line.strip():
            yield line, fenced or _is_code(line, machine_made=machine_made)


def _is_code(line: str, *, machine_made: bool) -> bool:
    if _CODE_LINE.match(line):
        return True
    symbols = len(_SYMBOLS.findall(line))
    return symbols > _SYMBOL_SHARE * len(line) if not machine_made else symbols > 0


def _sentences(line: str) -> Iterator[str]:
    start = 0
    for match in _SENTENCE_END.finditer(line):
        if match.end() > start:
            yield line[start : match.end()].strip()
        start = match.end()
    if line[start:].strip():
        yield line[start:].strip()


def _line(position: int, line: str) -> Unit:
    return Unit(position, Form.LINE, line.rstrip(), _identifier_pieces(line))


def _identifier_pieces(text: str) -> list[Piece]:
    return [Piece(name, read_token(name), identifier=True) for name, _ in find_identifiers(text)]


def _words(text: str) -> list[Piece]:
    return [Piece(token.text, token, token.kind is not None) for token in tokens_of(text)]


def _sentence(position: int, text: str) -> Unit:
    pieces: list[Piece] = []
    if '"' not in text and "“" not in text:
        pieces = _words(text)
        return Unit(position, Form.PROSE, text, pieces)
    start = 0
    for match in _QUOTATION.finditer(text):
        pieces += _words(text[start : match.start()])
        pieces.append(Piece(match.group(), Token.quotation(match.group()), identifier=False))
        start = match.end()
    pieces += _words(text[start:])
    return Unit(position, Form.PROSE, text, pieces)


# ---------------------------------------------------------------------------------------- records


@dataclass(frozen=True, slots=True)
class _Record:
    path: str
    facts: list[tuple[str, list[str]]]


def _records(text: str) -> list[_Record] | None:
    stripped = text.strip()
    if stripped[:1] not in {"{", "["}:
        return None
    try:
        value = cast("Json", json.loads(stripped))
    except (ValueError, RecursionError):
        return None
    records: list[_Record] = []
    _flatten("", value, records, 0)
    return records


def _flatten(path: str, value: Json, records: list[_Record], depth: int) -> None:
    if depth > _DEEPEST_JSON:
        records.append(_Record(path, [("", [json.dumps(value, ensure_ascii=False)])]))
    elif isinstance(value, dict):
        facts = [(key, texts) for key, inner in value.items() if (texts := _texts(inner))]
        if facts:
            records.append(_Record(path, facts))
        for key, inner in value.items():
            if not _texts(inner):
                _flatten(f"{path}.{key}" if path else key, inner, records, depth + 1)
    elif isinstance(value, list):
        texts = _texts(value)
        if texts:
            records.append(_Record(path, [("", texts)]))
        else:
            for inner in value:
                _flatten(path, inner, records, depth + 1)
    else:
        records.append(_Record(path, [("", [_text(value)])]))


def _texts(value: Json) -> list[str]:
    """The texts of a scalar or of a list of scalars; nothing for what is nested deeper."""
    if isinstance(value, dict):
        return []
    if isinstance(value, list):
        if any(isinstance(inner, dict | list) for inner in value):
            return []
        return [_text(inner) for inner in value]
    return [_text(value)]


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _record_units(position: int, record: _Record) -> Iterator[Unit]:
    pieces = _identifier_pieces(record.path)
    shown: list[str] = []
    long_texts: list[str] = []
    for key, texts in record.facts:
        short = [text for text in texts if len(text) <= _LONGEST_FACT_CHARACTERS]
        long_texts += [text for text in texts if len(text) > _LONGEST_FACT_CHARACTERS]
        pieces += [_fact_piece(key, text) for text in short]
        if short:
            shown.append(f"{key}={','.join(short)}" if key else ",".join(short))
    if shown:
        head = f"{record.path}: " if record.path else ""
        yield Unit(position, Form.RECORD, head + " ".join(shown), pieces)
    for text in long_texts:
        for line, is_code in _lines(text, machine_made=True):
            if is_code:
                yield _line(position, line)
            else:
                yield from (_sentence(position, part) for part in _sentences(line))


def _fact_piece(key: str, text: str) -> Piece:
    """A value that explains itself stands alone; `no` and `3` need their key."""
    token = read_token(text)
    speaks = token.kind is not None or text[:1].isupper()
    return Piece(text if speaks or not key else f"{key}={text}", token, identifier=True)


__all__ = ["Form", "IdentifierKind", "Piece", "Unit", "units_of"]
