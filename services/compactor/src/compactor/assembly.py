"""Parts into a window: what a model is given in place of the whole conversation. Pure.

    standing messages | user messages kept beside the sealed item | memory | tail | what came after

The memory is a user message: it holds what tools and strangers said, and must not speak with a
developer's authority.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from compactor.guarantees import (
    standing_messages,
    with_merged_roles,
    without_orphans,
)
from compactor.history import History
from compactor.memory import Remembered, remember
from compactor.sections import contains, cut, user_messages
from compactor.turns import text_of_parts, turns_of
from model_providers.token_estimate import estimate_items, estimate_text
from wire.conversation import Message, TextPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compactor.payload import Payload
    from compactor.turns import Turn
    from wire.compaction import Signal
    from wire.conversation import Item

# The tail may take this share of the budget before it is cut shorter.
_TAIL_SHARE = 0.6
_CUT_TAIL_SHARE = 0.5
# Of what is left then, for user messages that stand beside the sealed item.
_USERS_SHARE = 0.5
_SMALLEST_MEMORY_TOKENS = 200
_MESSAGE_TOKENS = 4


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around a sealed item in the conversation that is opened."""

    before: tuple[Item, ...]
    after: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Assembled:
    """`room`: what the memory could have used. `complete`: nothing was left out of it.

    `item_tokens`: of `tokens`, what the sealed item itself adds: the memory and the tail.
    """

    items: tuple[Item, ...]
    tokens: int
    item_tokens: int
    recalled: int
    recalled_tokens: int
    signals: tuple[Signal, ...]
    room: int
    complete: bool


@dataclass(slots=True)
class _Parts:
    standing: tuple[Message, ...]
    users: tuple[Message, ...]
    turns: Sequence[Turn]
    tail: tuple[Item, ...]
    signals: list[Signal] = field(default_factory=list["Signal"])


def assemble(
    payload: Payload,
    around: Surroundings,
    budget_tokens: int,
    *,
    history: History | None = None,
    question: str | None = None,
    merge_roles: bool = False,
) -> Assembled:
    """The window within the budget, unless what must stay verbatim is larger by itself.

    `history`: of the payload's turns, where it was read before.
    """
    parts = _parts(payload, around, budget_tokens)
    if history is None or parts.turns is not payload.turns:
        history = History(parts.turns, payload.summarised)
    fixed = estimate_items((*parts.standing, *parts.users, *parts.tail, *around.after))
    room = budget_tokens - fixed - _MESSAGE_TOKENS
    if room < _SMALLEST_MEMORY_TOKENS:
        parts.signals.append("budget_raised")
        room = _SMALLEST_MEMORY_TOKENS
    memory = remember(
        Remembered(
            history=history,
            skip=_shown_elsewhere(parts),
            summary=payload.summary,
            pinned=payload.pinned,
        ),
        room,
        estimate_text,
        question=question,
    )
    told = (Message("user", (TextPart(memory.text),)),) if memory.text else ()
    items = without_orphans((*parts.standing, *parts.users, *told, *parts.tail, *around.after))
    if merge_roles:
        items = with_merged_roles(items)
    return Assembled(
        items,
        estimate_items(items),
        estimate_items((*told, *parts.tail)),
        memory.recalled,
        memory.recalled_tokens,
        tuple(dict.fromkeys(parts.signals)),
        room,
        memory.complete,
    )


def standing_of(payload: Payload, before: Sequence[Item]) -> tuple[Message, ...]:
    """System and developer messages as they stand before the item, and those a client pruned.

    A client may drop everything before a compaction item and send its instructions anew: then
    the ones that opened the conversation are not repeated, the later ones are.
    """
    present = standing_messages(before)
    if user_messages(before):
        return present
    skip = payload.leading if present else 0
    missing = [m for m in payload.standing[skip:] if not contains(present, m)]
    return (*present, *missing)


def _parts(payload: Payload, around: Surroundings, budget_tokens: int) -> _Parts:
    users = user_messages(around.before)
    tail = _with_clients_words(payload.tail, users)
    parts = _Parts(standing_of(payload, around.before), (), payload.turns, tail)
    _shorten_tail(parts, budget_tokens)
    shown = user_messages(parts.tail)
    older = [message for message in users if not contains(shown, message)]
    fixed = estimate_items((*parts.standing, *parts.tail, *around.after))
    parts.users = _newest_users(older, parts.turns, (budget_tokens - fixed) * _USERS_SHARE)
    return parts


def _with_clients_words(tail: tuple[Item, ...], users: Sequence[Message]) -> tuple[Item, ...]:
    """The tail with the user's messages as the client holds them: its pictures never expire."""
    held: dict[str, list[Message]] = defaultdict(list)
    for message in users:
        held[_text(message)].append(message)
    shown: list[Item] = []
    for item in reversed(tail):
        same = isinstance(item, Message) and item.role == "user" and held[_text(item)]
        shown.append(same.pop() if same else item)
    return tuple(reversed(shown))


def _text(message: Message) -> str:
    return text_of_parts(message.content)


def _shorten_tail(parts: _Parts, budget_tokens: int) -> None:
    """A window smaller than the one the item was sealed for."""
    if estimate_items(parts.tail) <= _TAIL_SHARE * budget_tokens:
        return
    shorter = cut(parts.tail, int(_CUT_TAIL_SHARE * budget_tokens), lambda i: estimate_items((i,)))
    if shorter.folded:
        parts.signals.append("tail_condensed")
        parts.tail = shorter.tail
        parts.turns = (*parts.turns, *turns_of(shorter.folded))


def _newest_users(
    messages: Sequence[Message], turns: Sequence[Turn], budget_tokens: float
) -> tuple[Message, ...]:
    """The newest that fit. One that the history does not hold stays whatever it costs."""
    known = {turn.text for turn in turns if turn.speaker == "user" and not turn.thinned}
    kept: list[Message] = []
    for message in reversed(messages):
        price = estimate_items((message,))
        if price <= budget_tokens or text_of_parts(message.content) not in known:
            budget_tokens -= price
            kept.append(message)
        else:
            budget_tokens = 0.0  # no gaps: what is older goes too
    return tuple(reversed(kept))


def _shown_elsewhere(parts: _Parts) -> frozenset[int]:
    """Turns of users whose messages stand in the window; each message hides its latest turn."""
    shown = Counter(text_of_parts(message.content) for message in parts.users)
    hidden: set[int] = set()
    for place in range(len(parts.turns) - 1, -1, -1):
        turn = parts.turns[place]
        if turn.speaker == "user" and shown[turn.text] > 0:
            shown[turn.text] -= 1
            hidden.add(place)
    return frozenset(hidden)
