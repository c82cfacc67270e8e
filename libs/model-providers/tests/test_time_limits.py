import asyncio
from typing import Any

import pytest

from model_providers.time_limits import TimeLimits


async def _never() -> None:
    await asyncio.get_running_loop().create_future()


@pytest.mark.requirement("providers:timeouts:one-timer")
async def test_a_wait_that_takes_too_long_ends_in_a_timeout() -> None:
    limits = TimeLimits()

    with pytest.raises(TimeoutError), limits.within(0.01):
        await _never()

    await asyncio.sleep(0)  # and no cancellation is left behind


async def test_a_wait_that_ends_in_time_is_left_alone() -> None:
    limits = TimeLimits()

    with limits.within(0.01):
        await asyncio.sleep(0)
    await asyncio.sleep(0.02)


async def test_the_earliest_limit_ends_first_whoever_came_first() -> None:
    limits, ended = TimeLimits(), list[str]()

    async def wait(name: str, seconds: float) -> None:
        with pytest.raises(TimeoutError), limits.within(seconds):
            await _never()
        ended.append(name)

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for name, seconds in (("last", 0.03), ("first", 0.01), ("second", 0.02)):
            tasks.create_task(wait(name, seconds))

    assert ended == ["first", "second", "last"]


async def test_many_waits_cost_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, loop = TimeLimits(), asyncio.get_running_loop()
    armed = list[float]()
    call_at = loop.call_at

    def noted(when: float, *rest: Any) -> asyncio.TimerHandle:  # noqa: ANN401
        armed.append(when)
        return call_at(when, *rest)

    monkeypatch.setattr(loop, "call_at", noted)

    for _ in range(100):
        with limits.within(60):
            pass

    assert len(armed) == 1


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    limits = TimeLimits()

    async def wait() -> None:
        with limits.within(60):
            await _never()

    task = asyncio.get_running_loop().create_task(wait())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_bodys_own_failure_is_raised() -> None:
    limits = TimeLimits()

    with pytest.raises(ValueError, match="its own"), limits.within(0.01):
        raise ValueError("its own")


async def test_the_inner_of_two_limits_does_not_end_the_outer() -> None:
    limits = TimeLimits()

    with limits.within(60):
        with pytest.raises(TimeoutError), limits.within(0.01):
            await _never()
        await asyncio.sleep(0)
