"""Alembic, run from code: a folder of revisions and a connection, no `alembic.ini`, no `env.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from alembic.runtime.migration import MigrationContext, RevisionStep

# Any number: the same for every Conclave process that migrates this database.
_ADVISORY_LOCK = 0x436F6E63


def upgrade_to_head(connection: Connection, script_location: str) -> None:
    """Apply every revision that is missing, in one transaction of the caller's connection."""
    script = ScriptDirectory(script_location)

    def missing(revision: tuple[str, ...], context: MigrationContext) -> Iterable[RevisionStep]:
        del context
        # What alembic's own `upgrade` command calls; its annotation misses that heads are a tuple.
        return script._upgrade_revs("head", revision)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportArgumentType]

    _run(connection, script, missing)


def downgrade_to(connection: Connection, script_location: str, target: str) -> None:
    """Undo every revision after `target` (`base`: all), in one transaction.

    Raises:
        alembic.util.exc.CommandError: there is no such revision before the database's own.
    """
    script = ScriptDirectory(script_location)

    def newer(revision: tuple[str, ...], context: MigrationContext) -> Iterable[RevisionStep]:
        del context
        return script._downgrade_revs(target, revision)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportArgumentType]

    _run(connection, script, newer)


def _run(
    connection: Connection,
    script: ScriptDirectory,
    steps: Callable[[tuple[str, ...], MigrationContext], Iterable[RevisionStep]],
) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(
            connection=connection,
            render_as_batch=connection.dialect.name == "sqlite",
            transactional_ddl=True,
        )
        environment.run_migrations()
