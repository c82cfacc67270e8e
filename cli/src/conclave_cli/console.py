"""Lines on the terminal: the supervisor's own and, prefixed, those of its children.

A thread writes, because a terminal may stand still (Ctrl-S, a pager) and the supervisor must not:
beyond a bound, lines are dropped and counted.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import TextIO

_MAX_WAITING_LINES = 10_000
_FLUSH_TIMEOUT_S = 1.0
_COLOURS = (36, 33, 35, 32, 34)  # cyan, yellow, magenta, green, blue
_RESET = "\x1b[0m"


class Console:
    """Use as a context manager: leaving it writes what is still waiting, within two seconds."""

    def __init__(self, stream: TextIO, *, colour: bool, names: tuple[str, ...] = ()) -> None:
        self._stream = stream
        self._colour = colour
        self._width = max((len(name) for name in names), default=0)
        self._code = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}
        self._waiting: queue.Queue[str | None] = queue.Queue(_MAX_WAITING_LINES)
        self._dropped = 0
        self._writer = threading.Thread(target=self._write_all, name="console", daemon=True)

    def __enter__(self) -> Console:
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(queue.Full):  # then the terminal stands still, and the thread is a daemon
            self._waiting.put(None, timeout=_FLUSH_TIMEOUT_S)
        self._writer.join(_FLUSH_TIMEOUT_S)

    def say(self, text: str) -> None:
        """The supervisor's own words, each line of `text` marked as such."""
        for line in text.split("\n"):
            self._put(f"{self._mark('conclave', 1)} {line}".rstrip() + "\n")

    def plain(self, text: str) -> None:
        """Text to copy from: no prefix."""
        self._put(text if text.endswith("\n") else text + "\n")

    def line(self, name: str, text: str) -> None:
        """One line of the child `name`."""
        self._put(f"{self._mark(name, self._code.get(name, 0))} {text}\n")

    def _mark(self, name: str, code: int) -> str:
        padded = f"{name:<{self._width}} |"
        return f"\x1b[{code}m{padded}{_RESET}" if self._colour else padded

    def _put(self, text: str) -> None:
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            self._dropped += 1

    def _write_all(self) -> None:
        try:
            while (text := self._waiting.get()) is not None:
                self._stream.write(self._with_note_of_dropped(text))
                if self._waiting.empty():
                    self._stream.flush()
            self._stream.flush()
        except (OSError, ValueError):
            return  # nobody reads any more; the queue's bound keeps this harmless

    def _with_note_of_dropped(self, text: str) -> str:
        dropped, self._dropped = self._dropped, 0
        return (
            f"({dropped} lines dropped: the terminal was not reading)\n{text}" if dropped else text
        )
