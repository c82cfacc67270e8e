"""Runs that change hands, in SQL."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.store.leases import LeaseBook
from orchestrator.store.reader import Holding, StoreReader
from orchestrator.store.schema import MIGRATIONS, run_calls, runs
from service_kit.sql import create_engine, migrate
from service_kit.testing import FakeClock
from wire.coordination import RunEnded


@pytest.fixture
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine]:
    await migrate(database_url, MIGRATIONS)
    engine = create_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(insert(runs).values(RUN))
        await connection.execute(insert(run_calls).values(CALL))
    yield engine
    await engine.dispose()


RUN = {
    "run_id": "r",
    "tenant_id": "t",
    "request_id": "q",
    "key_id": "k",
    "public_model": "m",
    "panel": "p",
    "status": "in_progress",
    "detached": True,
    "created_unix_s": 1.0,
    "spec": b"{}",
    "owner": "dead",
    "start": b"{}",
}
CALL = {
    "call_id": "c",
    "attempt": 1,
    "run_id": "r",
    "tenant_id": "t",
    "agent_id": "a",
    "phase": "answer",
    "provider": "p",
    "model": "m",
    "upstream_model": "m",
    "started_ms": 7,
}


async def holding(engine: AsyncEngine) -> Holding:
    found = await StoreReader(engine).holding("t", "r")
    assert found is not None
    return found


def leases(engine: AsyncEngine, owner: str = "me") -> LeaseBook:
    return LeaseBook(engine, FakeClock(), owner=owner)


async def test_one_of_two_that_claim_gets_the_run(engine: AsyncEngine) -> None:
    seen = await holding(engine)

    fences = [await leases(engine, owner).claim(seen) for owner in ("me", "you")]

    now = await holding(engine)
    assert fences == [2, None]
    assert (now.owner, now.fence, now.takeovers) == ("me", 2, 1)


async def test_a_run_that_was_let_go_of_does_not_count_as_taken_over(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(runs.update().values(owner=""))

    await leases(engine).claim(await holding(engine))

    assert (await holding(engine)).takeovers == 0


async def test_an_owner_that_has_given_a_sign_since_keeps_its_run(engine: AsyncEngine) -> None:
    seen = await holding(engine)
    late = replace(seen, beat=seen.beat - 1)

    assert await leases(engine).claim(late) is None
    assert not await leases(engine).close(late, RunEnded(status="failed"))


@pytest.mark.requirement("orchestrator:journal:interrupted")
async def test_closing_a_run_tells_its_end_and_closes_its_calls(engine: AsyncEngine) -> None:
    end = RunEnded(status="failed")

    assert await leases(engine).close(await holding(engine), end)

    reader = StoreReader(engine)
    (call,) = await reader.calls("t", "r")
    assert (call.status, call.basis, call.ended_ms) == ("failed", "interrupted", 7)
    assert call.error is not None
    assert len(await reader.outputs("t", "r", 0)) == 1
    assert await reader.start_of("t", "r") is None
    assert await reader.holding("t", "r") is None


async def test_the_first_reason_to_end_a_run_stays(engine: AsyncEngine) -> None:
    for reason in ("first", "second"):
        await leases(engine).ask_to_end("t", "r", reason)
    await leases(engine).ask_to_end("foreign", "r", "third")

    assert await StoreReader(engine).cancellations("dead") == [("r", "first")]
    async with engine.connect() as connection:
        assert (await connection.execute(select(runs.c.status))).scalar() == "in_progress"
