"""Calls without the vendor's count, and their correction, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import insert, select

from orchestrator.store.reader import StoreReader
from orchestrator.store.schema import MIGRATIONS, run_calls, runs
from orchestrator.store.usage_book import UsageBook
from orchestrator.store.writer import StoreUnavailableError
from service_kit.sql import create_engine, migrate
from services.orchestrator.tests.store.test_leases import CALL, RUN
from wire.conversation import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from wire.coordination import CallRecord

pytestmark = pytest.mark.requirement("orchestrator:usage:looked-up")

ENDED = {"status": "cancelled", "basis": "estimated", "ended_ms": 9, "output_tokens": 1}


@pytest.fixture
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine]:
    await migrate(database_url, MIGRATIONS)
    engine = create_engine(database_url)
    async with engine.begin() as connection:
        ended = {**RUN, "status": "completed", "record": b"before", "spec": b"spec"}
        await connection.execute(insert(runs).values({**ended, "created_unix_s": 5.0}))
        for run_id, created, status in (("old", 1.0, "failed"), ("on", 9.0, "in_progress")):
            row = {**RUN, "run_id": run_id, "created_unix_s": created, "status": status}
            await connection.execute(insert(runs).values(row))
            await connection.execute(
                insert(run_calls).values({**CALL, **ENDED, "run_id": run_id, "call_id": run_id})
            )
        for call_id, basis in (("c", "estimated"), ("d", "interrupted"), ("e", "reported")):
            row = {**CALL, **ENDED, "call_id": call_id, "basis": basis}
            await connection.execute(insert(run_calls).values(row))
    yield engine
    await engine.dispose()


async def calls_of(engine: AsyncEngine) -> dict[str, CallRecord]:
    return {call.call_id: call for call in await StoreReader(engine).calls("t", "r")}


def told(call: CallRecord) -> CallRecord:
    return msgspec.structs.replace(
        call, basis="looked_up", usage=Usage(70, 7, 1, 2, 3), cost_nano_usd=9
    )


async def record_of(engine: AsyncEngine, run_id: str) -> object:
    async with engine.connect() as connection:
        return await connection.scalar(select(runs.c.record).where(runs.c.run_id == run_id))


async def test_only_ended_runs_that_are_not_too_old_are_found(engine: AsyncEngine) -> None:
    book = UsageBook(engine)

    assert await book.unsettled_runs(since_unix_s=0, at_most=9) == ["r", "old"]
    assert await book.unsettled_runs(since_unix_s=0, at_most=1) == ["r"]
    assert await book.unsettled_runs(since_unix_s=2, at_most=9) == ["r"]


async def test_a_run_comes_with_those_calls_that_nobody_counted(engine: AsyncEngine) -> None:
    found = await UsageBook(engine).unsettled("r")

    assert found is not None
    assert found.spec == b"spec"
    assert [(call.call_id, call.usage.estimated) for call in found.calls] == [
        ("c", True),
        ("d", True),
    ]
    assert await UsageBook(engine).unsettled("on") is None
    assert await UsageBook(engine).unsettled("gone") is None


async def test_a_call_is_corrected_once_and_its_runs_record_with_it(engine: AsyncEngine) -> None:
    book = UsageBook(engine)
    before = await calls_of(engine)
    calls = [told(before[name]) for name in ("c", "d", "e")]

    settled = [await book.settle("r", calls, lambda old: old + b"+") for _ in range(2)]

    assert settled == [True, False]
    after = await calls_of(engine)
    assert (after["c"], after["d"]) == (calls[0], calls[1])
    assert after["e"] == before["e"]
    assert await record_of(engine, "r") == b"before+"
    assert await book.unsettled("r") is None


async def test_a_record_that_cannot_be_corrected_leaves_its_calls_alone(
    engine: AsyncEngine,
) -> None:
    book = UsageBook(engine)
    before = await calls_of(engine)

    def fail(_: bytes) -> bytes:
        raise msgspec.ValidationError

    with pytest.raises(msgspec.ValidationError):
        await book.settle("r", [told(before["c"])], fail)

    assert await calls_of(engine) == before


async def test_a_run_without_a_record_has_its_calls_corrected(engine: AsyncEngine) -> None:
    book = UsageBook(engine)
    found = await book.unsettled("old")
    assert found is not None

    assert await book.settle("old", [told(found.calls[0])], bytes.upper)

    assert await record_of(engine, "old") is None
    assert await book.unsettled("old") is None


async def test_a_store_that_is_away_is_said_to_be() -> None:
    engine = create_engine("sqlite:////nowhere/at/all.sqlite3")

    with pytest.raises(StoreUnavailableError):
        await UsageBook(engine).unsettled("r")
    await engine.dispose()
