"""Work that outlives the cancellation of whoever waits for it."""

import asyncio

import pytest

from model_providers import uncancelled

WAIT_S = 5.0


async def test_the_result_comes_back() -> None:
    async def work() -> int:
        return 7

    assert await uncancelled.finish(work(), timeout_s=WAIT_S) == 7


async def test_the_works_own_error_comes_back() -> None:
    async def work() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await uncancelled.finish(work(), timeout_s=WAIT_S)


async def test_a_cancellation_waits_until_the_work_is_done() -> None:
    began, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        await may_end.wait()
        ended.set()

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        waiter = group.create_task(uncancelled.finish(work(), timeout_s=WAIT_S))
        await began.wait()
        waiter.cancel()
        waiter.cancel()
        await asyncio.sleep(0)
        still_waiting = not waiter.done()
        may_end.set()
        await ended.wait()

    assert still_waiting
    assert waiter.cancelled()


async def test_a_cancellation_wins_over_the_works_error() -> None:
    began, may_end = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        await may_end.wait()
        raise LookupError

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        waiter = group.create_task(uncancelled.finish(work(), timeout_s=WAIT_S))
        await began.wait()
        waiter.cancel()
        may_end.set()

    assert waiter.cancelled()


async def test_work_without_end_is_cancelled_at_its_timeout() -> None:
    stopped = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    with pytest.raises(TimeoutError):
        await uncancelled.finish(work(), timeout_s=0.01)

    assert stopped.is_set()


def test_work_that_never_waits_is_done_on_the_spot() -> None:
    async def work() -> int:
        return 7

    assert uncancelled.at_once(work()) == 7


async def test_work_that_waits_after_all_is_refused() -> None:
    async def work() -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="work said that it never waits"):
        uncancelled.at_once(work())
