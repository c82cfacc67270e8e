"""Where a conversation may be cut, and what of it stays verbatim. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compactor.guarantees import same_message, whole_places, without_orphans
from wire.conversation import (
    CompactionItem,
    Message,
    OtherItem,
    ReasoningItem,
    ToolCall,
    ToolResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wire.conversation import Item

Count = "Callable[[Iterable[Item]], int]"


@dataclass(frozen=True, slots=True)
class AtCompaction:
    """A conversation around the last compaction item in it; older ones are part of that one."""

    before: tuple[Item, ...]
    sealed: CompactionItem | None
    after: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """`folded` becomes history; `tail` stays verbatim and begins with the last user message.

    `whole_exchange`: everything since that message is in the tail.
    """

    folded: tuple[Item, ...]
    tail: tuple[Item, ...]
    whole_exchange: bool


def split_at_compaction(items: Sequence[Item]) -> AtCompaction:
    """Everything before the last compaction item, the item, everything after it."""
    for place in range(len(items) - 1, -1, -1):
        item = items[place]
        if isinstance(item, CompactionItem):
            return AtCompaction(_content(items[:place]), item, _content(items[place + 1 :]))
    return AtCompaction((), None, _content(items))


def cut(items: Sequence[Item], budget_tokens: int, count: Callable[[Item], int]) -> Cut:
    """Keep the last user message and as much of what stands around it as the budget allows.

    Blocks are taken from the end backwards: first what followed the last user message, then
    earlier exchanges, a whole one at a time. The last user message always stays.
    """
    items = without_orphans(items)
    asked = _last_user_place(items)
    spent = count(items[asked]) if asked >= 0 else 0
    begin = _suffix(items, asked + 1, budget_tokens - spent, count)
    if begin > asked + 1:
        wanted = [*([asked] if asked >= 0 else []), *range(begin, len(items))]
        return _divided(items, wanted, whole_exchange=False)
    spent += sum(map(count, items[asked + 1 :]))
    begin = _earlier_exchanges(items[: max(0, asked)], budget_tokens - spent, count)
    return _divided(items, range(begin, len(items)), whole_exchange=True)


def without_standing(items: Iterable[Item]) -> tuple[Item, ...]:
    """What is left without system and developer messages."""
    return tuple(
        item
        for item in items
        if not (isinstance(item, Message) and item.role in {"system", "developer"})
    )


def user_messages(items: Iterable[Item]) -> tuple[Message, ...]:
    """What the user said, in order."""
    return tuple(item for item in items if isinstance(item, Message) and item.role == "user")


def contains(messages: Iterable[Item], wanted: Message) -> bool:
    """Whether a message is among them, whatever its id."""
    return any(isinstance(item, Message) and same_message(item, wanted) for item in messages)


def _content(items: Iterable[Item]) -> tuple[Item, ...]:
    """Without compaction items and triggers, which are orders rather than content."""
    return tuple(
        item
        for item in items
        if not isinstance(item, CompactionItem)
        and not (isinstance(item, OtherItem) and item.item_type == "compaction_trigger")
    )


def _last_user_place(items: Sequence[Item]) -> int:
    for place in range(len(items) - 1, -1, -1):
        item = items[place]
        if isinstance(item, Message) and item.role == "user":
            return place
    return -1


def _divided(items: Sequence[Item], wanted: Iterable[int], *, whole_exchange: bool) -> Cut:
    """`wanted` as the tail, without what its other half stands too early for."""
    in_tail = set(whole_places(items, wanted))
    return Cut(
        tuple(item for place, item in enumerate(items) if place not in in_tail),
        tuple(item for place, item in enumerate(items) if place in in_tail),
        whole_exchange,
    )


def _block_ends(items: Sequence[Item], begin: int) -> list[int]:
    """Where the smallest pieces end that hold calls with their results and with reasoning."""
    ends: list[int] = []
    waiting = 0
    for place in range(begin, len(items)):
        waiting += _opens(items[place])
        if waiting <= 0 and not isinstance(items[place], ReasoningItem):
            ends.append(place + 1)
            waiting = 0
    return ends


def _opens(item: Item) -> int:
    """+1 for a call that waits for its result, -1 for a result."""
    if isinstance(item, ToolCall):
        return 1
    if isinstance(item, ToolResult):
        return -1
    if isinstance(item, OtherItem) and without_orphans([item]) == ():
        return 1 if item.item_type.endswith("_call") else -1
    return 0


def _suffix(
    items: Sequence[Item], begin: int, budget_tokens: int, count: Callable[[Item], int]
) -> int:
    """Where the longest run of whole blocks begins that ends the conversation and fits."""
    end = len(items)
    begins = [place for place in (begin, *_block_ends(items, begin)) if place < end]
    for block_begin in reversed(begins):
        price = sum(map(count, items[block_begin:end]))
        if price > budget_tokens:
            return end
        budget_tokens -= price
        end = block_begin
    return end


def _earlier_exchanges(
    items: Sequence[Item], budget_tokens: int, count: Callable[[Item], int]
) -> int:
    """Where the oldest earlier exchange begins that still fits whole."""
    begin = len(items)
    price = 0
    for place in range(len(items) - 1, -1, -1):
        item = items[place]
        price += count(item)
        if price > budget_tokens:
            break
        if isinstance(item, Message) and item.role == "user":
            begin = place
    return begin
