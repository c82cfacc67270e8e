"""Tables in code and tables the migrations make are the same."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, inspect

from api_gateway.stores.tables import MIGRATIONS, REVISION, metadata
from service_kit.sql import create_engine, migrate

Columns = dict[str, tuple[str, bool]]


def columns_of(connection: Connection) -> dict[str, Columns]:
    found = inspect(connection)
    return {
        table: {
            column["name"]: (str(column["type"]), bool(column["nullable"]))
            for column in found.get_columns(table)
        }
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def indexes_of(connection: Connection) -> set[str | None]:
    found = inspect(connection)
    return {index["name"] for table in metadata.tables for index in found.get_indexes(table)}


def indexes_by_table(connection: Connection) -> dict[str, frozenset[str | None]]:
    found = inspect(connection)
    names = set(found.get_table_names()) - {"alembic_version"}
    return {name: frozenset(each["name"] for each in found.get_indexes(name)) for name in names}


@pytest.mark.requirement("stores:migrations")
async def test_the_migrations_make_the_tables_the_code_uses(
    database_url: str, other_database_url: str
) -> None:
    assert await migrate(database_url, MIGRATIONS) == REVISION
    by_migration, by_code = create_engine(database_url), create_engine(other_database_url)
    try:
        async with by_code.begin() as connection:
            await connection.run_sync(metadata.create_all)
            wanted = await connection.run_sync(columns_of), await connection.run_sync(indexes_of)
        async with by_migration.begin() as connection:
            made = await connection.run_sync(columns_of), await connection.run_sync(indexes_of)
    finally:
        await by_migration.dispose()
        await by_code.dispose()

    assert made == wanted


@pytest.mark.requirement("stores:migrations")
@pytest.mark.requirement("kit:migrations-back")
async def test_every_migration_can_be_undone_and_done_again(database_url: str) -> None:
    async def tables() -> dict[str, frozenset[str | None]]:
        engine = create_engine(database_url)
        async with engine.connect() as connection:
            found = await connection.run_sync(indexes_by_table)
        await engine.dispose()
        return found

    await migrate(database_url, MIGRATIONS)
    newest = await tables()
    revision, seen = REVISION, [newest]
    while revision is not None:
        revision = await migrate(database_url, MIGRATIONS, back_to="-1")
        seen.append(await tables())

    assert seen[-1] == {}
    assert len({frozenset(each.items()) for each in seen}) == len(seen)
    assert await migrate(database_url, MIGRATIONS) == REVISION
    assert await tables() == newest
    assert set(newest) == set(metadata.tables)


def test_every_row_belongs_to_a_team() -> None:
    assert all("tenant_id" in table.columns for table in metadata.tables.values())
    assert not any(table.columns["tenant_id"].nullable for table in metadata.tables.values())
