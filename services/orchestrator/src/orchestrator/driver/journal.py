"""What a detached run decides and says, stored before anybody reads it.

So another process can go on with the run where this one left it, and a reader that comes back,
to whatever process, reads the same again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from orchestrator.coordination.replay import encode_log
from orchestrator.store.writer import DuplicateRowError, StoreUnavailableError
from orchestrator.store.writes import EventsLogged, LoggedEvent, OutputSaid
from service_kit.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orchestrator.coordination.events import LogEntry
    from orchestrator.driver.fenced_writer import RunWriter
    from orchestrator.driver.output import RunOutput
    from orchestrator.store.writes import Write
    from wire.coordination import RunEvent, StartRun

RETRY_PAUSE_S = 0.5
# The run's time goes on meanwhile; then another process takes it from where the store has it.
MOST_RETRIES = 120

log = get_logger(__name__)
_encode = msgspec.json.Encoder().encode


def logged_events(entries: Sequence[LogEntry], *, first: int) -> list[LoggedEvent]:
    """Entries as rows, numbered from `first`."""
    return [
        LoggedEvent(seq, entry.at_ms, str(entry.__struct_config__.tag), line)
        for seq, (entry, line) in enumerate(zip(entries, encode_log(entries), strict=True), first)
    ]


class RunJournal:
    """`stored`: how much of the log is in the store already."""

    def __init__(
        self,
        start: StartRun,
        writer: RunWriter,
        output: RunOutput,
        entries: Callable[[], list[LogEntry]],
        *,
        stored: int = 0,
    ) -> None:
        self._run_id = start.run_id
        self._tenant_id = start.tenant_id
        self._writer = writer
        self._output = output
        self._entries = entries
        self._stored = stored
        self._said = len(output.events)
        self._stopping = False
        self._in_hand: tuple[Write, ...] = ()
        self._under_way: asyncio.Future[None] | None = None
        self.opened = False

    async def open(self, *opening: Write) -> None:
        """The run's row, and what there is already. Nothing is tried twice: nothing has left."""
        await self._writer.confirm(asyncio.shield(self._writer.submit(*opening, *self._take())))
        self.opened = True
        self._settle()

    async def run(self) -> None:
        """Store what comes, until told to stop and everything is stored.

        Raises:
            FenceLostError: another process has the run.
            StoreUnavailableError: for too long.
        """
        while not (self._stopping and self._is_even()):
            await self._output.news.wait()
            self._output.news.clear()
            await self.store()

    def note(self) -> None:
        """The log has grown."""
        self._output.news.set()

    def stop(self) -> None:
        """Nothing more will come."""
        self._stopping = True
        self._output.news.set()

    async def store(self) -> None:
        """Everything there is now, however often it takes."""
        while writes := self._in_hand or self._take():
            self._in_hand = writes
            await self._commit()
            self._settle()

    async def _commit(self) -> None:
        """What is in hand, which may be under way already."""
        is_uncertain = False
        for _ in range(MOST_RETRIES):
            try:
                await self._submitted_once()
            except DuplicateRowError:
                if not is_uncertain:
                    raise
            except StoreUnavailableError:
                is_uncertain = True
                log.warning("run_journal_waits", run_id=self._run_id)
                await asyncio.sleep(RETRY_PAUSE_S)
                continue
            return  # where a row is there already, the attempt that seemed to fail had not
        raise StoreUnavailableError

    async def _submitted_once(self) -> None:
        """Only a request that has come back may be sent again."""
        if self._under_way is None:
            self._under_way = self._writer.submit(*self._in_hand)
        try:
            await self._writer.confirm(asyncio.shield(self._under_way))
        finally:
            if self._under_way.done():
                self._under_way = None

    def _settle(self) -> None:
        self._in_hand = ()
        self._output.show(self._said)

    def _is_even(self) -> bool:
        return (
            not self._in_hand
            and self._stored == len(self._entries())
            and self._said == len(self._output.events)
        )

    def _take(self) -> tuple[Write, ...]:
        """What the store lacks; from now on it does not change."""
        entries = self._entries()[self._stored :]
        events = self._output.take()
        writes: list[Write] = []
        if entries:
            logged = logged_events(entries, first=self._stored)
            writes.append(EventsLogged(run_id=self._run_id, tenant_id=self._tenant_id, log=logged))
        writes += [self._output_said(n, event) for n, event in enumerate(events, self._said + 1)]
        self._stored += len(entries)
        self._said += len(events)
        return tuple(writes)

    def _output_said(self, number: int, event: RunEvent) -> OutputSaid:
        return OutputSaid(
            run_id=self._run_id, tenant_id=self._tenant_id, seq=number, payload=_encode(event)
        )

    def last_words(self, event: RunEvent) -> OutputSaid:
        """The end, as it is to be stored together with the record."""
        return self._output_said(self._said + 1, event)
