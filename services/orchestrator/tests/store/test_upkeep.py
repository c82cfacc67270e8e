from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.store.schema import MIGRATIONS, run_calls, runs
from orchestrator.store.upkeep import RetentionSweep, mark_interrupted
from service_kit.sql import create_engine, migrate
from service_kit.testing import FakeClock

DAY_S = 86_400


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncGenerator[AsyncEngine]:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    await migrate(url, MIGRATIONS)
    engine = create_engine(url)
    yield engine
    await engine.dispose()


async def add_run(engine: AsyncEngine, run_id: str, created_unix_s: float, status: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO runs (run_id, tenant_id, request_id, key_id, public_model, panel,"
                " status, detached, created_unix_s, spec)"
                " VALUES (:run_id, 't', 'q', 'k', 'm', 'p', :status, 0, :created, x'7b7d')"
            ),
            {"run_id": run_id, "status": status, "created": created_unix_s},
        )
        await connection.execute(
            text(
                "INSERT INTO run_calls (call_id, attempt, run_id, tenant_id, agent_id, phase,"
                " provider, model, upstream_model, started_ms)"
                " VALUES (:run_id, 1, :run_id, 't', 'a', 'answer', 'p', 'm', 'm', 0)"
            ),
            {"run_id": run_id},
        )


async def statuses(engine: AsyncEngine) -> dict[str, str]:
    async with engine.connect() as connection:
        rows = await connection.execute(select(runs.c.run_id, runs.c.status))
        return {row[0]: row[1] for row in rows.all()}


@pytest.mark.requirement("orchestrator:journal:interrupted")
async def test_what_a_dead_process_left_open_is_closed_as_interrupted(engine: AsyncEngine) -> None:
    await add_run(engine, "open", 1.0, "in_progress")
    await add_run(engine, "done", 1.0, "completed")

    assert await mark_interrupted(engine, FakeClock()) == 1

    assert await statuses(engine) == {"open": "failed", "done": "completed"}
    async with engine.connect() as connection:
        calls = (await connection.execute(select(run_calls.c.basis))).scalars().all()
    assert set(calls) == {"interrupted"}


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
