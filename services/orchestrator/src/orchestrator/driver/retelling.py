"""An answer told again from its beginning, to readers who have heard part of it already."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from wire.conversation import ReasoningDelta, RefusalDelta, TextDelta, ToolArgumentsDelta
from wire.coordination import RunProgress, RunStarted
from wire.errors import PlatformInterruptedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wire.conversation import AnswerEvent
    from wire.coordination import RunEvent

_Piece = TextDelta | RefusalDelta | ToolArgumentsDelta


class ToldDifferentlyError(PlatformInterruptedError):
    """What was said cannot be taken back, so a run that says something else must end."""

    def __init__(self) -> None:
        super().__init__("The answer was interrupted and could not be continued.")


class Retelling:
    """Lets through what is new. Thoughts may differ; the answer must begin as it did before."""

    def __init__(self, said: Iterable[RunEvent] = ()) -> None:
        self._said: deque[AnswerEvent] = deque()
        for event in said:
            if not isinstance(event, RunStarted | RunProgress | ReasoningDelta):
                self._remember(event)  # pyright: ignore[reportArgumentType]  no end is among them

    def take(self, event: AnswerEvent) -> AnswerEvent | None:
        """The event, what is new of it, or nothing.

        Raises:
            ToldDifferentlyError: it is not how the answer went before.
        """
        if not self._said:
            return event
        if isinstance(event, ReasoningDelta):
            return None
        if isinstance(event, _Piece):
            return self._take_piece(event)
        if self._said.popleft() != event:
            raise ToldDifferentlyError
        return None

    def _take_piece(self, event: _Piece) -> AnswerEvent | None:
        said = self._said[0]
        if not isinstance(said, type(event)) or not _same_place(said, event):
            raise ToldDifferentlyError
        if said.text.startswith(event.text):
            self._shorten(said, len(event.text))
            return None
        if not event.text.startswith(said.text):
            raise ToldDifferentlyError
        self._said.popleft()
        return self.take(msgspec.structs.replace(event, text=event.text[len(said.text) :]))

    def _shorten(self, said: _Piece, chars: int) -> None:
        self._said.popleft()
        if len(said.text) > chars:
            self._said.appendleft(msgspec.structs.replace(said, text=said.text[chars:]))

    def _remember(self, event: AnswerEvent) -> None:
        last = self._said[-1] if self._said else None
        if isinstance(event, _Piece) and isinstance(last, type(event)) and _same_place(last, event):
            self._said[-1] = msgspec.structs.replace(last, text=last.text + event.text)
        else:
            self._said.append(event)


def _same_place(one: _Piece, other: _Piece) -> bool:
    """Of the same choice, and of the same tool call."""
    return (one.choice, getattr(one, "index", 0)) == (other.choice, getattr(other, "index", 0))
