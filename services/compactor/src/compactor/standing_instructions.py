"""What a user wants to hold from now on, found in their own words. Pure.

Such sentences are carried word for word through every compaction; a summary may not rephrase them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from compactor.turns import Turn

_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_INSTRUCTION = re.compile(
    r"\A\s*(?:[-*]\s+|\d+[.)]\s+)?(?:and\s+|but\s+|please\s+|important:?\s+)*"
    r"(?:always|never(?! (?:mind|heard|been|too|thought|knew|again))|from now on|do not"
    r"|don't(?! worry)|make sure|remember (?:to|that)|keep in mind|under no circumstances"
    r"|whenever you|every time you)\b"
    r"|\b(?:you|your (?:answer|answers|reply|replies|code))\s+"
    r"(?:must|should)\s+(?:not|always|never|only)\b"
    r"|\byou (?:are not allowed|may not|must(?! (?:be|have|feel|miss|know|mean))) ",
    re.IGNORECASE,
)
_LONGEST_CHARACTERS = 300
_MOST = 40


def standing_instructions(turns: Iterable[Turn]) -> list[str]:
    """Sentences of the user that read like one, oldest first."""
    found: list[str] = []
    for turn in turns:
        if turn.speaker == "user" and not turn.thinned:
            found += [
                sentence.strip()
                for sentence in _SENTENCE.findall(turn.text)
                if len(sentence) <= _LONGEST_CHARACTERS and _INSTRUCTION.search(sentence)
            ]
    return found


def carried(
    earlier: Sequence[str],
    asked: Sequence[str],
    found: Sequence[str],
    budget_tokens: int,
    count: Callable[[str], int],
) -> tuple[str, ...]:
    """What is pinned from now on: all that was and all that the caller asks; found ones as fit."""
    pinned = dict.fromkeys((*earlier, *asked))
    room = budget_tokens - sum(map(count, pinned))
    for sentence in reversed(found):  # the latest first: they replace earlier ones
        price = count(sentence) + 2
        if sentence not in pinned and price <= room and len(pinned) < _MOST:
            room -= price
            pinned[sentence] = None
    return tuple(pinned)
