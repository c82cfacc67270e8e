from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.store.schema import MIGRATIONS, run_calls, runs
from orchestrator.store.upkeep import RetentionSweep
from service_kit.sql import create_engine, migrate
from service_kit.testing import FakeClock

DAY_S = 86_400


@pytest.fixture
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine]:
    await migrate(database_url, MIGRATIONS)
    engine = create_engine(database_url)
    yield engine
    await engine.dispose()


async def add_run(engine: AsyncEngine, run_id: str, created_unix_s: float, status: str) -> None:
    run = {
        "run_id": run_id,
        "tenant_id": "t",
        "request_id": "q",
        "key_id": "k",
        "public_model": "m",
        "panel": "p",
        "status": status,
        "detached": False,
        "created_unix_s": created_unix_s,
        "spec": b"{}",
    }
    call = {
        "call_id": run_id,
        "attempt": 1,
        "run_id": run_id,
        "tenant_id": "t",
        "agent_id": "a",
        "phase": "answer",
        "provider": "p",
        "model": "m",
        "upstream_model": "m",
        "started_ms": 0,
    }
    async with engine.begin() as connection:
        await connection.execute(insert(runs).values(run))
        await connection.execute(insert(run_calls).values(call))


async def statuses(engine: AsyncEngine) -> dict[str, str]:
    async with engine.connect() as connection:
        rows = await connection.execute(select(runs.c.run_id, runs.c.status))
        return {row[0]: row[1] for row in rows.all()}


async def test_runs_past_their_retention_go_with_everything_of_theirs(engine: AsyncEngine) -> None:
    clock = FakeClock()
    now_s = clock.unix_s()
    await add_run(engine, "old", now_s - 31 * DAY_S, "completed")
    await add_run(engine, "old-but-running", now_s - 31 * DAY_S, "in_progress")
    await add_run(engine, "fresh", now_s - 29 * DAY_S, "completed")

    deleted = await RetentionSweep(
        engine, clock, retention_days=30, score_retention_days=60
    ).sweep()

    assert deleted == 1
    assert set(await statuses(engine)) == {"old-but-running", "fresh"}
    async with engine.connect() as connection:
        calls = (await connection.execute(select(run_calls.c.run_id))).scalars().all()
    assert set(calls) == {"old-but-running", "fresh"}
