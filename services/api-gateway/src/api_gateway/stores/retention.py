"""Stored objects past their retention are deleted, in small transactions."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from api_gateway.stores.errors import StoreUnavailableError
from api_gateway.stores.idempotency import KEPT_S
from api_gateway.stores.tables import (
    conversations,
    idempotency_keys,
    responses,
    stored_completions,
)
from service_kit.logging import get_logger

if TYPE_CHECKING:
    from sqlalchemy import Column

    from api_gateway.stores.database import Database
    from service_kit.clock import Clock

FIRST_SWEEP_S = 30.0  # a start has enough to do
SWEEP_INTERVAL_S = 3600.0
_BATCH = 200  # objects deleted per transaction: the writer gets its turn in between
_DAY_S = 86_400.0
# What is deleted by which age, and the most it may be. A conversation lives from its last use.
_SWEPT: tuple[tuple[Column[str], Column[int], float], ...] = (
    (responses.c.response_id, responses.c.created_unix_s, math.inf),
    (stored_completions.c.completion_id, stored_completions.c.created_unix_s, math.inf),
    (conversations.c.conversation_id, conversations.c.used_unix_s, math.inf),
    (idempotency_keys.c.entry_id, idempotency_keys.c.created_unix_s, KEPT_S),
)

log = get_logger(__name__)


class RetentionSweep:
    """Deletes what is too old. Several replicas may sweep at once: each takes other rows."""

    def __init__(self, database: Database, clock: Clock, *, retention_days: float) -> None:
        self._database = database
        self._clock = clock
        self._retention_s = retention_days * _DAY_S

    async def run(self) -> None:
        """Sweep soon and then every hour, until cancelled."""
        await asyncio.sleep(FIRST_SWEEP_S)
        while True:
            try:
                deleted = await self.sweep()
            except StoreUnavailableError as error:
                log.warning("retention_sweep_failed", error=error)
            else:
                if deleted:
                    log.info("retention_swept", deleted=deleted)
            await asyncio.sleep(SWEEP_INTERVAL_S)

    async def sweep(self) -> int:
        """Delete what is too old; returns how many objects."""
        deleted = 0
        for object_id, age, most_s in _SWEPT:
            before_unix_s = int(self._clock.unix_s() - min(self._retention_s, most_s))
            while batch := await self._sweep_batch(object_id, age, before_unix_s):
                deleted += batch
        return deleted

    async def _sweep_batch(
        self, object_id: Column[str], age: Column[int], before_unix_s: int
    ) -> int:
        async with self._database.writing() as connection:
            found = await connection.execute(
                select(object_id)
                .where(age < before_unix_s)
                .limit(_BATCH)
                .with_for_update(skip_locked=True)
            )
            old = list(found.scalars())
            if old:
                await connection.execute(delete(object_id.table).where(object_id.in_(old)))
        return len(old)
