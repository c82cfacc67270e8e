"""Reading runs back. Every query names the tenant: a foreign run is not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.store.schema import run_calls, run_events, run_outputs, runs
from orchestrator.store.writer import StoreUnavailableError
from wire.conversation import Usage
from wire.coordination import CallRecord
from wire.errors import ErrorInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.engine import RowMapping
    from sqlalchemy.ext.asyncio import AsyncEngine


UNSETTLED = ("estimated", "interrupted")  # bases that a vendor may still correct


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
    cancel_reason: str | None
    record: bytes | None


@dataclass(frozen=True, slots=True)
class Holding:
    """A run under way and its owner, as `schema.runs` describes them."""

    run_id: str
    tenant_id: str
    owner: str
    beat: int
    fence: int
    takeovers: int
    detached: bool
    created_unix_s: float
    cancel_reason: str | None


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

    async def calls(self, tenant_id: str, run_id: str) -> tuple[CallRecord, ...]:
        """Every attempt that has ended, in the order they left."""
        return call_records(await self._all(ended_calls(tenant_id, run_id)))

    async def under_way(self) -> list[Holding]:
        """Every run that has not ended, of any team and process."""
        return await self._holdings()

    async def holding(self, tenant_id: str, run_id: str) -> Holding | None:
        """Who holds a run, while it is under way."""
        found = await self._holdings(runs.c.tenant_id == tenant_id, runs.c.run_id == run_id)
        return found[0] if found else None

    async def cancellations(self, owner: str) -> list[tuple[str, str]]:
        """Ids and reasons of the runs of `owner` that somebody wants ended."""
        query = select(runs.c.run_id, runs.c.cancel_reason).where(
            runs.c.status == "in_progress",
            runs.c.owner == owner,
            runs.c.cancel_reason.is_not(None),
        )
        return [(row["run_id"], row["cancel_reason"]) for row in await self._all(query)]

    async def start_of(self, tenant_id: str, run_id: str) -> bytes | None:
        """The `StartRun` of a detached run under way."""
        query = select(runs.c.start).where(runs.c.tenant_id == tenant_id, runs.c.run_id == run_id)
        rows = await self._all(query)
        return bytes(rows[0]["start"]) if rows and rows[0]["start"] is not None else None

    async def check(self) -> str | None:
        """For readiness: what is wrong with the database."""
        try:
            await self._all(select(runs.c.run_id).limit(1))
        except StoreUnavailableError:
            return "the database does not answer"
        return None

    async def _holdings(self, *conditions: ColumnElement[bool]) -> list[Holding]:
        query = _HOLDING.where(runs.c.status == "in_progress", *conditions)
        return [Holding(**row) for row in await self._all(query)]

    async def _one(self, query: Select[*tuple[Any, ...]]) -> StoredRun | None:
        rows = await self._all(query)
        return StoredRun(**rows[0]) if rows else None

    async def _all(self, query: Select[*tuple[Any, ...]]) -> list[RowMapping]:
        try:
            async with self._engine.connect() as connection:
                return list((await connection.execute(query)).mappings())
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailableError from error


def ended_calls(tenant_id: str, run_id: str) -> Select[*tuple[Any, ...]]:
    """A run's attempts that have ended, in the order they left."""
    return (
        select(run_calls)
        .where(run_calls.c.tenant_id == tenant_id, run_calls.c.run_id == run_id)
        .where(run_calls.c.status.is_not(None))
        .order_by(run_calls.c.started_ms, run_calls.c.call_id, run_calls.c.attempt)
    )


def call_records(rows: Iterable[RowMapping]) -> tuple[CallRecord, ...]:
    """Rows of `ended_calls` as they are told."""
    return tuple(_call_record(row) for row in rows)


def _call_record(row: RowMapping) -> CallRecord:
    columns = {name: row[name] for name in _CALL_COLUMNS}
    return CallRecord(
        **columns,
        usage=Usage(
            input_tokens=row["input_tokens"] or 0,
            output_tokens=row["output_tokens"] or 0,
            cached_tokens=row["cached_tokens"] or 0,
            reasoning_tokens=row["reasoning_tokens"] or 0,
            cache_write_tokens=row["cache_write_tokens"] or 0,
            estimated=row["basis"] in UNSETTLED,
        ),
        error=None if row["error"] is None else _decode_error(bytes(row["error"])),
    )


_decode_error = msgspec.json.Decoder(ErrorInfo).decode
_CALL_COLUMNS = (
    "call_id",
    "attempt",
    "agent_id",
    "phase",
    "provider",
    "model",
    "upstream_model",
    "status",
    "basis",
    "started_ms",
    "ended_ms",
    "first_token_ms",
    "cost_nano_usd",
)
_HOLDING: Select[*tuple[Any, ...]] = select(
    runs.c.run_id,
    runs.c.tenant_id,
    runs.c.owner,
    runs.c.beat,
    runs.c.fence,
    runs.c.takeovers,
    runs.c.detached,
    runs.c.created_unix_s,
    runs.c.cancel_reason,
)
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
    runs.c.cancel_reason,
    runs.c.record,
)
