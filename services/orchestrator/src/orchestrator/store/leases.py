"""Runs that change hands: asked to end from elsewhere, taken over, or closed for a dead owner.

Each is one transaction that does nothing when the run has changed hands or ended since it was
looked at. These are rare, so they go past the writer.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.store.reader import call_records, ended_calls
from orchestrator.store.schema import run_calls, run_outputs, runs
from orchestrator.store.writer import StoreUnavailableError
from wire.conversation import Usage
from wire.errors import PlatformInterruptedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sqlalchemy import ColumnElement, Update
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from orchestrator.store.reader import Holding
    from service_kit.clock import Clock
    from wire.coordination import RunEnded

_encode = msgspec.json.Encoder().encode
_CALL_INTERRUPTED = _encode(
    PlatformInterruptedError("The process that made the call ended before its answer.").info()
)


class LeaseBook:
    """`owner` is this process. Every method may raise `StoreUnavailableError`."""

    def __init__(self, engine: AsyncEngine, clock: Clock, *, owner: str) -> None:
        self._engine = engine
        self._clock = clock
        self._owner = owner

    async def ask_to_end(self, tenant_id: str, run_id: str, reason: str) -> None:
        """Leave word for the owner, who looks several times a second. The first reason stays."""
        async with self._transaction() as connection:
            await connection.execute(
                update(runs)
                .where(runs.c.tenant_id == tenant_id, runs.c.run_id == run_id)
                .where(runs.c.status == "in_progress", runs.c.cancel_reason.is_(None))
                .values(cancel_reason=reason)
            )

    async def claim(self, holding: Holding) -> int | None:
        """The run is ours from now on, under the fence returned; None: somebody was faster.

        Calls the former owner had under way are closed as interrupted.
        """
        died = int(holding.owner != "")
        async with self._transaction() as connection:
            claimed = await connection.execute(
                _unchanged(holding).values(
                    owner=self._owner,
                    beat=runs.c.beat + 1,
                    fence=runs.c.fence + 1,
                    takeovers=runs.c.takeovers + died,
                )
            )
            if claimed.rowcount != 1:
                return None
            await _interrupt_calls(connection, holding.run_id)
        return holding.fence + 1

    async def close(self, holding: Holding, end: RunEnded) -> bool:
        """End a run that nobody goes on with; False: it has changed hands or ended meanwhile.

        The end is told with the calls that were made.
        """
        async with self._transaction() as connection:
            closed = await connection.execute(
                _unchanged(holding).values(
                    status=end.status,
                    ended_unix_s=self._clock.unix_s(),
                    fence=runs.c.fence + 1,
                    start=None,
                )
            )
            if closed.rowcount != 1:
                return False
            await _interrupt_calls(connection, holding.run_id)
            if holding.detached:
                await _say_end(
                    connection, holding, await self._with_calls(connection, holding, end)
                )
        return True

    async def _with_calls(
        self, connection: AsyncConnection, holding: Holding, end: RunEnded
    ) -> RunEnded:
        found = await connection.execute(ended_calls(holding.tenant_id, holding.run_id))
        calls = call_records(found.mappings())
        return msgspec.structs.replace(
            end,
            calls=calls,
            usage=sum((call.usage for call in calls), Usage()),
            ended_unix_s=self._clock.unix_s(),
        )

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[AsyncConnection]:
        try:
            async with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailableError from error


def _unchanged(holding: Holding) -> Update:
    return update(runs).where(*_same(holding))


def _same(holding: Holding) -> tuple[ColumnElement[bool], ...]:
    """A living owner's beat goes on, so a late look at it claims nothing."""
    return (
        runs.c.run_id == holding.run_id,
        runs.c.status == "in_progress",
        runs.c.fence == holding.fence,
        runs.c.owner == holding.owner,
        runs.c.beat == holding.beat,
    )


async def _interrupt_calls(connection: AsyncConnection, run_id: str) -> None:
    await connection.execute(
        update(run_calls)
        .where(run_calls.c.run_id == run_id, run_calls.c.status.is_(None))
        .values(
            status="failed",
            basis="interrupted",
            ended_ms=run_calls.c.started_ms,
            error=_CALL_INTERRUPTED,
        )
    )


async def _say_end(connection: AsyncConnection, holding: Holding, end: RunEnded) -> None:
    last: Any = await connection.scalar(
        select(func.max(run_outputs.c.seq)).where(run_outputs.c.run_id == holding.run_id)
    )
    await connection.execute(
        insert(run_outputs).values(
            run_id=holding.run_id,
            tenant_id=holding.tenant_id,
            seq=(last or 0) + 1,
            payload=_encode(end),
        )
    )
