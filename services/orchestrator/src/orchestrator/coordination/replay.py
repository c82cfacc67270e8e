"""A run again from its log: the same inputs give the same facts, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from orchestrator.coordination.events import Input, LogEntry
from orchestrator.coordination.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[LogEntry] = msgspec.json.Decoder(LogEntry)


class LogMismatchError(ValueError):
    """A log does not follow from its own inputs: another version wrote it, or it was changed."""


def encode_log(log: Iterable[LogEntry]) -> list[bytes]:
    """One JSON object per entry."""
    return [_ENCODER.encode(entry) for entry in log]


def decode_log(lines: Iterable[bytes]) -> list[LogEntry]:
    """Inverse of `encode_log`."""
    return [_DECODER.decode(line) for line in lines]


def replay(lines: Sequence[bytes]) -> Session:
    """Recompute a run.

    Raises:
        LogMismatchError: names the first line that does not follow.
    """
    session = Session()
    for entry in decode_log(lines):
        if isinstance(entry, Input):
            session.handle(entry)
    again = encode_log(session.log)
    for number, (kept, computed) in enumerate(zip(lines, again, strict=False), start=1):
        if bytes(kept) != computed:
            raise LogMismatchError(f"line {number} of the log does not follow from its inputs")
    if len(again) != len(lines):
        raise LogMismatchError(f"the log has {len(lines)} lines, its inputs give {len(again)}")
    return session
