import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Table, event, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.store.schema import MIGRATIONS, run_calls, run_events, run_outputs, runs
from orchestrator.store.transactions import Transactions, open_transactions
from orchestrator.store.writer import (
    QUEUE_SIZE,
    DuplicateRowError,
    FenceLostError,
    StoreUnavailableError,
    StoreWriter,
)
from orchestrator.store.writes import (
    CallJournalled,
    CallSettled,
    FenceHeld,
    LeasesRenewed,
    LoggedEvent,
    OutputSaid,
    RunClosed,
    RunOpened,
)
from service_kit.sql import create_engine, migrate
from wire.conversation import Usage

WAIT_S = 5


def opened(run_id: str = "r1") -> RunOpened:
    return RunOpened(
        run_id=run_id,
        tenant_id="t",
        request_id="q",
        key_id="k",
        public_model="council",
        panel="council",
        detached=False,
        created_unix_s=1.0,
        spec=b"{}",
    )


def journalled(call_id: str = "c1") -> CallJournalled:
    return CallJournalled(
        run_id="r1",
        tenant_id="t",
        call_id=call_id,
        attempt=1,
        agent_id="ada",
        phase="answer",
        provider="p",
        model="m",
        upstream_model="m",
        reserved_output_tokens=10,
        started_ms=1,
    )


def settled(call_id: str = "c1") -> CallSettled:
    return CallSettled(
        call_id=call_id,
        attempt=1,
        status="completed",
        basis="reported",
        usage=Usage(10, 5, 2),
        ended_ms=9,
        first_token_ms=3,
        cost_nano_usd=2**40,
        error=None,
    )


def closed(run_id: str = "r1") -> RunClosed:
    return RunClosed(
        run_id=run_id,
        tenant_id="t",
        status="completed",
        ended_unix_s=2.0,
        record=b"record",
        log=[LoggedEvent(0, 0, "run_admitted", b"{}"), LoggedEvent(1, 5, "run_finished", b"{}")],
    )


@pytest.fixture
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine]:
    await migrate(database_url, MIGRATIONS)
    engine = create_engine(database_url)
    yield engine
    await engine.dispose()


def transactions_beside(engine: AsyncEngine) -> Transactions:
    return open_transactions(engine.url.render_as_string(hide_password=False))


@asynccontextmanager
async def writing(
    engine: AsyncEngine, timeout_s: float = WAIT_S, *, transactions: Transactions | None = None
) -> AsyncGenerator[StoreWriter]:
    writer = StoreWriter(transactions or transactions_beside(engine), timeout_s=timeout_s)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(writer.run())
        yield writer
        task.cancel()


def beside(engine: AsyncEngine) -> AsyncEngine:
    """Another engine on the same database: the writer keeps its connection to itself."""
    return create_engine(engine.url.render_as_string(hide_password=False))


async def count(engine: AsyncEngine, table: Table) -> int:
    other = beside(engine)
    async with other.connect() as connection:
        found = await connection.execute(select(func.count()).select_from(table))
        rows = found.scalar_one()
    await other.dispose()
    return rows


async def test_what_is_committed_is_there(engine: AsyncEngine) -> None:
    async with writing(engine) as writer:
        await writer.commit(opened(), journalled())

        assert await count(engine, runs) == 1
        assert await count(engine, run_calls) == 1


async def test_a_batch_keeps_the_order_that_its_rows_need(engine: AsyncEngine) -> None:
    async with writing(engine) as writer:
        await writer.commit(closed(), settled(), journalled(), opened())

    async with engine.connect() as connection:
        call = (await connection.execute(select(run_calls))).mappings().one()
        run = (await connection.execute(select(runs))).mappings().one()
        events = (await connection.execute(select(run_events.c.type))).scalars().all()
    assert (call["status"], call["input_tokens"], call["cost_nano_usd"]) == ("completed", 10, 2**40)
    assert (run["status"], run["record"]) == ("completed", b"record")
    assert list(events) == ["run_admitted", "run_finished"]


async def test_what_waits_together_is_one_transaction(engine: AsyncEngine) -> None:
    commits = 0

    def note(_connection: object) -> None:
        nonlocal commits
        commits += 1

    transactions = transactions_beside(engine)
    event.listen(transactions.sync_engine, "commit", note)
    async with writing(engine, transactions=transactions) as writer, asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(writer.commit(opened(f"r{number}")))

    assert commits <= 3


async def test_a_duplicate_is_refused_and_its_neighbours_are_written(engine: AsyncEngine) -> None:
    async with writing(engine) as writer:
        await writer.commit(opened("r1"))
        results = await asyncio.gather(
            writer.commit(opened("r1")),
            writer.commit(opened("r2")),
            return_exceptions=True,
        )

    assert isinstance(results[0], DuplicateRowError)
    assert results[1] is None
    assert await count(engine, runs) == 2


@pytest.mark.requirement("orchestrator:journal:before-first-byte")
async def test_a_database_that_is_locked_is_a_typed_error_in_time(
    engine: AsyncEngine, database_url: str
) -> None:
    other = create_engine(database_url)
    async with writing(engine, timeout_s=0.2) as writer:
        async with other.begin() as connection:
            if connection.dialect.name == "postgresql":  # SQLite's one lock is held by now
                await connection.execute(text("LOCK TABLE runs"))
            with pytest.raises(StoreUnavailableError) as raised:
                async with asyncio.timeout(WAIT_S):
                    await writer.commit(opened())
        await other.dispose()

    assert raised.value.status == 503


async def test_a_failed_statement_is_a_typed_error_and_the_writer_goes_on(
    engine: AsyncEngine,
) -> None:
    async with writing(engine) as writer:
        other = beside(engine)
        async with other.begin() as connection:
            await connection.execute(text("ALTER TABLE run_outputs RENAME TO elsewhere"))
        await other.dispose()
        with pytest.raises(StoreUnavailableError):
            await writer.commit(OutputSaid(run_id="r", tenant_id="t", seq=1, payload=b"{}"))

        await writer.commit(opened())
        assert writer.failed_writes == 1
    assert await count(engine, runs) == 1


async def test_what_is_enqueued_is_written_before_the_writer_ends(engine: AsyncEngine) -> None:
    async with writing(engine) as writer:
        await writer.commit(opened())
        for number in range(100):
            await writer.enqueue(OutputSaid(run_id="r", tenant_id="t", seq=number, payload=b"{}"))

    assert await count(engine, run_outputs) == 100


async def test_writes_that_nobody_waits_for_go_with_the_next_that_somebody_does(
    engine: AsyncEngine,
) -> None:
    async with writing(engine) as writer:
        await writer.commit(opened())
        for number in range(5):
            await writer.enqueue(OutputSaid(run_id="r", tenant_id="t", seq=number, payload=b"{}"))
        assert writer.waiting == 5

        await writer.commit(journalled())

        assert writer.waiting == 0
        assert await count(engine, run_outputs) == 5


async def test_held_writes_do_not_wait_for_long(engine: AsyncEngine) -> None:
    written, loop = asyncio.Event(), asyncio.get_running_loop()

    def note(_connection: object) -> None:
        loop.call_soon_threadsafe(written.set)

    transactions = transactions_beside(engine)
    async with writing(engine, transactions=transactions) as writer:
        await writer.commit(opened())
        event.listen(transactions.sync_engine, "commit", note)
        await writer.enqueue(journalled())
        async with asyncio.timeout(WAIT_S):
            await written.wait()

    assert await count(engine, run_calls) == 1


@pytest.mark.requirement("orchestrator:runs:idempotent")
async def test_a_refused_run_takes_its_calls_with_it(engine: AsyncEngine) -> None:
    async with writing(engine) as writer:
        await writer.commit(opened("r1"))
        results = await asyncio.gather(
            writer.commit(opened("r1")), writer.commit(journalled()), return_exceptions=True
        )

    assert [type(result) for result in results] == [DuplicateRowError] * 2
    assert await count(engine, run_calls) == 0


async def test_a_full_queue_refuses_at_once_or_makes_its_caller_wait(engine: AsyncEngine) -> None:
    writer = StoreWriter(transactions_beside(engine), timeout_s=0.1)
    for number in range(QUEUE_SIZE):
        await writer.enqueue(OutputSaid(run_id="r", tenant_id="t", seq=number, payload=b"{}"))

    with pytest.raises(StoreUnavailableError):
        writer.submit(opened())
    with pytest.raises(StoreUnavailableError):
        await writer.enqueue(opened())


@pytest.mark.requirement("orchestrator:runs:fence")
async def test_what_is_written_for_a_run_that_has_changed_hands_is_refused_and_nothing_else(
    engine: AsyncEngine,
) -> None:
    async with writing(engine) as writer:
        await writer.commit(opened("r1"), opened("r2"))
        other = beside(engine)
        async with other.begin() as connection:
            await connection.execute(text("UPDATE runs SET fence = 2 WHERE run_id = 'r1'"))
        await other.dispose()

        lost = writer.submit(FenceHeld("r1", 1), journalled("c1"))
        held = writer.submit(FenceHeld("r2", 1), journalled("c2"))

        with pytest.raises(FenceLostError):
            await writer.confirm(lost)
        await writer.confirm(held)
    async with engine.connect() as connection:
        kept = (await connection.execute(select(run_calls.c.call_id))).scalars().all()
    assert list(kept) == ["c2"]


async def test_a_process_renews_only_its_own_runs_that_are_under_way(engine: AsyncEngine) -> None:
    mine, theirs = (replace(opened(name), owner=name) for name in ("me", "they"))
    async with writing(engine) as writer:
        await writer.commit(mine, theirs, replace(opened("done"), owner="me"), closed("done"))
        await writer.commit(LeasesRenewed("me"), LeasesRenewed("me"))

    async with engine.connect() as connection:
        found = (await connection.execute(select(runs.c.run_id, runs.c.beat))).all()
        beats = {row.run_id: row.beat for row in found}
    assert beats == {"me": 1, "they": 0, "done": 0}
