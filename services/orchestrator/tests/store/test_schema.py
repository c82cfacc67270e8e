from pathlib import Path

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


async def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    migrated, declared = (f"sqlite:///{tmp_path / name}" for name in ("m.sqlite3", "d.sqlite3"))
    assert await migrate(migrated, MIGRATIONS) == REVISION
    engine = create_engine(declared)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        expected = await connection.run_sync(described)
    await engine.dispose()

    engine = create_engine(migrated)
    async with engine.connect() as connection:
        assert await connection.run_sync(described) == expected
    await engine.dispose()


@pytest.mark.requirement("orchestrator:records:tenant")
def test_every_table_names_the_tenant() -> None:
    for table in metadata.tables.values():
        assert not table.c["tenant_id"].nullable
