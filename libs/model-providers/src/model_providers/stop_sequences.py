"""Stop sequences for dialects that have none: the text ends where the backend would have. Pure.

What the backend says after a stop sequence is read and dropped, so that it is counted as billed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wire.conversation import AnswerEvent, ChoiceFinished, TextDelta, UsageReported

if TYPE_CHECKING:
    from collections.abc import Sequence


class StopSequences:
    """One answer of one choice, event by event."""

    def __init__(self, sequences: Sequence[str]) -> None:
        self._sequences = tuple(filter(None, sequences))
        self._held = ""
        self._stopped = False

    def cut(self, event: AnswerEvent) -> list[AnswerEvent]:
        """What the client gets of it, behind what was held back."""
        match event:
            case UsageReported():
                return [event]
            case ChoiceFinished() if self._stopped:
                return [ChoiceFinished("stop", event.choice)]
            case _ if self._stopped:
                return []
            case TextDelta():
                return self._text(event)
            case _:
                return [*self._released(), event]

    def end(self) -> list[AnswerEvent]:
        """What is still owed when the answer is over without saying so."""
        return self._released()

    def _released(self) -> list[AnswerEvent]:
        held, self._held = self._held, ""
        return [TextDelta(held)] if held else []

    def _text(self, event: TextDelta) -> list[AnswerEvent]:
        text = self._held + event.text
        found = [at for at in map(text.find, self._sequences) if at >= 0]
        if found:
            self._stopped, self._held = True, ""
            said = text[: min(found)]
            return [TextDelta(said)] if said else []
        kept = self._may_begin(text)
        if not kept and not self._held:
            return [event]
        self._held = text[len(text) - kept :]
        said = text[: len(text) - kept]
        return [TextDelta(said)] if said else []

    def _may_begin(self, text: str) -> int:
        """How many characters at the end may be the beginning of a sequence."""
        longest = max(map(len, self._sequences), default=1) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(sequence.startswith(text[-length:]) for sequence in self._sequences):
                return length
        return 0
