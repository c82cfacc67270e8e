"""A child's output as lines for people: whole, bounded, without terminal control codes."""

from __future__ import annotations

MAX_LINE_CHARACTERS = 8192
_MAX_PENDING_BYTES = 4 * MAX_LINE_CHARACTERS

# A log line may hold what a stranger sent; it must not steer the operator's terminal.
_UNPRINTABLE = {code: None for code in (*range(32), *range(127, 160)) if chr(code) != "\t"}


class LineSplitter:
    """Feeds on chunks cut anywhere. A line without end is cut and goes on as the next one."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, chunk: bytes) -> list[str]:
        *complete, self._pending = (self._pending + chunk).split(b"\n")
        if len(self._pending) > _MAX_PENDING_BYTES:
            complete.append(self._pending)
            self._pending = b""
        return [clean(line) for line in complete]

    def rest(self) -> list[str]:
        """What the child wrote last without ending its line."""
        rest, self._pending = self._pending, b""
        return [clean(rest)] if rest else []


def clean(line: bytes) -> str:
    """One line as text, without control codes, at most `MAX_LINE_CHARACTERS` long."""
    text = line.decode("utf-8", "replace").translate(_UNPRINTABLE)
    if len(text) <= MAX_LINE_CHARACTERS:
        return text
    return f"{text[:MAX_LINE_CHARACTERS]} ... (cut, {len(text)} characters)"
