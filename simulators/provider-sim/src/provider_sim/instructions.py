"""The three plain instructions that any model follows, read out of a user's message.

Pure. They may stand behind long wrappers, inside XML tags, quotes or JSON strings, and other
text may follow on later lines.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class ExactReply:
    """`Reply with exactly this text and nothing else: X`."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStep:
    tool: str
    arguments: str
    """The JSON text of the instruction, as it stands there."""


@dataclass(frozen=True, slots=True)
class ToolErrand:
    """``Call the tool named `T` ...``, once or several times in a row, then reply exactly."""

    steps: tuple[ToolStep, ...]
    final: str


@dataclass(frozen=True, slots=True)
class ValueQuestion:
    """`What is the value of NAME? Answer only from this conversation.`."""

    name: str


Instruction: TypeAlias = ExactReply | ToolErrand | ValueQuestion

_EXACT = re.compile(r"reply\s+with\s+exactly\s+this\s+text\s+and\s+nothing\s+else:", re.IGNORECASE)
_CALL = re.compile(
    r"call\s+the\s+tool\s+named\s+[\\`'\"“]*([^\s`'\"”\\]+)[\\`'\"”]*\s+exactly\s+once"
    r"\s+with\s+these\s+arguments:\s*",
    re.IGNORECASE,
)
_FINAL = re.compile(r"after\s+the\s+tool\s+result,?\s+reply\s+with\s+exactly:", re.IGNORECASE)
_VALUE = re.compile(
    r"what\s+is\s+the\s+value\s+of\s+([^?\n]{1,200}?)\s*\?\s*"
    r"answer\s+only\s+from\s+this\s+conversation",
    re.IGNORECASE,
)
_RECALL = re.compile(
    r"^\s*what(?:'s|\s+is|\s+was)\s+(?:my|our|the)\s+([^?\n]{1,60}?)\s*\?\s*$", re.IGNORECASE
)
_CLOSING_TAG = re.compile(r"</([A-Za-z][\w:.-]*)\s*>")
_CLOSERS = {'"': '"', "'": "'", "`": "`", "“": "”", "«": "»", "„": "“"}
_QUOTES = "\"'`*“”"


def find_instruction(text: str) -> Instruction | None:
    """The instruction that stands last in the text; all its tool calls belong to one errand."""
    found: list[tuple[int, Instruction]] = []
    exact = _last(_EXACT, text)
    if exact:
        found.append((exact.start(), ExactReply(_rest_of_line(text, exact))))
    value = _last(_VALUE, text)
    if value:
        found.append((value.start(), ValueQuestion(value[1].strip(_QUOTES + " "))))
    errand = _find_errand(text)
    if errand:
        found.append(errand)
    return max(found, key=lambda pair: pair[0])[1] if found else None


def remembered_thing(question: str) -> str | None:
    """What a plain question such as "What is my name?" asks for, without its article."""
    asked = _RECALL.search(question)
    return asked[1].strip(_QUOTES + " ") if asked else None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    last = None
    for match in pattern.finditer(text):
        last = match
    return last


def _find_errand(text: str) -> tuple[int, ToolErrand] | None:
    steps: list[ToolStep] = []
    start = 0
    final = ""
    for match in _CALL.finditer(text):
        parsed = _json_object(text[match.end() :])
        if parsed is None:
            continue
        arguments, length = parsed
        ending = _FINAL.search(text, match.end() + length)
        steps.append(ToolStep(match[1], arguments))
        start = match.start()
        final = _rest_of_line(text, ending, opened_at=match.start()) if ending else final
    return (start, ToolErrand(tuple(steps), final)) if steps else None


def _json_object(text: str) -> tuple[str, int] | None:
    """The balanced object that the text begins with, and how many characters it takes."""
    for candidate, unescape in ((text, False), (text, True)):
        source = _unescape(candidate) if unescape else candidate
        try:
            value, end = json.JSONDecoder().raw_decode(source)
        except ValueError:
            continue
        if isinstance(value, dict):
            return source[:end], 0 if unescape else end
    return None


def _unescape(text: str) -> str:
    """Undo one level of JSON string escaping, for wrappers that quote the whole message."""
    return re.sub(r'\\(["\\/])', r"\1", text)


def _rest_of_line(text: str, match: re.Match[str], *, opened_at: int | None = None) -> str:
    """What the instruction asks to say: the rest of its line without its wrapping."""
    line = text[match.end() :].lstrip().partition("\n")[0].rstrip()
    start = match.start() if opened_at is None else opened_at
    quote = text[start - 1 : start]
    if quote in _CLOSERS:
        escaped = text[max(0, start - 2) : start - 1] == "\\"
        line = _until_closed(line, _CLOSERS[quote], escaped=escaped)
    return _before_closing_tag(line)


def _until_closed(line: str, closer: str, *, escaped: bool) -> str:
    """Cut at the quote that closes the one before the instruction."""
    line = line.partition("\\n")[0].rstrip("\\")  # a line end inside a JSON string
    if escaped:
        return line.partition(f"\\{closer}")[0].rstrip()
    if line.endswith(closer):
        return line[: -len(closer)].rstrip()
    ends = re.search(rf"{re.escape(closer)}(?!\w)", line)
    return line[: ends.start()].rstrip() if ends else line


def _before_closing_tag(line: str) -> str:
    """Cut at the first tag that closes something opened outside the line."""
    for tag in _CLOSING_TAG.finditer(line):
        if f"<{tag[1]}" not in line[: tag.start()]:
            return line[: tag.start()].rstrip()
    return line


_VERB = (
    r"(?:(?:is|was|are)(?:\s+(?:now|set\s+to|equal\s+to|changed\s+to))?\b|equals\b"
    r"|(?:has|takes)\s+the\s+value\b|:=|=>|->|={1,2}|:)"
)
_STATED = r"(?=\"([^\"\n]+)\"|'([^'\n]+)'|`([^`\n]+)`|(\S[^\n]{0,200}))"
_MACHINE_LIKE = re.compile(r"[\d_]|[A-Z]{2}|\w-\w")
_SENTENCE_END = re.compile(r"[.!?;,](?=\s|$)|\s(?:and|but|which|while|because)\s|\\n|[<|]")
_LONGEST_VALUE_WORDS = 12


def stated_value(name: str, texts: Iterable[str]) -> str | None:
    """What the texts say about the name; the latest statement wins.

    A value that looks like an identifier is one word, any other runs to the sentence's end.
    """
    flexible = re.escape(name).replace(r"\ ", r"\s+")
    statement = re.compile(
        rf"(?<![\w-]){flexible}(?![\w-])[\"'`*]*\s*{_VERB}[\s:*]*{_STATED}", re.IGNORECASE
    )
    latest = None
    for text in texts:
        for match in statement.finditer(text):
            quoted = match[1] or match[2] or match[3]
            latest = quoted or _plain_value(match[4]) or latest
    return latest


def _plain_value(line: str) -> str:
    first = re.split(r"[\s<|]|\\n", line, maxsplit=1)[0]
    if not _MACHINE_LIKE.search(first):
        ends = _SENTENCE_END.search(line)
        words = (line[: ends.start()] if ends else line).split()
        first = " ".join(words[:_LONGEST_VALUE_WORDS])
    return _without_trailing_punctuation(first)


def _without_trailing_punctuation(value: str) -> str:
    value = value.rstrip(".,;:!?\"'`*”")
    for opener, closer in ("()", "[]", "{}"):
        if value.endswith(closer) and opener not in value:
            value = value.rstrip(closer)
    return value
