import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from orchestrator.store.transactions import (
    Checkpoints,
    LoopTransactions,
    ThreadTransactions,
    open_transactions,
)

WAIT_S = 5


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'o.sqlite3'}"


def make_table(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE notes (note TEXT)"))


def note(connection: Connection) -> None:
    connection.execute(text("INSERT INTO notes VALUES ('x')"))


async def count(transactions: ThreadTransactions | LoopTransactions) -> int:
    found: list[int] = []

    def work(connection: Connection) -> None:
        found.append(connection.execute(text("SELECT count(*) FROM notes")).scalar_one())

    await transactions.run(work)
    return found[0]


async def test_a_transaction_is_whole_and_off_the_loop(url: str) -> None:
    transactions = ThreadTransactions(url)
    threads: list[str] = []

    def fail(connection: Connection) -> None:
        threads.append(threading.current_thread().name)
        note(connection)
        raise ValueError("no")

    await transactions.run(make_table)
    with pytest.raises(ValueError, match="no"):
        await transactions.run(fail)
    await transactions.run(note)

    assert await count(transactions) == 1
    assert threads[0].startswith("store")
    await transactions.disconnect()


async def test_a_transaction_amid_which_its_task_was_cancelled_is_known_to_have_come_through(
    url: str,
) -> None:
    transactions = ThreadTransactions(url)
    await transactions.run(make_table)
    begun, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: Connection) -> None:
        loop.call_soon_threadsafe(begun.set)
        may_end.wait(WAIT_S)
        note(connection)

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        task = group.create_task(transactions.run(slow))
        await begun.wait()
        task.cancel()
        await asyncio.wait({task})
        may_end.set()
        came_through = await transactions.came_through()

    assert task.cancelled()
    assert came_through
    assert await count(transactions) == 1
    await transactions.disconnect()


async def test_after_a_disconnection_the_next_transaction_connects_again(url: str) -> None:
    transactions = ThreadTransactions(url)
    await transactions.run(make_table)
    await transactions.disconnect()

    await transactions.run(note)

    assert await count(transactions) == 1
    await transactions.disconnect()


async def test_each_kind_of_database_has_its_way(url: str) -> None:
    thread = open_transactions(url)
    loop = open_transactions("postgresql://user:password@localhost/o")

    assert isinstance(thread, ThreadTransactions)
    assert isinstance(loop, LoopTransactions)


async def test_a_commit_makes_no_checkpoint_and_checkpoints_do(url: str, tmp_path: Path) -> None:
    transactions, checkpoints = ThreadTransactions(url), Checkpoints(url)
    database = tmp_path / "o.sqlite3"
    await transactions.run(make_table)

    def much(connection: Connection) -> None:
        rows = [{"note": "x" * 4000} for _ in range(2000)]
        connection.execute(text("INSERT INTO notes VALUES (:note)"), rows)

    await transactions.run(much)
    before = database.stat().st_size
    await asyncio.to_thread(checkpoints.make)

    assert before < 1_000_000 < database.stat().st_size
    checkpoints.close()
    await transactions.disconnect()


async def test_postgresql_needs_no_checkpoints_of_ours() -> None:
    async with asyncio.timeout(WAIT_S):
        await Checkpoints("postgresql://user:password@localhost/o").run()
