"""Where a conversation may be cut, and what of it stays verbatim. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compactor.guarantees import same_message, without_orphans
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
    earlier exchanges, a whole one at a time. The last user message always stays, and so does
    what the conversation ends with when it is a message.
    """
    items = without_orphans(items)
    asked = _last_user_place(items)
    after = items[asked + 1 :] if asked >= 0 else items
    spent = count(items[asked]) if asked >= 0 else 0
    kept = _suffix(_blocks(after), budget_tokens - spent, count)
    folded_after = after[: len(after) - len(kept)]
    if asked < 0:
        return Cut(tuple(folded_after), tuple(kept), whole_exchange=not folded_after)
    if folded_after:
        folded = (*items[:asked], *folded_after)
        return Cut(folded, (items[asked], *kept), whole_exchange=False)
    spent += sum(map(count, kept))
    begin = _earlier_exchanges(items[:asked], budget_tokens - spent, count)
    return Cut(items[:begin], items[begin:], whole_exchange=True)


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


def _blocks(items: Sequence[Item]) -> list[tuple[Item, ...]]:
    """The smallest pieces that hold calls together with their results, and reasoning with both."""
    blocks: list[tuple[Item, ...]] = []
    held: list[Item] = []
    waiting = 0
    for item in items:
        held.append(item)
        waiting += _opens(item)
        if waiting <= 0 and not isinstance(item, ReasoningItem):
            blocks.append(tuple(held))
            held, waiting = [], 0
    return [*blocks, tuple(held)] if held else blocks


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
    blocks: Sequence[tuple[Item, ...]], budget_tokens: int, count: Callable[[Item], int]
) -> list[Item]:
    kept: list[tuple[Item, ...]] = []
    for block in reversed(blocks):
        price = sum(map(count, block))
        if price > budget_tokens:
            break
        budget_tokens -= price
        kept.append(block)
    return [item for block in reversed(kept) for item in block]


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
