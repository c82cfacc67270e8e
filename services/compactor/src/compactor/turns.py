"""A conversation as text, turn by turn: what is sealed as history, condensed and recalled. Pure.

The history of a conversation is its turns in order, without system and developer messages, which
are carried verbatim elsewhere, and without reasoning, which only its vendor can read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import msgspec

from compactor.strategies.extractive import Passage
from model_providers.other_items import other_item_role, other_item_text
from wire.conversation import (
    AudioPart,
    FilePart,
    ImagePart,
    Message,
    OtherItem,
    RefusalPart,
    TextPart,
    ToolCall,
    ToolResult,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wire.conversation import Item, Part

Speaker = Literal["user", "assistant", "call", "tool"]


class Turn(msgspec.Struct, frozen=True, array_like=True):
    """One message, call or result. `name` is the tool's, of a call and of its result.

    `thinned`: words were left out of it; it cannot be given back verbatim.
    """

    speaker: Speaker
    text: str
    name: str = ""
    thinned: bool = False


def turns_of(items: Iterable[Item]) -> list[Turn]:
    """The turns of a conversation; parts that are not text are named in brackets."""
    names: dict[str, str] = {}
    turns: list[Turn] = []
    for item in items:
        turn = _turn(item, names)
        if turn is not None and turn.text.strip():
            turns.append(turn)
    return turns


def passages_of(turns: Sequence[Turn], positions: Iterable[int] | None = None) -> list[Passage]:
    """Turns as the extractive level reads them; a passage's index is the turn's position."""
    wanted = range(len(turns)) if positions is None else positions
    return [Passage(place, turns[place].speaker, full_text(turns[place])) for place in wanted]


def full_text(turn: Turn) -> str:
    """A call with the name of its tool."""
    return f"{turn.name} {turn.text}" if turn.speaker == "call" else turn.text


def text_of_part(part: Part) -> str:
    """A part as words; what cannot be put into words is named."""
    match part:
        case TextPart(text):
            return text
        case RefusalPart(refusal):
            return refusal
        case ImagePart():
            return "[image]"
        case AudioPart():
            return "[audio]"
        case FilePart(filename):
            return f"[file {filename}]" if filename else "[file]"


def text_of_parts(parts: Iterable[Part]) -> str:
    """Several parts, one below the other."""
    return "\n".join(text for part in parts if (text := text_of_part(part)))


def _turn(item: Item, names: dict[str, str]) -> Turn | None:
    match item:
        case Message(role, content) if role in {"user", "assistant"}:
            return Turn(cast("Speaker", role), text_of_parts(content))
        case ToolCall():
            names[item.call_id] = item.name
            return Turn("call", item.arguments or "{}", item.name)
        case ToolResult():
            return Turn("tool", text_of_parts(item.output), names.get(item.call_id, ""))
        case OtherItem():
            text = other_item_text(item)
            speaker = "call" if other_item_role(item) == "assistant" else "tool"
            return Turn(speaker, text, item.item_type) if text is not None else None
        case _:
            return None


__all__ = [
    "Speaker",
    "Turn",
    "full_text",
    "passages_of",
    "text_of_part",
    "text_of_parts",
    "turns_of",
]
