"""Reading runs back. Every query names the tenant: a foreign run is not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.store.schema import run_calls, run_events, run_outputs, runs
from orchestrator.store.writer import StoreUnavailableError

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.engine import RowMapping
    from sqlalchemy.ext.asyncio import AsyncEngine


@dataclass(frozen=True, slots=True)
class StoredRun:
    """`record` None: the run has not ended, or its process died."""

    run_id: str
    request_id: str
    tenant_id: str
    key_id: str
    public_model: str
    panel: str
    status: str
    detached: bool
    created_unix_s: float
    record: bytes | None


class StoreReader:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(self, tenant_id: str, run_id: str) -> StoredRun | None:
        return await self._one(_RUN.where(runs.c.tenant_id == tenant_id, runs.c.run_id == run_id))

    async def run_of_request(self, tenant_id: str, request_id: str) -> StoredRun | None:
        """The newest run of this request."""
        query = _RUN.where(runs.c.tenant_id == tenant_id, runs.c.request_id == request_id)
        return await self._one(query.order_by(runs.c.created_unix_s.desc()).limit(1))

    async def log(self, tenant_id: str, run_id: str) -> list[bytes]:
        """The core's event list; empty when answers are not kept."""
        query = (
            select(run_events.c.payload)
            .where(run_events.c.tenant_id == tenant_id, run_events.c.run_id == run_id)
            .order_by(run_events.c.seq)
        )
        return [bytes(row["payload"]) for row in await self._all(query)]

    async def outputs(self, tenant_id: str, run_id: str, after: int) -> list[bytes]:
        """A detached run's output events above `after`."""
        query = (
            select(run_outputs.c.payload)
            .where(run_outputs.c.tenant_id == tenant_id, run_outputs.c.run_id == run_id)
            .where(run_outputs.c.seq > after)
            .order_by(run_outputs.c.seq)
        )
        return [bytes(row["payload"]) for row in await self._all(query)]

    async def calls_in_flight(self, tenant_id: str, run_id: str) -> int:
        query = select(run_calls.c.call_id).where(
            run_calls.c.tenant_id == tenant_id,
            run_calls.c.run_id == run_id,
            run_calls.c.status.is_(None),
        )
        return len(await self._all(query))

    async def check(self) -> str | None:
        """For readiness: what is wrong with the database."""
        try:
            await self._all(select(runs.c.run_id).limit(1))
        except StoreUnavailableError:
            return "the database does not answer"
        return None

    async def _one(self, query: Select[*tuple[Any, ...]]) -> StoredRun | None:
        rows = await self._all(query)
        return StoredRun(**rows[0]) if rows else None

    async def _all(self, query: Select[*tuple[Any, ...]]) -> list[RowMapping]:
        try:
            async with self._engine.connect() as connection:
                return list((await connection.execute(query)).mappings())
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailableError from error


_RUN: Select[*tuple[Any, ...]] = select(
    runs.c.run_id,
    runs.c.request_id,
    runs.c.tenant_id,
    runs.c.key_id,
    runs.c.public_model,
    runs.c.panel,
    runs.c.status,
    runs.c.detached,
    runs.c.created_unix_s,
    runs.c.record,
)
