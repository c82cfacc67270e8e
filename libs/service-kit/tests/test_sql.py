"""SQLite as one machine uses it; PostgreSQL's engine as far as it can be seen without a server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service_kit.sql import (
    DatabaseUrlError,
    RevisionError,
    SchemaOutdatedError,
    async_url,
    blocking_sqlite_engine,
    create_engine,
    current_revision,
    migrate,
    require_revision,
)
from service_kit.testing import WAIT_S

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.postgresql import PostgresServer

REVISIONS = {
    "0001_first.py": """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    op.create_table("parents", sa.Column("id", sa.Integer, primary_key=True))
def downgrade():
    op.drop_table("parents")
""",
    "0002_second.py": """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.create_table(
        "children",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("parent_id", sa.Integer, sa.ForeignKey("parents.id"), nullable=False),
    )
def downgrade():
    op.drop_table("children")
""",
}


@pytest.fixture
def revisions(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations" / "versions"
    folder.mkdir(parents=True)
    for name, source in REVISIONS.items():
        (folder / name).write_text(source)
    return folder.parent


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/data/service.sqlite3"


@asynccontextmanager
async def engine_of(url: str, *, read_only: bool = False) -> AsyncGenerator[AsyncEngine]:
    engine = create_engine(url, read_only=read_only)
    try:
        yield engine
    finally:
        await engine.dispose()


async def count(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return (await connection.execute(text("SELECT count(*) FROM parents"))).scalar_one()


async def add_parent(engine: AsyncEngine) -> None:
    """Read first, write then: the transaction that deadlocks when it begins without a lock."""
    async with engine.begin() as connection:
        rows = await connection.execute(text("SELECT coalesce(max(id), 0) FROM parents"))
        values = {"id": rows.scalar_one() + 1}
        await connection.execute(text("INSERT INTO parents VALUES (:id)"), values)


# -------------------------------------------------------------------------------- migrations


@pytest.mark.requirement("service-kit:sql:migrations")
async def test_migrating_creates_the_file_and_is_repeatable(url: str, revisions: Path) -> None:
    assert await migrate(url, revisions) == "0002"
    assert await migrate(url, revisions) == "0002"

    async with engine_of(url) as engine:
        assert await current_revision(engine) == "0002"
        assert await count(engine) == 0


@pytest.mark.requirement("service-kit:sql:migrations")
async def test_data_survives_the_next_revision(url: str, revisions: Path) -> None:
    second = revisions / "versions" / "0002_second.py"
    later = second.rename(second.with_suffix(".later"))
    await migrate(url, revisions)
    async with engine_of(url) as engine:
        await add_parent(engine)

    later.rename(second)
    await migrate(url, revisions)

    async with engine_of(url) as engine:
        assert await count(engine) == 1


@pytest.mark.requirement("service-kit:sql:migrations")
async def test_a_revision_that_fails_leaves_nothing_behind(url: str, revisions: Path) -> None:
    broken = revisions / "versions" / "0003_broken.py"
    broken.write_text(
        'from alembic import op\nrevision, down_revision = "0003", "0002"\n'
        'def upgrade():\n    op.execute("DELETE FROM parents")\n    op.execute("nonsense")\n'
    )

    with pytest.raises(DBAPIError):
        await migrate(url, revisions)

    async with engine_of(url) as engine:
        assert await current_revision(engine) is None


@pytest.mark.requirement("service-kit:sql:migrations")
async def test_a_service_refuses_tables_of_another_version(url: str, revisions: Path) -> None:
    async with engine_of(url) as engine:
        with pytest.raises(SchemaOutdatedError, match=r"has no tables yet.*python -m x migrate"):
            await require_revision(engine, "0002", "python -m x migrate")

        await migrate(url, revisions)

        await require_revision(engine, "0002", "python -m x migrate")
        with pytest.raises(SchemaOutdatedError, match="is at revision 0002; this version needs 3"):
            await require_revision(engine, "3", "python -m x migrate")


# ------------------------------------------------------------------------------------ SQLite


async def test_sqlite_is_set_up_for_a_server(url: str) -> None:
    pragmas: dict[str, object] = {}
    async with engine_of(url) as engine, engine.connect() as connection:
        for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout"):
            found = await connection.exec_driver_sql(f"PRAGMA {name}")
            pragmas[name] = found.scalar()

    assert pragmas == {
        "journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 5000,
    }  # fmt: skip


@pytest.mark.requirement("service-kit:sql:one-writer")
async def test_two_processes_that_read_and_then_write_never_find_the_database_locked(
    url: str, revisions: Path
) -> None:
    await migrate(url, revisions)
    async with engine_of(url) as one, engine_of(url) as two, asyncio.timeout(4 * WAIT_S):
        await asyncio.gather(*(add_parent(engine) for engine in (one, two) for _ in range(20)))

        assert await count(one) == 40


@pytest.mark.requirement("service-kit:sql:one-writer")
async def test_readers_go_on_while_a_transaction_writes(url: str, revisions: Path) -> None:
    await migrate(url, revisions)
    async with engine_of(url) as writer, engine_of(url, read_only=True) as readers:
        async with writer.begin() as connection, asyncio.timeout(WAIT_S):
            await connection.execute(text("INSERT INTO parents VALUES (1)"))
            seen = await asyncio.gather(*(count(readers) for _ in range(4)))

        assert seen == [0, 0, 0, 0]
        assert await count(readers) == 1


@pytest.mark.parametrize(("checkpoints", "pages"), [(True, 1000), (False, 0)])
def test_a_threads_engine_is_set_up_as_the_loops_and_may_leave_checkpoints_to_others(
    url: str, *, checkpoints: bool, pages: int
) -> None:
    engine = blocking_sqlite_engine(url, checkpoints=checkpoints)

    with engine.begin() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "wal_autocheckpoint", "foreign_keys")
        }
    engine.dispose()

    assert found == {"journal_mode": "wal", "wal_autocheckpoint": pages, "foreign_keys": 1}


async def test_a_reader_cannot_write(url: str, revisions: Path) -> None:
    await migrate(url, revisions)
    async with engine_of(url, read_only=True) as readers:
        with pytest.raises(DBAPIError, match="readonly"):
            await add_parent(readers)


async def test_foreign_keys_hold(url: str, revisions: Path) -> None:
    await migrate(url, revisions)
    async with engine_of(url) as engine, engine.connect() as connection:
        with pytest.raises(DBAPIError, match="FOREIGN KEY"):
            await connection.execute(text("INSERT INTO children VALUES (1, 99)"))


async def test_a_transaction_that_fails_is_rolled_back(url: str, revisions: Path) -> None:
    await migrate(url, revisions)

    async def insert_and_fail(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO parents VALUES (1)"))
            raise LookupError

    async with engine_of(url) as engine:
        with pytest.raises(LookupError):
            await insert_and_fail(engine)

        assert await count(engine) == 0


# -------------------------------------------------------------------- SQLite and PostgreSQL


@pytest.mark.requirement("kit:migrations-back")
async def test_a_database_goes_back_and_forth(database_url: str, revisions: Path) -> None:
    assert await migrate(database_url, revisions) == "0002"
    assert await migrate(database_url, revisions, back_to="0001") == "0001"
    assert await migrate(database_url, revisions, back_to="0001") == "0001"
    assert await migrate(database_url, revisions) == "0002"
    assert await migrate(database_url, revisions, back_to="base") is None
    assert await migrate(database_url, revisions) == "0002"


@pytest.mark.requirement("kit:migrations-back")
async def test_a_revision_that_never_was_is_a_message(database_url: str, revisions: Path) -> None:
    await migrate(database_url, revisions)

    with pytest.raises(RevisionError, match="nope"):
        await migrate(database_url, revisions, back_to="nope")

    assert await migrate(database_url, revisions) == "0002"


@pytest.mark.postgres
async def test_of_several_who_migrate_at_once_one_does(
    postgres_server: PostgresServer, revisions: Path
) -> None:
    url = await postgres_server.new_database()

    migrated = await asyncio.gather(*(migrate(url, revisions) for _ in range(4)))

    assert migrated == ["0002"] * 4


# -------------------------------------------------------------------------------------- URLs


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///x.sqlite3", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///x.sqlite3", "sqlite+aiosqlite"),
        ("postgresql://u:p@db/conclave", "postgresql+asyncpg"),
        ("postgresql+psycopg2://u:p@db/conclave", "postgresql+asyncpg"),
    ],
)
def test_the_driver_need_not_be_named(url: str, driver: str) -> None:
    assert async_url(url).drivername == driver


@pytest.mark.parametrize("url", ["", "conclave.sqlite3", "mysql://u:secret@db/x"])
def test_another_database_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(DatabaseUrlError) as caught:
        async_url(url)

    assert "postgresql" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_postgresql_works_behind_a_pooler() -> None:
    engine = create_engine("postgresql://u:p@127.0.0.1:1/conclave")

    _, arguments = engine.dialect.create_connect_args(engine.url)

    assert engine.dialect.driver == "asyncpg"
    assert arguments["host"] == "127.0.0.1"
    await engine.dispose()
