"""What holds of every window we hand on, checked and mended by code. Pure.

Tool calls and their results are whole or both absent, in order; reasoning stands before what it
led to; what must stay verbatim is byte-identical; nothing ends with a trailing assistant message
that we wrote.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from wire.conversation import Message, OtherItem, ReasoningItem, ToolCall, ToolResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wire.conversation import Item

# Compaction items and triggers are bookkeeping, not content.
_CALL_SUFFIXES = ("_call",)
_RESULT_SUFFIXES = ("_call_output", "_output")


class _WithCallId(msgspec.Struct):
    call_id: str | None = None


_decode_call_id = msgspec.json.Decoder(_WithCallId).decode


def without_orphans(items: Sequence[Item]) -> tuple[Item, ...]:
    """The items without calls that lack their result, and results that lack their call.

    Clients reuse call ids: a result belongs to the latest open call of its id.
    """
    return tuple(items[place] for place in whole_places(items, range(len(items))))


def whole_places(items: Sequence[Item], places: Iterable[int]) -> list[int]:
    """Of these places, the ones whose items are whole among them."""
    places = list(places)
    keep = set(places)
    open_calls: dict[str, list[int]] = defaultdict(list)
    for place in places:
        call, result = _called(items[place]), _answered(items[place])
        if call is not None:
            open_calls[call].append(place)
        elif result is not None:
            waiting = open_calls[result]
            if waiting:
                waiting.pop()
            else:
                keep.discard(place)
    for unanswered in open_calls.values():
        keep.difference_update(unanswered)
    return _with_meaningful_reasoning(items, [place for place in places if place in keep])


def orphans(items: Sequence[Item]) -> list[str]:
    """The call ids of calls without a result and results without a call."""
    whole = set(whole_places(items, range(len(items))))
    lost = [item for place, item in enumerate(items) if place not in whole]
    return [name for item in lost if (name := _called(item) or _answered(item)) is not None]


def last_user_message(items: Iterable[Item]) -> Message | None:
    """What the user said last."""
    found: Message | None = None
    for item in items:
        if isinstance(item, Message) and item.role == "user":
            found = item
    return found


def standing_messages(items: Iterable[Item]) -> tuple[Message, ...]:
    """System and developer messages, in order."""
    return tuple(
        item for item in items if isinstance(item, Message) and item.role in {"system", "developer"}
    )


def lost_messages(before: Iterable[Item], after: Iterable[Item]) -> list[Message]:
    """Which system, developer and last user messages of `before` are not in `after` unchanged."""
    before = tuple(before)
    kept = [_without_id(item) for item in after if isinstance(item, Message)]
    last = last_user_message(before)
    must = [*standing_messages(before), *([last] if last is not None else [])]
    return [message for message in must if _without_id(message) not in kept]


def ends_well(items: Sequence[Item], before: Sequence[Item]) -> bool:
    """No assistant message at the end that was not the conversation's own end."""
    if not items or not isinstance(items[-1], Message) or items[-1].role != "assistant":
        return True
    return bool(before) and items[-1] == before[-1]


def with_merged_roles(items: Sequence[Item]) -> tuple[Item, ...]:
    """Adjacent user messages joined, adjacent assistant messages joined; parts stay as they are."""
    merged: list[Item] = []
    for item in items:
        previous = merged[-1] if merged else None
        if (
            isinstance(item, Message)
            and isinstance(previous, Message)
            and item.role == previous.role
            and item.role in {"user", "assistant"}
        ):
            merged[-1] = msgspec.structs.replace(previous, content=previous.content + item.content)
        else:
            merged.append(item)
    return tuple(merged)


def at_turn_boundary(items: Sequence[Item]) -> bool:
    """Whether no tool call is waiting for the model to read its result."""
    for item in reversed(items):
        if isinstance(item, Message):
            return True
        if _called(item) is not None or _answered(item) is not None:
            return False
    return True


def same_message(one: Message, other: Message) -> bool:
    """Equal but for the id, which a server adds and a client may drop."""
    return _without_id(one) == _without_id(other)


def _with_meaningful_reasoning(items: Sequence[Item], places: Sequence[int]) -> list[int]:
    """Reasoning is only accepted back directly before what it led to."""
    kept: list[int] = []
    follows_output = False
    for place in reversed(places):
        item = items[place]
        if isinstance(item, ReasoningItem):
            if follows_output:
                kept.append(place)
            continue
        follows_output = _is_output(item)
        kept.append(place)
    return kept[::-1]


def _is_output(item: Item) -> bool:
    """Something that a model produced."""
    if isinstance(item, Message):
        return item.role == "assistant"
    return _called(item) is not None


def _called(item: Item) -> str | None:
    if isinstance(item, ToolCall):
        return item.call_id
    if isinstance(item, OtherItem) and item.item_type.endswith(_CALL_SUFFIXES):
        return _call_id(item)
    return None


def _answered(item: Item) -> str | None:
    if isinstance(item, ToolResult):
        return item.call_id
    if isinstance(item, OtherItem) and item.item_type.endswith(_RESULT_SUFFIXES):
        return _call_id(item)
    return None


def _call_id(item: OtherItem) -> str | None:
    """Hosted tools run at the vendor: their calls have no call id and no result to wait for."""
    try:
        return _decode_call_id(bytes(item.raw)).call_id
    except msgspec.DecodeError:
        return None


def _without_id(message: Message) -> Message:
    return msgspec.structs.replace(message, id=None)
