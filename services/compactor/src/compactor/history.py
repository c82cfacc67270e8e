"""A conversation's turns, read once for any number of budgets and questions. Pure.

Reading a long history takes a second or two; opening it for one more question should not. What is
kept here depends on the turns alone, so it can be shared by all who open the same item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compactor.recall import RecallIndex, chunks_of
from compactor.strategies.extractive import Condensed, Passage, condense
from compactor.turns import full_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from compactor.turns import Turn

# Turns that a summary covers are told at half their worth.
_SUMMARISED_EMPHASIS = 0.5
# The digest of a very long history is some times as large as what will be left of it.
_DIGEST_ROOM = 3
_MOST_DIGESTS = 4


class History:
    """Turns, their recall index, and digests of them, each made when it is first wanted."""

    def __init__(self, turns: Sequence[Turn], summarised: int = 0) -> None:
        self.turns = turns
        self.passages = [
            Passage(
                place,
                turn.speaker,
                full_text(turn),
                _SUMMARISED_EMPHASIS if place < summarised else 1.0,
            )
            for place, turn in enumerate(turns)
        ]
        self._index: RecallIndex | None = None
        self._tokens: int | None = None
        self._digests: dict[tuple[int, int], list[Condensed]] = {}

    @property
    def index(self) -> RecallIndex:
        """For questions; a chunk's position is the turn's."""
        if self._index is None:
            self._index = RecallIndex(chunks_of(self.passages))
        return self._index

    @property
    def characters(self) -> int:
        return sum(len(passage.text) for passage in self.passages)

    def tokens(self, count: Callable[[str], int], overhead_tokens: int) -> int:
        """Of all turns, each with its overhead."""
        if self._tokens is None:
            self._tokens = sum(count(passage.text) + overhead_tokens for passage in self.passages)
        return self._tokens

    def digest(
        self, room: int, skip: AbstractSet[int], count: Callable[[str], int]
    ) -> list[Condensed]:
        """What is left of the turns at some times the room, without regard to any question."""
        key = (room.bit_length(), hash(frozenset(skip)))
        digest = self._digests.get(key)
        if digest is None:
            passages = [passage for passage in self.passages if passage.index not in skip]
            digest = condense(passages, _DIGEST_ROOM << room.bit_length(), count)
            if len(self._digests) >= _MOST_DIGESTS:
                self._digests.clear()
            self._digests[key] = digest
        return digest
