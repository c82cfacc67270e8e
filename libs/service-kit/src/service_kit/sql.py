"""One database per service: SQLite on one machine, PostgreSQL in a cluster.

SQLite: WAL, one writer whose transactions begin IMMEDIATE (so that a lock is waited for at the
start, never found half-way), readers beside it. PostgreSQL: no prepared statements, because poolers
in transaction mode lose them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Engine, QueuePool, event, text
from sqlalchemy import create_engine as create_blocking_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from service_kit.async_engine import AsyncEngine, create_async_engine
from service_kit.lifecycle import StartupError

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

SQLITE_BUSY_TIMEOUT_MS = 5000
SQLITE_READERS = 4
POOL_TIMEOUT_S = 10.0
POSTGRESQL_POOL = 10
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


class DatabaseUrlError(StartupError):
    """The database URL is no URL, or of a database we do not support."""


class SchemaOutdatedError(StartupError):
    """The database's tables are not those this version needs."""


class RevisionError(StartupError):
    """The revision to go back to is none the database has been at."""


def create_engine(
    url: str, *, read_only: bool = False, busy_timeout_ms: int = SQLITE_BUSY_TIMEOUT_MS
) -> AsyncEngine:
    """An engine for `sqlite:///path` or `postgresql://...`, with or without the driver's name.

    `read_only` gives SQLite its concurrent readers; a write through it fails. `busy_timeout_ms`:
    how long SQLite waits for a lock; keep it below any timeout around a statement, because a wait
    that is under way cannot be cancelled.

    Raises:
        DatabaseUrlError: not a URL of either.
    """
    parsed = async_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, read_only=read_only, busy_timeout_ms=busy_timeout_ms)
    return create_async_engine(
        parsed,
        pool_size=POSTGRESQL_POOL,
        pool_timeout=POOL_TIMEOUT_S,
        pool_pre_ping=True,
        connect_args={"statement_cache_size": 0, "prepared_statement_cache_size": 0},
    )


def async_url(url: str) -> URL:
    """The URL with the asynchronous driver we use.

    Raises:
        DatabaseUrlError: not a URL, or of another database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseUrlError(
            "The database URL cannot be read. Use sqlite:////path/to/file.sqlite3 or "
            "postgresql://user:password@host/database."
        ) from None
    driver = _DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise DatabaseUrlError(
            f"{parsed.get_backend_name()} is not supported: use sqlite or postgresql."
        )
    return parsed.set(drivername=driver)


def blocking_sqlite_engine(
    url: str, *, busy_timeout_ms: int = SQLITE_BUSY_TIMEOUT_MS, checkpoints: bool = True
) -> Engine:
    """An engine of one connection, for a thread of one's own: a transaction is one hop, not twenty.

    Without `checkpoints` no commit waits for the disk; somebody else has to make them.
    """
    parsed = make_url(url).set(drivername="sqlite")
    _make_folder(parsed)
    engine = create_blocking_engine(
        parsed,
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        connect_args={"check_same_thread": False},
    )
    pragmas = _sqlite_pragmas(busy_timeout_ms, read_only=False)
    _prepare(engine, [*pragmas, *([] if checkpoints else ["wal_autocheckpoint = 0"])])
    return engine


def _sqlite_engine(url: URL, *, read_only: bool, busy_timeout_ms: int) -> AsyncEngine:
    _make_folder(url)
    engine = create_async_engine(
        url,
        pool_size=SQLITE_READERS if read_only else 1,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
    )
    pragmas = _sqlite_pragmas(busy_timeout_ms, read_only=read_only)
    _prepare(engine.sync_engine, pragmas, begin="BEGIN" if read_only else "BEGIN IMMEDIATE")
    return engine


def _make_folder(url: URL) -> None:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def _prepare(engine: Engine, pragmas: list[str], *, begin: str = "BEGIN IMMEDIATE") -> None:
    def prepare(connection: DBAPIConnection, _record: object) -> None:
        # The driver's own implicit BEGIN comes too late and is always deferred.
        cast("Any", connection).isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", start)


def _sqlite_pragmas(busy_timeout_ms: int, *, read_only: bool) -> list[str]:
    return [
        f"busy_timeout = {busy_timeout_ms}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        *(["query_only = ON"] if read_only else []),
    ]


async def current_revision(engine: AsyncEngine) -> str | None:
    """The migration the database is at; None when it has never been migrated."""
    try:
        async with engine.connect() as connection:
            found = await connection.execute(text("SELECT version_num FROM alembic_version"))
            return found.scalar()
    except DBAPIError:
        return None


async def require_revision(engine: AsyncEngine, expected: str, command: str) -> None:
    """For startup: refuse to work on tables of another version.

    Raises:
        SchemaOutdatedError: says which revision is there and that `command` mends it.
    """
    found = await current_revision(engine)
    if found != expected:
        state = f"is at revision {found}" if found else "has no tables yet"
        raise SchemaOutdatedError(
            f"The database {state}; this version needs {expected}. Run: {command}"
        )


async def migrate(
    url: str, script_location: str | Path, *, back_to: str | None = None
) -> str | None:
    """Bring the database to the newest revision below `script_location/versions`; returns it.

    `back_to` undoes every revision after that one instead (`base`: all), for going back to an
    older version of the program; what the undone revisions kept is lost. Needs no `env.py`.
    Several processes may try at once on PostgreSQL: one migrates, the others wait.

    Raises:
        RevisionError: the database has no revision `back_to` to go back to.
    """
    # Needed by this one command only.
    from alembic.util.exc import CommandError  # noqa: PLC0415

    from service_kit.migrations import downgrade_to, upgrade_to_head  # noqa: PLC0415

    engine = create_engine(url)
    try:
        async with engine.connect() as connection:
            if back_to is None:
                await connection.run_sync(upgrade_to_head, str(script_location))
            else:
                await connection.run_sync(downgrade_to, str(script_location), back_to)
            await connection.commit()
        return await current_revision(engine)
    except CommandError as error:
        if back_to is None:
            raise  # our own revisions contradict each other
        raise RevisionError(f"The database cannot go back to {back_to}: {error}") from None
    finally:
        await engine.dispose()
