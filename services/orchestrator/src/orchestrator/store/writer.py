"""The one task that writes. Whatever waits when it turns round goes into one transaction.

A transaction costs about as much as ten rows, so writes that nobody waits for are held until
somebody's goes anyway, or a fifth of a second has passed. A run waits in two places only: before a
call leaves (money is journalled first), and before it says that it has ended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from orchestrator.store.schema import runs
from orchestrator.store.statements import statements
from orchestrator.store.writes import CallJournalled, FenceHeld, RunOpened
from service_kit.logging import get_logger
from wire.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from sqlalchemy import Connection

    from orchestrator.store.transactions import Transactions
    from orchestrator.store.writes import Write

QUEUE_SIZE = 4096
BATCH_SIZE = 512
HELD_S = 0.2
_FLUSH_TIMEOUT_S = 5.0

log = get_logger(__name__)


class StoreUnavailableError(ServiceUnavailableError):
    """The database does not take our writes."""

    def __init__(self) -> None:
        super().__init__("The run store is not available. Please try again.", retry_after_s=1.0)


class DuplicateRowError(Exception):
    """A row with this key is there already."""


class FenceLostError(Exception):
    """Another process has taken the run over: nothing more may be written for it here."""


@dataclass(slots=True, eq=False)
class _Request:
    writes: tuple[Write, ...]
    done: asyncio.Future[None] | None


class StoreWriter:
    def __init__(self, transactions: Transactions, *, timeout_s: float) -> None:
        self._transactions = transactions
        self._timeout_s = timeout_s
        self._queue: deque[_Request] = deque()
        self._room = asyncio.Event()
        self._room.set()
        self._work = asyncio.Event()
        self._held: asyncio.TimerHandle | None = None
        self._in_hand: list[_Request] = []
        self._trying: Sequence[_Request] = ()
        self.failed_writes = 0

    @property
    def waiting(self) -> int:
        return len(self._queue)

    async def commit(self, *writes: Write) -> None:
        """Write, and return once it is committed.

        Raises:
            StoreUnavailableError: the database failed or took too long; it may still be written.
            DuplicateRowError: one of the rows is there already.
            FenceLostError: a run that it was to be written for has changed hands.
        """
        async with self._in_time():
            await self._until_room()
            await self.submit(*writes)

    def submit(self, *writes: Write) -> asyncio.Future[None]:
        """As `commit`, but hands back what to wait for.

        Raises:
            StoreUnavailableError: the queue is full.
        """
        if len(self._queue) >= QUEUE_SIZE:
            raise StoreUnavailableError
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._add(_Request(writes, done))
        self._work.set()
        return done

    async def confirm(self, submitted: asyncio.Future[None]) -> None:
        """Wait for what was submitted, as long as `commit` would.

        Raises:
            StoreUnavailableError, DuplicateRowError: as of `commit`.
        """
        async with self._in_time():
            await submitted

    async def enqueue(self, *writes: Write) -> None:
        """Write soon, if it may be. Waits only while the queue is full.

        Raises:
            StoreUnavailableError: the queue stayed full.
        """
        async with self._in_time():
            await self._until_room()
            self._add(_Request(writes, None))
        if self._held is None:
            self._held = asyncio.get_running_loop().call_later(HELD_S, self._work.set)

    async def run(self) -> None:
        """Write until cancelled, then what is left. Belongs in `Lifecycle.add_background`."""
        try:
            while True:
                await self._work.wait()
                await self._write_all()
        finally:
            await self._flush()

    @asynccontextmanager
    async def _in_time(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except TimeoutError:
            raise StoreUnavailableError from None

    async def _until_room(self) -> None:
        while len(self._queue) >= QUEUE_SIZE:
            self._work.set()
            await self._room.wait()

    def _add(self, request: _Request) -> None:
        self._queue.append(request)
        if len(self._queue) >= QUEUE_SIZE:
            self._room.clear()

    async def _write_all(self) -> None:
        self._work.clear()
        if self._held is not None:
            self._held.cancel()
            self._held = None
        while self._queue:
            self._in_hand = self._take()
            await self._write(self._in_hand)
            self._in_hand = []

    def _take(self) -> list[_Request]:
        batch = [self._queue.popleft() for _ in range(min(BATCH_SIZE, len(self._queue)))]
        self._room.set()
        return batch

    async def _flush(self) -> None:
        try:
            async with asyncio.timeout(_FLUSH_TIMEOUT_S):
                if self._in_hand:  # the cancellation came amid its transaction
                    await self._resolve(self._in_hand)
                await self._write_all()
                await self._transactions.disconnect()
        except TimeoutError:
            log.warning("store_flush_cut", waiting=self.waiting)

    async def _resolve(self, batch: list[_Request]) -> None:
        """Whatever the cancelled transaction has not written is written now."""
        trying = self._trying
        if await self._transactions.came_through():
            _settle(trying, None)
            batch = [request for request in batch if request not in trying]
        else:
            await self._transactions.disconnect()
        if batch:
            await self._write(batch)

    async def _write(self, batch: list[_Request]) -> None:
        """All at once; if a row of the batch is refused, each request by itself."""
        failure = await self._try(batch)
        if isinstance(failure, DuplicateRowError | FenceLostError) and len(batch) > 1:
            await self._write_singly(batch)
        else:
            _settle(batch, failure)

    async def _write_singly(self, batch: list[_Request]) -> None:
        """A run that is refused takes its calls with it: nothing may leave for it."""
        refused: set[str] = set()
        for request in batch:
            if refused.intersection(_run_ids(request, CallJournalled)):
                failure = DuplicateRowError()
            else:
                failure = await self._try([request])
            if isinstance(failure, DuplicateRowError):
                refused.update(_run_ids(request, RunOpened))
            _settle([request], failure)

    async def _try(self, batch: Sequence[_Request]) -> Exception | None:
        self._trying = batch
        writes = [write for request in batch for write in request.writes]
        try:
            await self._transactions.run(partial(_perform, writes))
        except IntegrityError:
            return DuplicateRowError()
        except FenceLostError as lost:
            return lost
        except (SQLAlchemyError, OSError) as error:
            self.failed_writes += len(batch)
            log.warning("store_write_failed", error=error, requests=len(batch))
            await self._transactions.disconnect()
            return StoreUnavailableError()
        return None


def _perform(writes: Sequence[Write], connection: Connection) -> None:
    _check_fences(connection, writes)
    for statement, rows in statements(writes):
        connection.execute(statement, rows)


def _check_fences(connection: Connection, writes: Sequence[Write]) -> None:
    """Until the transaction ends, no run changes hands that is written for under a fence."""
    opened = {write.run_id for write in writes if isinstance(write, RunOpened)}
    held = {(w.run_id, w.fence) for w in writes if isinstance(w, FenceHeld)}
    held = {(run_id, fence) for run_id, fence in held if run_id not in opened}
    if not held:
        return
    found = connection.execute(
        select(runs.c.run_id, runs.c.fence)
        .where(runs.c.run_id.in_({run_id for run_id, _ in held}))
        .order_by(runs.c.run_id)
        .with_for_update()
    )
    if not held <= {(row.run_id, row.fence) for row in found}:
        raise FenceLostError


def _run_ids(request: _Request, kind: type[RunOpened] | type[CallJournalled]) -> Iterator[str]:
    return (write.run_id for write in request.writes if isinstance(write, kind))


def _settle(batch: Sequence[_Request], failure: Exception | None) -> None:
    for request in batch:
        if request.done is None or request.done.done():
            continue
        if failure is None:
            request.done.set_result(None)
        else:
            request.done.set_exception(failure)
