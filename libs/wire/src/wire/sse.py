"""Server-sent events: frames out, and an incremental reader of frames in. Bytes only, no I/O.

Source: WHATWG HTML, "Parsing an event stream"; sizes: ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DONE_FRAME = b"data: [DONE]\n\n"
MAX_EVENT_BYTES = 16 * 1024 * 1024

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventTooLargeError(ValueError):
    """One event grew past the reader's bound; the peer is broken or hostile."""


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One dispatched event. `event` is "" when the stream named none."""

    data: bytes
    event: str = ""
    id: str = ""


def data_frame(data: bytes) -> bytes:
    """A nameless event. `data` must hold no line break (JSON encoders write none)."""
    return b"data: " + data + b"\n\n"


def named_frame(event: str, data: bytes, event_id: int | None = None) -> bytes:
    """An event with a name and, for streams that can be taken up again, a sequence number."""
    head = f"event: {event}\n" if event_id is None else f"id: {event_id}\nevent: {event}\n"
    return head.encode() + b"data: " + data + b"\n\n"


def comment_frame(text: str) -> bytes:
    """A heartbeat no client shows. `text` must hold no line break."""
    return f": {text}\n\n".encode()


class SseReader:
    """Feeds on chunks cut anywhere, also inside a CRLF or a UTF-8 character.

    `feed` yields each event once its blank line has arrived. An unterminated tail is dropped at
    the end of the stream, as the standard says; `has_tail` tells that there was one.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._buffer = bytearray()
        self._searched = 0
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._event = ""
        self._id = ""
        self._at_start = True

    @property
    def has_tail(self) -> bool:
        return bool(self._buffer.strip() or self._data)

    def feed(self, chunk: bytes) -> Iterator[SseEvent]:
        """Events completed by `chunk`.

        Raises:
            EventTooLargeError: a line or an event passed `max_event_bytes`.
        """
        self._buffer += chunk
        if self._at_start and not self._drop_byte_order_mark():
            return
        for line in self._complete_lines():
            event = self._take_line(line)
            if event is not None:
                yield event

    def _drop_byte_order_mark(self) -> bool:
        """False while what has come may be the first part of a mark."""
        if len(self._buffer) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(self._buffer):
            return False
        if self._buffer.startswith(_BYTE_ORDER_MARK):
            del self._buffer[: len(_BYTE_ORDER_MARK)]
        self._at_start = False
        return True

    def _complete_lines(self) -> list[bytes]:
        # Line feeds alone are what every vendor sends, and several times cheaper than the pattern.
        mixed = b"\r" in self._buffer
        lines = self._lines_by_any_ending() if mixed else self._lines_by_line_feed()
        if len(self._buffer) > self._max_event_bytes:
            raise EventTooLargeError(f"a line of more than {self._max_event_bytes} bytes")
        return lines

    def _lines_by_line_feed(self) -> list[bytes]:
        end = self._buffer.rfind(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)  # a long line is not searched again from its start
            return []
        lines = bytes(self._buffer[:end]).split(b"\n")
        del self._buffer[: end + 1]
        self._searched = len(self._buffer)
        return lines

    def _lines_by_any_ending(self) -> list[bytes]:
        lines: list[bytes] = []
        start = 0
        for match in _LINE_END.finditer(self._buffer, self._searched):
            if match.group() == b"\r" and match.end() == len(self._buffer):
                break  # may be the first half of CRLF
            lines.append(bytes(self._buffer[start : match.start()]))
            start = match.end()
        del self._buffer[:start]
        self._searched = max(0, len(self._buffer) - 1)
        return lines

    def _take_line(self, line: bytes) -> SseEvent | None:
        if not line:
            return self._dispatch()
        if line.startswith(b"data:"):
            self._append(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b"event:"):
            self._event = line[6:].strip().decode("utf-8", "replace")
        elif line.startswith(b"id:"):
            self._id = line[3:].strip().decode("utf-8", "replace")
        elif line == b"data":
            self._append(b"")
        return None

    def _append(self, data: bytes) -> None:
        self._data_bytes += len(data) + 1  # its line break: endless empty lines are an event too
        if self._data_bytes > self._max_event_bytes:
            raise EventTooLargeError(f"an event of more than {self._max_event_bytes} bytes")
        self._data.append(data)

    def _dispatch(self) -> SseEvent | None:
        event_name, self._event = self._event, ""
        if not self._data:
            return None
        data = b"\n".join(self._data)
        self._data, self._data_bytes = [], 0
        return SseEvent(data, event_name, self._id)
