"""What happens to old rows: records go when they are past their retention."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.store.schema import run_calls, run_events, run_outputs, runs
from orchestrator.store.scores import ScoreBook
from service_kit.logging import get_logger

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from service_kit.clock import Clock

FIRST_SWEEP_S = 10.0  # a process that has just started has better things to do
SWEEP_INTERVAL_S = 3600.0
_BATCH = 500  # runs deleted per transaction: the writer gets its turn in between
_DAY_S = 86_400.0

log = get_logger(__name__)


class RetentionSweep:
    """Deletes runs past their retention, in small transactions."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        *,
        retention_days: float,
        score_retention_days: float,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._retention_s = retention_days * _DAY_S
        self._scores = ScoreBook(engine)
        self._score_retention_s = score_retention_days * _DAY_S

    async def run(self) -> None:
        """Sweep soon and every hour, until cancelled."""
        await asyncio.sleep(FIRST_SWEEP_S)
        while True:
            try:
                await self.sweep()
            except (SQLAlchemyError, OSError) as error:
                log.warning("retention_sweep_failed", error=error)
            await self._engine.dispose()  # a thread and a cache for nothing until the next
            await asyncio.sleep(SWEEP_INTERVAL_S)

    async def sweep(self) -> int:
        """Delete what is too old; returns how many runs."""
        before_unix_s = self._clock.unix_s() - self._retention_s
        deleted = 0
        while batch := await self._sweep_batch(before_unix_s):
            deleted += batch
        await self._scores.forget(before_unix_s=self._clock.unix_s() - self._score_retention_s)
        return deleted

    async def _sweep_batch(self, before_unix_s: float) -> int:
        async with self._engine.begin() as connection:
            found = await connection.execute(
                select(runs.c.run_id)
                .where(runs.c.created_unix_s < before_unix_s, runs.c.status != "in_progress")
                .limit(_BATCH)
            )
            run_ids = list(found.scalars())
            for table in (run_calls, run_outputs, run_events, runs):
                await connection.execute(delete(table).where(table.c.run_id.in_(run_ids)))
        return len(run_ids)
