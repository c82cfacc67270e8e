"""What a run says, kept in order: any number of readers follow it, each from where it likes.

An event's place in the list is its sequence number less one, and never changes once somebody has
read it. Its size is bounded by what the run may say.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wire.conversation import TextDelta

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from wire.coordination import RunEvent

# Text that nobody has read yet is merged up to here: frames cost, bytes do not.
_MERGED_CHARS = 2048


class RunOutput:
    """`kept`: what was said before, of a run whose words are stored before anybody reads them."""

    def __init__(self, kept: Sequence[RunEvent] | None = None) -> None:
        self._events: list[RunEvent] = list(kept or ())
        self._is_stored_first = kept is not None
        self._shown = self._fixed = len(self._events)
        self._closed = False
        self._readers: set[asyncio.Event] = set()
        self.complete = False
        self.news = asyncio.Event()  # for whoever stores

    @property
    def events(self) -> list[RunEvent]:
        """All so far, for whoever stores them."""
        return self._events

    @property
    def readers(self) -> int:
        return len(self._readers)

    def push(self, event: RunEvent) -> None:
        """Say something; text joins text that nobody has read yet."""
        if isinstance(event, TextDelta) and self._merge(event):
            self._wake()
        else:
            self.append(event)

    def append(self, event: RunEvent) -> None:
        """Say something as an event of its own."""
        self._events.append(event)
        self._wake()

    def close(self, last: RunEvent) -> None:
        """Say the last thing. A second end is not said."""
        if self._closed:
            return
        self._closed = self.complete = True
        self._events.append(last)
        self._shown = len(self._events)
        self._wake()

    def break_off(self) -> None:
        """Readers come to an end that is none: the run goes on in another process."""
        self._closed = True
        self._wake()

    def take(self) -> list[RunEvent]:
        """What is to be stored next; it does not change any more."""
        events = self._events[self._fixed :]
        self._fixed = len(self._events)
        return events

    def show(self, count: int) -> None:
        """So many events are stored: readers may have them."""
        self._shown = max(self._shown, count)
        self._wake()

    async def follow(self, after: int = 0) -> AsyncGenerator[RunEvent]:
        """Every event from the given sequence number on, to the last; use with `aclosing`."""
        news = asyncio.Event()
        self._readers.add(news)
        try:
            position = after
            while True:
                while position < self._readable():
                    event = self._events[position]
                    position += 1
                    self._fixed = max(self._fixed, position)
                    yield event
                if self._closed:
                    return
                news.clear()
                await news.wait()
        finally:
            self._readers.discard(news)

    def _readable(self) -> int:
        return self._shown if self._is_stored_first else len(self._events)

    def _merge(self, event: TextDelta) -> bool:
        if len(self._events) <= self._fixed or event.logprobs:
            return False
        last = self._events[-1]
        if not isinstance(last, TextDelta) or last.logprobs or last.choice != event.choice:
            return False
        if len(last.text) + len(event.text) > _MERGED_CHARS:
            return False
        self._events[-1] = TextDelta(last.text + event.text, last.choice)
        return True

    def _wake(self) -> None:
        self.news.set()
        for reader in self._readers:
            reader.set()
