"""A run again from its log: the same inputs give the same facts, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from orchestrator.coordination.commands import Command, Deliver, Finish, SetTimer
from orchestrator.coordination.events import Input, LogEntry, RunResumed, TimerFired
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
    return _replayed(lines)[0]


def resume(lines: Sequence[bytes]) -> tuple[Session, list[Command]]:
    """A run that lost its process, and everything that is left to do for it.

    Timers of the past among it fire at once. What was to be delivered is to be delivered again;
    how much of that has gone out, only the driver knows.

    Raises:
        LogMismatchError: names the first line that does not follow.
    """
    session, commands, fired = _replayed(lines)
    left = [
        command
        for command in commands
        if isinstance(command, Deliver | Finish)
        or (isinstance(command, SetTimer) and command.timer not in fired)
    ]
    return session, [*left, *session.handle(RunResumed(session.board.now_ms))]


def _replayed(lines: Sequence[bytes]) -> tuple[Session, list[Command], set[str]]:
    """The session, all its commands, and the timers that have fired."""
    session, commands, fired = Session(), list[Command](), set[str]()
    for entry in decode_log(lines):
        if isinstance(entry, TimerFired):
            fired.add(entry.timer)
        if isinstance(entry, Input):
            commands += session.handle(entry)
    _verify(session, lines)
    return session, commands, fired


def _verify(session: Session, lines: Sequence[bytes]) -> None:
    again = encode_log(session.log)
    for number, (kept, computed) in enumerate(zip(lines, again, strict=False), start=1):
        if bytes(kept) != computed:
            raise LogMismatchError(f"line {number} of the log does not follow from its inputs")
    if len(again) != len(lines):
        raise LogMismatchError(f"the log has {len(lines)} lines, its inputs give {len(again)}")
