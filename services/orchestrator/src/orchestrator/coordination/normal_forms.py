"""When do two answers say the same? Exact forms of numbers, choices, JSON, code and short texts.

Longer prose has no exact form; `clusters` compares it by its shingles.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wire.conversation import ToolCall

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

SHORT_TEXT_WORDS = 6  # up to here two texts are the same only word for word

_LEAD_IN = re.compile(
    r"^(?:so|thus|therefore|hence)?[\s,]*(?:the\s+)?(?:final\s+)?(?:correct\s+)?"
    r"(?:answer|result|solution)\s*(?:is|:|=)\s*",
    re.IGNORECASE,
)
_BOXED = re.compile(r"^\\boxed\{(.*)\}$", re.DOTALL)
_FENCE = re.compile(r"^```([\w+-]*)[ \t]*\n(.*?)\n?```$", re.DOTALL)
_CODE_BLOCK = re.compile(r"^```[^\n`]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_CHOICE = re.compile(r"^(?:option|choice)?\s*\(?([a-j])\)?[.:]?$", re.IGNORECASE)
_NUMBER = re.compile(
    r"^(?P<currency>[$€£]?)\s?(?P<sign>[-+\u2212]?)(?P<digits>\d{1,3}(?:[,_\u202f']\d{3})+|\d+)?"
    r"(?P<fraction>\.\d+)?(?P<exponent>[eE][-+]?\d{1,3})?\s?(?P<unit>%|[^\W\d_]{0,12})$"
)
_WORD = re.compile(r"\w+", re.UNICODE)
_EDGES = " \t\r\n*_`\"'“”.,;:!?"


def exact_form(text: str) -> str | None:
    """A key that two answers share exactly when they say the same; None for longer prose."""
    stripped = text.strip()
    fence = _FENCE.match(stripped)
    body = fence[2] if fence else stripped
    structured = _json_form(body)
    if structured is not None:
        return structured
    if fence:
        return _code_form(body)
    bare = _bare(stripped)
    return _choice_form(bare) or _number_form(bare) or _short_text_form(bare)


def tool_calls_form(calls: Iterable[ToolCall]) -> str:
    """Calls of the same tools with the same arguments, in whatever order and spelling."""
    return "tools:" + json.dumps(
        sorted([call.namespace or "", call.name, _arguments_form(call)] for call in calls)
    )


def code_of(text: str) -> str:
    """All fenced code of an answer, in the form in which code is compared; empty without any."""
    return "\n".join(_code_form(body) for body in _CODE_BLOCK.findall(text))


def words(text: str) -> list[str]:
    """The words in order, without case and punctuation."""
    return [word.casefold() for word in _WORD.findall(text)]


def _bare(text: str) -> str:
    """The text without what people write around a result: lead-in, emphasis, box, full stop."""
    for _ in range(3):
        before = text
        text = _unedged(_LEAD_IN.sub("", _unedged(text)))
        text = text.strip("$").strip() if text.endswith("$") else text
        boxed = _BOXED.match(text)
        text = boxed[1] if boxed else text
        if text == before:
            break
    return text


def _unedged(text: str) -> str:
    """Without emphasis, quotes and punctuation around it; a point before a digit is not one."""
    left = text.lstrip(_EDGES)
    points = len(text) - len(left)
    if left[:1].isdigit() and points and text[points - 1] == ".":
        left = "." + left
    return left.rstrip(_EDGES)


def _choice_form(bare: str) -> str | None:
    choice = _CHOICE.match(bare)
    return f"choice:{choice[1].lower()}" if choice else None


def _number_form(bare: str) -> str | None:
    match = _NUMBER.match(bare)
    if match is None or not (match["digits"] or match["fraction"]):
        return None
    digits = re.sub(r"\D", "", match["digits"] or "0")
    sign = "-" if match["sign"] in {"-", "\u2212"} else ""
    value = _decimal(f"{sign}{digits}{match['fraction'] or ''}{match['exponent'] or ''}")
    if value is None:
        return None
    return f"number:{_plain(value)}{match['currency']}{match['unit'].casefold()}"


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _plain(value: Decimal) -> str:
    """Without trailing zeros and exponent; `normalize` would round to 28 digits."""
    text = format(value, "f")
    return "0" if value == 0 else text.rstrip("0").rstrip(".") if "." in text else text


def _short_text_form(bare: str) -> str | None:
    spoken = bare.split()
    if len(spoken) > SHORT_TEXT_WORDS:
        return None
    return "text:" + " ".join(spoken).casefold()


def _code_form(body: str) -> str:
    return "code:" + "\n".join(line.rstrip() for line in body.splitlines() if line.strip())


def _json_form(body: str) -> str | None:
    body = body.strip()
    if not body or body[0] not in "[{":
        return None
    try:
        value: Json = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return "json:" + _canonical(value)


def _arguments_form(call: ToolCall) -> str:
    if call.kind == "custom":
        return call.arguments
    return _json_form(call.arguments) or call.arguments.strip()


def _canonical(value: Json) -> str:
    return json.dumps(_whole(value), sort_keys=True, ensure_ascii=False)


def _whole(value: Json) -> Json:
    """1.0 and 1 are the same number."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole(item) for item in value]
        case Mapping():
            return {key: _whole(item) for key, item in value.items()}
        case _:
            return value
