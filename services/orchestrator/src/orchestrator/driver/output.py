"""What a run says, kept in order: any number of readers follow it, each from where it likes.

An event's place in the list is its sequence number less one, and never changes once somebody has
read it. Its size is bounded by what the run may say.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wire.conversation import TextDelta

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from wire.coordination import RunEvent

# Text that nobody has read yet is merged up to here: frames cost, bytes do not.
_MERGED_CHARS = 2048


class RunOutput:
    def __init__(self) -> None:
        self._events: list[RunEvent] = []
        self._read = 0
        self._closed = False
        self._readers: set[asyncio.Event] = set()

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
        self._closed = True
        self._events.append(last)
        self._wake()

    async def follow(self, after: int = 0) -> AsyncGenerator[RunEvent]:
        """Every event from the given sequence number on, to the last; use with `aclosing`."""
        news = asyncio.Event()
        self._readers.add(news)
        try:
            position = after
            while True:
                while position < len(self._events):
                    event = self._events[position]
                    position += 1
                    self._read = max(self._read, position)
                    yield event
                if self._closed:
                    return
                news.clear()
                await news.wait()
        finally:
            self._readers.discard(news)

    def _merge(self, event: TextDelta) -> bool:
        if len(self._events) <= self._read or event.logprobs:
            return False
        last = self._events[-1]
        if not isinstance(last, TextDelta) or last.logprobs or last.choice != event.choice:
            return False
        if len(last.text) + len(event.text) > _MERGED_CHARS:
            return False
        self._events[-1] = TextDelta(last.text + event.text, last.choice)
        return True

    def _wake(self) -> None:
        for reader in self._readers:
            reader.set()
