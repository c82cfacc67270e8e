"""The gateway's database, bounded in time: whatever fails in it is one typed error."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from api_gateway.stores.errors import StoreUnavailableError
from service_kit.logging import get_logger
from service_kit.sql import async_url, create_engine

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from sqlalchemy.ext.asyncio import AsyncConnection

# A wait for SQLite's lock cannot be cancelled, so it ends by itself before the timeout.
_SHARE_OF_A_LOCK = 0.9

log = get_logger(__name__)


class Database:
    """SQLite: one writer, readers beside it. PostgreSQL: one pool for both."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        is_sqlite = async_url(url).get_backend_name() == "sqlite"
        self._timeout_s = timeout_s
        self.failures = 0
        locked_ms = int(timeout_s * 1000 * _SHARE_OF_A_LOCK)
        self.engine = create_engine(url, busy_timeout_ms=locked_ms)
        self._readers = self.engine
        if is_sqlite:
            self._readers = create_engine(url, read_only=True, busy_timeout_ms=locked_ms)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that only reads.

        Raises:
            StoreUnavailableError: the database failed, or all of it took too long.
        """
        with self._typed_failures():
            async with asyncio.timeout(self._timeout_s), self._readers.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that is committed when the block ends well.

        Raises:
            StoreUnavailableError: the database failed, or all of it took too long.
        """
        with self._typed_failures():
            async with asyncio.timeout(self._timeout_s), self.engine.begin() as connection:
                yield connection

    async def dispose(self) -> None:
        """Close every connection."""
        await self._readers.dispose()
        await self.engine.dispose()

    @contextmanager
    def _typed_failures(self) -> Generator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:  # a TimeoutError is an OSError
            self.failures += 1
            log.warning("store_failed", error=error)
            raise StoreUnavailableError from error
