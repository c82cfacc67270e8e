"""Tables in code and tables the migrations make are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, inspect

from api_gateway.stores.tables import MIGRATIONS, REVISION, metadata
from service_kit.sql import create_engine, current_revision, migrate

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.requirement("stores:migrations")
async def test_the_migrations_make_the_tables_the_code_uses(tmp_path: Path) -> None:
    migrated = f"sqlite:///{tmp_path / 'migrated.sqlite3'}"
    await migrate(migrated, MIGRATIONS)
    by_migration, by_code = create_engine(migrated), create_engine(f"sqlite:///{tmp_path / 'code'}")
    try:
        async with by_code.begin() as connection:
            await connection.run_sync(metadata.create_all)
            wanted = await connection.run_sync(columns_of), await connection.run_sync(indexes_of)
        async with by_migration.begin() as connection:
            made = await connection.run_sync(columns_of), await connection.run_sync(indexes_of)
        revision = await current_revision(by_migration)
    finally:
        await by_migration.dispose()
        await by_code.dispose()

    assert made == wanted
    assert revision == REVISION


def test_every_row_belongs_to_a_team() -> None:
    assert all("tenant_id" in table.columns for table in metadata.tables.values())
    assert not any(table.columns["tenant_id"].nullable for table in metadata.tables.values())
