import asyncio
from itertools import pairwise

import pytest

from orchestrator.coordination.commands import Report
from orchestrator.driver.output import RunOutput
from orchestrator.driver.progress import MIN_SPACING_S, ProgressFeed
from service_kit.clock import SystemClock
from wire.coordination import RunProgress


def lines(output: RunOutput) -> list[RunProgress]:
    return [event for event in output.events if isinstance(event, RunProgress)]


async def progress_beyond(output: RunOutput, count: int) -> None:
    async with asyncio.timeout(5):
        async for _ in output.follow():
            if len(lines(output)) > count:
                return


@pytest.mark.requirement("orchestrator:progress")
async def test_what_comes_fast_is_joined_and_nothing_is_lost() -> None:
    output = RunOutput()
    feed = ProgressFeed(output, SystemClock())
    for number in range(10):
        feed.say(Report(f"line {number}", "info", "ada" if number else None))

    assert [line.text for line in lines(output)] == ["line 0"]
    await progress_beyond(output, 1)
    assert lines(output)[1].text.splitlines() == [f"line {n}" for n in range(1, 10)]
    assert lines(output)[1].agent_id == "ada"


@pytest.mark.requirement("orchestrator:progress")
async def test_there_are_at_most_four_lines_a_second() -> None:
    output, clock = RunOutput(), SystemClock()
    feed, times_s = ProgressFeed(output, clock), list[float]()
    until_s = clock.monotonic_s() + 1.2

    async with asyncio.timeout(5):
        while clock.monotonic_s() < until_s:
            before = len(lines(output))
            feed.say(Report("x", "info"))
            await asyncio.sleep(0.01)
            times_s += [clock.monotonic_s()] * (len(lines(output)) - before)
    feed.finish()

    gaps_s = [later - earlier for earlier, later in pairwise(times_s)]
    assert len(times_s) >= 4
    assert all(gap_s >= MIN_SPACING_S * 0.8 for gap_s in gaps_s)


async def test_the_answer_waits_for_no_progress() -> None:
    output = RunOutput()
    feed = ProgressFeed(output, SystemClock())
    feed.say(Report("one", "info"))
    feed.say(Report("two", "info"))

    feed.finish()

    assert [line.text for line in lines(output)] == ["one", "two"]
