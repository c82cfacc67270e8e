"""Calls that ended without their vendor's count, and what the vendor says of them afterwards.

A correction is one transaction: a call is corrected once, together with its run's record. These
are rare beside a run's own writes, so they go past the writer.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, select, update
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.store.reader import UNSETTLED, call_records, ended_calls
from orchestrator.store.schema import run_calls, runs
from orchestrator.store.writer import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from sqlalchemy import Update
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from wire.coordination import CallRecord


@dataclass(frozen=True, slots=True)
class UnsettledRun:
    """A run that has ended, and those of its calls that may still be corrected.

    `spec`: its resolved panel, as stored.
    """

    run_id: str
    spec: bytes
    calls: tuple[CallRecord, ...]


class UsageBook:
    """Every method may raise `StoreUnavailableError`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def unsettled_runs(self, *, since_unix_s: float, at_most: int) -> list[str]:
        """Ids of ended runs with such calls, the newest first."""
        unsettled = exists().where(
            run_calls.c.run_id == runs.c.run_id, run_calls.c.basis.in_(UNSETTLED)
        )
        query = (
            select(runs.c.run_id)
            .where(runs.c.created_unix_s >= since_unix_s, runs.c.status != "in_progress")
            .where(unsettled)
            .order_by(runs.c.created_unix_s.desc())
            .limit(at_most)
        )
        async with self._transaction() as connection:
            return list((await connection.execute(query)).scalars())

    async def unsettled(self, run_id: str) -> UnsettledRun | None:
        """None: the run is gone, has not ended, or has no such call."""
        run = select(runs.c.tenant_id, runs.c.spec).where(
            runs.c.run_id == run_id, runs.c.status != "in_progress"
        )
        async with self._transaction() as connection:
            row = (await connection.execute(run)).mappings().one_or_none()
            if row is None:
                return None
            query = ended_calls(row["tenant_id"], run_id).where(run_calls.c.basis.in_(UNSETTLED))
            calls = call_records((await connection.execute(query)).mappings())
        return UnsettledRun(run_id, bytes(row["spec"]), calls) if calls else None

    async def settle(
        self, run_id: str, calls: Sequence[CallRecord], correct: Callable[[bytes], bytes]
    ) -> bool:
        """Correct calls, and the run's record by `correct`; False: all of them were already."""
        async with self._transaction() as connection:
            changed = 0
            for call in calls:
                changed += (await connection.execute(_correction(run_id, call))).rowcount
            if changed:
                await _correct_record(connection, run_id, correct)
        return changed > 0

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[AsyncConnection]:
        try:
            async with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailableError from error


def _correction(run_id: str, call: CallRecord) -> Update:
    usage = call.usage
    return (
        update(run_calls)
        .where(run_calls.c.call_id == call.call_id, run_calls.c.attempt == call.attempt)
        .where(run_calls.c.run_id == run_id, run_calls.c.basis.in_(UNSETTLED))
        .values(
            basis=call.basis,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            cost_nano_usd=call.cost_nano_usd,
        )
    )


async def _correct_record(
    connection: AsyncConnection, run_id: str, correct: Callable[[bytes], bytes]
) -> None:
    """A run that was closed for its owner has no record; its calls speak for themselves."""
    record: Any = await connection.scalar(
        select(runs.c.record).where(runs.c.run_id == run_id).with_for_update()
    )
    if record is not None:
        await connection.execute(
            update(runs).where(runs.c.run_id == run_id).values(record=correct(bytes(record)))
        )
