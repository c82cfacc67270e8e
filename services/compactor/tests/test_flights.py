"""Work done once for all who want it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from compactor.flights import Flights
from wire.errors import PlatformInterruptedError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

TIMEOUT_S = 5.0


class Work:
    """Counts its starts and ends; waits until it is told to go on."""

    def __init__(self) -> None:
        self.started = 0
        self.cancelled = 0
        self.begun = asyncio.Event()
        self.over = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self) -> str:
        self.started += 1
        self.begun.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            self.over.set()
            raise
        return "done"


@asynccontextmanager
async def running(flights: Flights[str]) -> AsyncGenerator[asyncio.TaskGroup]:
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        keeper = group.create_task(flights.run())
        await asyncio.sleep(0)
        yield group
        keeper.cancel()


async def waiting(group: asyncio.TaskGroup, flights: Flights[str], work: Work, callers: int):
    tasks = [group.create_task(flights.join(b"k", work)) for _ in range(callers)]
    await work.begun.wait()
    await asyncio.sleep(0)
    return tasks


@pytest.mark.requirement("compaction:cache:single-flight")
async def test_concurrent_callers_share_one_flight_and_one_leads() -> None:
    flights: Flights[str] = Flights()
    work = Work()
    async with running(flights) as group:
        tasks = await waiting(group, flights, work, 3)
        assert flights.has(b"k")
        work.go_on.set()
        results = [await task for task in tasks]

    assert work.started == 1
    assert results == [("done", True), ("done", False), ("done", False)]
    assert flights.under_way == 0


@pytest.mark.requirement("compaction:cache:single-flight")
async def test_a_flight_goes_on_for_who_stays_and_ends_when_the_last_leaves() -> None:
    flights: Flights[str] = Flights()
    work = Work()
    async with running(flights) as group:
        first, second = await waiting(group, flights, work, 2)
        first.cancel()
        await asyncio.wait([first])
        assert work.cancelled == 0

        second.cancel()
        await asyncio.wait([second])
        await work.over.wait()

    assert work.cancelled == 1
    assert flights.under_way == 0


async def test_a_failure_reaches_everybody() -> None:
    flights: Flights[str] = Flights()

    async def fail() -> str:
        raise ValueError("no")

    async with running(flights) as group:
        tasks = [group.create_task(_outcome(flights, fail)) for _ in range(2)]
        outcomes = [await task for task in tasks]

    assert outcomes == ["no", "no"]


async def _outcome(flights: Flights[str], work: object) -> str:
    try:
        await flights.join(b"k", work)  # pyright: ignore[reportArgumentType]
    except ValueError as error:
        return str(error)
    return "fine"


async def test_a_shutdown_interrupts_the_waiting() -> None:
    flights: Flights[str] = Flights()
    work = Work()

    async def wait_for_it() -> None:
        with pytest.raises(PlatformInterruptedError):
            await flights.join(b"k", work)

    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        keeper = group.create_task(flights.run())
        await asyncio.sleep(0)
        waiter = group.create_task(wait_for_it())
        await work.begun.wait()
        keeper.cancel()
        await waiter

    assert work.cancelled == 1


async def test_nothing_starts_before_the_process_runs() -> None:
    flights: Flights[str] = Flights()

    with pytest.raises(ServiceUnavailableError):
        await flights.join(b"k", Work())
