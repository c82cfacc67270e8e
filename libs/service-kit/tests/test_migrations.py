"""Alembic from code: what `service_kit.sql.migrate` runs on its connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.util import CommandError
from sqlalchemy import create_engine, inspect

from service_kit.migrations import downgrade_to, upgrade_to_head

if TYPE_CHECKING:
    from pathlib import Path


def folder_with(tmp_path: Path, **revisions: str) -> str:
    versions = tmp_path / "versions"
    versions.mkdir()
    for name, down in revisions.items():
        (versions / f"{name}.py").write_text(
            "from alembic import op\nimport sqlalchemy as sa\n"
            f"revision, down_revision = {name!r}, {down or None!r}\n"
            f"def upgrade():\n    op.create_table({name!r}, sa.Column('id', sa.Integer))\n"
            f"def downgrade():\n    op.drop_table({name!r})\n"
        )
    return str(tmp_path)


def test_every_missing_revision_is_applied_in_order(tmp_path: Path) -> None:
    location = folder_with(tmp_path, c="b", a="", b="a")
    engine = create_engine("sqlite://")

    with engine.begin() as connection:
        upgrade_to_head(connection, location)
        tables = inspect(connection).get_table_names()
    engine.dispose()

    assert tables == ["a", "alembic_version", "b", "c"]


def test_two_heads_are_refused(tmp_path: Path) -> None:
    location = folder_with(tmp_path, a="", b="a", c="a")
    engine = create_engine("sqlite://")

    with engine.begin() as connection, pytest.raises(CommandError, match="Multiple head"):
        upgrade_to_head(connection, location)
    engine.dispose()


def test_newer_revisions_are_undone_in_order(tmp_path: Path) -> None:
    location = folder_with(tmp_path, c="b", a="", b="a")
    engine = create_engine("sqlite://")

    with engine.begin() as connection:
        upgrade_to_head(connection, location)
        downgrade_to(connection, location, "a")
        some = inspect(connection).get_table_names()
        downgrade_to(connection, location, "base")
        inspect(connection).clear_cache()
        none = inspect(connection).get_table_names()
    engine.dispose()

    assert (some, none) == (["a", "alembic_version"], ["alembic_version"])


def test_a_revision_that_never_was_is_refused(tmp_path: Path) -> None:
    location = folder_with(tmp_path, a="")
    engine = create_engine("sqlite://")

    with engine.begin() as connection:
        upgrade_to_head(connection, location)
        with pytest.raises(CommandError):
            downgrade_to(connection, location, "nope")
    engine.dispose()
