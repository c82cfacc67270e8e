"""Places at a provider: a bounded number, a bounded queue, a bounded wait."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.resilience.concurrency import ConcurrencyLimit
from wire.errors import OverloadedError

WAIT_S = 5.0


@pytest.mark.requirement("providers:concurrency")
async def test_who_finds_no_place_waits_and_who_finds_no_queue_is_refused() -> None:
    limit = ConcurrencyLimit("vendor", 1)
    await limit.acquire(left_s=WAIT_S)

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        waiting = group.create_task(limit.acquire(left_s=WAIT_S))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match="queue is full") as raised:
            await limit.acquire(left_s=WAIT_S)
        was_waiting = not waiting.done()
        limit.release()

    assert was_waiting
    assert raised.value.retry_after_s is not None


@pytest.mark.requirement("providers:concurrency")
@pytest.mark.parametrize(("left_s", "max_wait_s"), [(0.01, WAIT_S), (WAIT_S, 0.01)])
async def test_the_wait_ends_with_the_deadline_or_the_queues_own_bound(
    left_s: float, max_wait_s: float
) -> None:
    limit = ConcurrencyLimit("vendor", 1, max_wait_s=max_wait_s)
    await limit.acquire(left_s=WAIT_S)

    async with asyncio.timeout(WAIT_S):
        with pytest.raises(OverloadedError, match="no place came free"):
            await limit.acquire(left_s=left_s)


@given(st.lists(st.sampled_from(["enter", "leave", "cancel"]), max_size=60))
def test_whoever_comes_goes_or_gives_up_places_are_neither_lost_nor_made(
    steps: list[str],
) -> None:
    asyncio.run(_play(steps))


async def _play(steps: list[str]) -> None:
    limit = ConcurrencyLimit("vendor", 2)
    inside, most_inside = 0, 0

    async def visit(leave: asyncio.Event) -> None:
        nonlocal inside, most_inside
        await limit.acquire(left_s=WAIT_S)
        inside += 1
        most_inside = max(inside, most_inside)
        try:
            await leave.wait()
        finally:
            inside -= 1
            limit.release()

    async with asyncio.timeout(WAIT_S):
        visits: list[tuple[asyncio.Task[None], asyncio.Event]] = []
        async with asyncio.TaskGroup() as group:
            for step in steps:
                if step == "enter" and len(visits) < 4:
                    leave = asyncio.Event()
                    visits.append((group.create_task(visit(leave)), leave))
                elif step == "leave" and visits:
                    visits.pop(0)[1].set()
                elif step == "cancel" and visits:
                    visits.pop()[0].cancel()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            for _, leave in visits:
                leave.set()
        for _ in range(2):
            await limit.acquire(left_s=0.1)

    assert most_inside <= 2
