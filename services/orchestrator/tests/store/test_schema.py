import itertools

import pytest
from sqlalchemy import Connection, inspect

from orchestrator.store.schema import MIGRATIONS, REVISION, metadata
from service_kit.sql import create_engine, migrate


def described(connection: Connection) -> dict[str, dict[str, tuple[str, bool]]]:
    inspector = inspect(connection)
    return {
        table: {
            column["name"]: (str(column["type"]), column["nullable"])
            for column in inspector.get_columns(table)
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


async def described_at(url: str) -> dict[str, dict[str, tuple[str, bool]]]:
    engine = create_engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(described)
    await engine.dispose()
    return found


async def test_the_migrations_make_the_tables_that_the_code_uses(
    database_url: str, other_database_url: str
) -> None:
    assert await migrate(database_url, MIGRATIONS) == REVISION
    engine = create_engine(other_database_url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()

    assert await described_at(database_url) == await described_at(other_database_url)


@pytest.mark.requirement("kit:migrations-back")
async def test_every_migration_can_be_undone_and_done_again(database_url: str) -> None:
    revision: str | None = await migrate(database_url, MIGRATIONS)
    newest = await described_at(database_url)
    seen = [newest]
    while revision is not None:
        revision = await migrate(database_url, MIGRATIONS, back_to="-1")
        seen.append(await described_at(database_url))

    assert seen[-1] == {}
    assert all(before != after for before, after in itertools.pairwise(seen))
    assert await migrate(database_url, MIGRATIONS) == REVISION
    assert await described_at(database_url) == newest


@pytest.mark.requirement("orchestrator:records:tenant")
def test_every_table_names_the_tenant() -> None:
    for table in metadata.tables.values():
        assert not table.c["tenant_id"].nullable
