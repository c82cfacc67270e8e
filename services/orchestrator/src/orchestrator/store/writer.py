"""The one task that writes. Whatever waits when it turns round goes into one transaction.

A run waits for it in three places only: before a call leaves (money is journalled first), when a
call is settled and the queue is full, and before the run says that it has ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from orchestrator.store.statements import statements
from service_kit.logging import get_logger
from wire.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from orchestrator.store.writes import Write

QUEUE_SIZE = 4096
BATCH_SIZE = 512
_FLUSH_TIMEOUT_S = 5.0

log = get_logger(__name__)


class StoreUnavailableError(ServiceUnavailableError):
    """The database does not take our writes."""

    def __init__(self) -> None:
        super().__init__("The run store is not available. Please try again.", retry_after_s=1.0)


class DuplicateRowError(Exception):
    """A row with this key is there already."""


@dataclass(slots=True)
class _Request:
    writes: tuple[Write, ...]
    done: asyncio.Future[None] | None


class StoreWriter:
    def __init__(self, engine: AsyncEngine, *, timeout_s: float) -> None:
        self._engine = engine
        self._timeout_s = timeout_s
        self._queue: asyncio.Queue[_Request] = asyncio.Queue(QUEUE_SIZE)
        self._in_hand: list[_Request] = []
        self.failed_writes = 0

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    async def commit(self, *writes: Write) -> None:
        """Write, and return once it is committed.

        Raises:
            StoreUnavailableError: the database failed or took too long; it may still be written.
            DuplicateRowError: one of the rows is there already.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._queue.put(_Request(writes, done))
                await done
        except TimeoutError:
            raise StoreUnavailableError from None

    async def enqueue(self, *writes: Write) -> None:
        """Write soon. Waits only while the queue is full.

        Raises:
            StoreUnavailableError: the queue stayed full.
        """
        request = _Request(writes, None)
        try:
            self._queue.put_nowait(request)
        except asyncio.QueueFull:
            await self._put(request)

    async def run(self) -> None:
        """Write until cancelled, then what is left. Belongs in `Lifecycle.add_background`."""
        try:
            while True:
                self._in_hand = self._take(await self._queue.get())
                await self._write(self._in_hand)
                self._in_hand = []
        finally:
            await self._flush()

    async def _put(self, request: _Request) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._queue.put(request)
        except TimeoutError:
            raise StoreUnavailableError from None

    async def _flush(self) -> None:
        try:
            async with asyncio.timeout(_FLUSH_TIMEOUT_S):
                if self._in_hand:  # the cancellation came amid its transaction: rolled back
                    await self._write(self._in_hand)
                while not self._queue.empty():
                    await self._write(self._take(self._queue.get_nowait()))
        except TimeoutError:
            log.warning("store_flush_cut", waiting=self.waiting)

    def _take(self, first: _Request) -> list[_Request]:
        batch = [first]
        while len(batch) < BATCH_SIZE and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        return batch

    async def _write(self, batch: list[_Request]) -> None:
        """All at once; if a row of the batch is refused, each request by itself."""
        failure = await self._try(batch)
        if isinstance(failure, DuplicateRowError) and len(batch) > 1:
            for request in batch:
                _settle([request], await self._try([request]))
            return
        _settle(batch, failure)

    async def _try(self, batch: Sequence[_Request]) -> Exception | None:
        try:
            async with self._engine.begin() as connection:
                for statement, rows in statements([w for r in batch for w in r.writes]):
                    await connection.execute(statement, rows)
        except IntegrityError:
            return DuplicateRowError()
        except (SQLAlchemyError, OSError) as error:
            self.failed_writes += len(batch)
            log.warning("store_write_failed", error=error, requests=len(batch))
            return StoreUnavailableError()
        return None


def _settle(batch: Sequence[_Request], failure: Exception | None) -> None:
    for request in batch:
        if request.done is None or request.done.done():
            continue
        if failure is None:
            request.done.set_result(None)
        else:
            request.done.set_exception(failure)
