"""The writer's transactions, each as one piece of work.

SQLite's go to a thread of their own, whole: a statement at a time they would cross over twenty
times, and each crossing waits for a busy loop. Their commits wait for no disk; `Checkpoints` moves
what they wrote into the database file, beside them.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.exc import SQLAlchemyError

from service_kit.logging import get_logger
from service_kit.sql import async_url, blocking_sqlite_engine, create_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    Work = Callable[[Connection], None]

# At 20 runs a second the journal grows by a few megabytes meanwhile.
CHECKPOINT_INTERVAL_S = 5.0

log = get_logger(__name__)


class Transactions(Protocol):
    """One connection, one transaction at a time."""

    sync_engine: Engine

    async def run(self, work: Work) -> None:
        """Begin, work, commit; or roll back and raise what the work or the database raised."""
        ...

    async def came_through(self) -> bool:
        """Whether the transaction amid which `run` was cancelled has been committed."""
        ...

    async def disconnect(self) -> None:
        """Give the connection back; the next transaction takes a new one."""
        ...


def open_transactions(url: str) -> Transactions:
    """For a database of either kind."""
    is_sqlite = async_url(url).get_backend_name() == "sqlite"
    return ThreadTransactions(url) if is_sqlite else LoopTransactions(create_engine(url))


class ThreadTransactions:
    def __init__(self, url: str) -> None:
        self.sync_engine = blocking_sqlite_engine(url, checkpoints=False)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._connection: Connection | None = None
        self._latest: asyncio.Future[None] | None = None

    async def run(self, work: Work) -> None:
        loop = asyncio.get_running_loop()
        self._latest = loop.run_in_executor(self._thread, self._transact, work)
        await asyncio.shield(self._latest)

    async def came_through(self) -> bool:
        """A thread cannot be cancelled: wait until it is known."""
        if self._latest is None:
            return False
        await asyncio.wait({self._latest})
        return self._latest.exception() is None

    async def disconnect(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)

    def _transact(self, work: Work) -> None:
        if self._connection is None:
            self._connection = self.sync_engine.connect()
        with self._connection.begin():
            work(self._connection)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.sync_engine.dispose()


class LoopTransactions:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.sync_engine = engine.sync_engine
        self._connection: AsyncConnection | None = None

    async def run(self, work: Work) -> None:
        if self._connection is None:
            self._connection = await self._engine.connect()
        async with self._connection.begin():
            await self._connection.run_sync(work)

    async def came_through(self) -> bool:
        """The cancellation rolled it back."""
        return False

    async def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
        await self._engine.dispose()


class Checkpoints:
    """SQLite's, where nobody waits for them: a commit that made one would wait for the disk.

    PostgreSQL makes its own.
    """

    def __init__(self, url: str) -> None:
        is_sqlite = async_url(url).get_backend_name() == "sqlite"
        self._engine = blocking_sqlite_engine(url) if is_sqlite else None

    async def run(self) -> None:
        """Every few seconds, until cancelled."""
        if self._engine is None:
            return
        while True:
            await asyncio.sleep(CHECKPOINT_INTERVAL_S)
            try:
                await asyncio.to_thread(self.make)
            except (SQLAlchemyError, sqlite3.Error, OSError) as error:
                log.warning("store_checkpoint_failed", error=error)

    def make(self) -> None:
        """Move what is committed into the file, as far as no reader needs the old state."""
        if self._engine is None:
            return
        connection = self._engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            connection.close()

    def close(self) -> None:
        """Give the connection back."""
        if self._engine is not None:
            self._engine.dispose()
