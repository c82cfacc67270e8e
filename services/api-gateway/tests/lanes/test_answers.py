"""Several answers as one: in order, bounded, cancelled together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from api_gateway.admission.auth import Caller
from api_gateway.lanes.answers import AnswerItem, Answers, Turn, answering
from wire.conversation import ChoiceFinished, GenerationRequest, TextDelta, Usage, UsageReported
from wire.coordination import RunEnded, RunProgress
from wire.deadline import Deadline
from wire.errors import OverloadedError, PlatformFaultError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

WAIT_S = 5.0


def turn(run_id: str = "run_1") -> Turn:
    return Turn(
        request=GenerationRequest(items=()),
        request_id="req_1",
        run_id=run_id,
        caller=Caller("key_1", "default"),
        public_model="m",
        deadline=Deadline(1e9),
    )


class Source:
    """Answers with a script; `closed` counts the generators that were closed."""

    def __init__(self, script: Callable[[Turn], AsyncGenerator[AnswerItem]]) -> None:
        self._script = script
        self.closed = 0

    async def stream(self, turn: Turn) -> AsyncGenerator[AnswerItem]:
        try:
            async for item in self._script(turn):
                yield item
        finally:
            self.closed += 1


async def everything(answers: Answers) -> list[AnswerItem]:
    items: list[AnswerItem] = []
    async with asyncio.timeout(WAIT_S):
        while (some := await answers.next()) is not None:
            items += some
    return items


async def test_one_answer_comes_in_order() -> None:
    async def script(_: Turn) -> AsyncGenerator[AnswerItem]:
        for number in range(200):
            yield TextDelta(str(number))
        yield ChoiceFinished("stop")

    async with answering(Source(script), [turn()]) as answers:
        items = await everything(answers)

    assert items[:-1] == [TextDelta(str(number)) for number in range(200)]
    assert answers.ended


async def test_each_turns_events_belong_to_its_choice() -> None:
    async def script(turn: Turn) -> AsyncGenerator[AnswerItem]:
        yield RunProgress(turn.run_id)
        yield TextDelta(turn.run_id)
        yield ChoiceFinished("stop")
        yield UsageReported(Usage(1, 1))
        yield RunEnded("completed")

    async with answering(Source(script), [turn("a"), turn("b")]) as answers:
        items = await everything(answers)

    assert {(i.text, i.choice) for i in items if isinstance(i, TextDelta)} == {("a", 0), ("b", 1)}
    assert {i.choice for i in items if isinstance(i, ChoiceFinished)} == {0, 1}
    assert len(items) == 10


async def test_what_came_before_a_failure_is_handed_out_first() -> None:
    async def script(_: Turn) -> AsyncGenerator[AnswerItem]:
        yield TextDelta("a")
        raise OverloadedError("full")

    async with answering(Source(script), [turn()]) as answers:
        first = await answers.next(WAIT_S)
        with pytest.raises(OverloadedError):
            await answers.next(WAIT_S)

    assert first == [TextDelta("a")]


async def test_a_crash_is_a_fault_of_ours_without_its_text() -> None:
    async def script(_: Turn) -> AsyncGenerator[AnswerItem]:
        yield TextDelta("a")
        raise ValueError("secret")

    async with answering(Source(script), [turn()]) as answers:
        await answers.next(WAIT_S)
        with pytest.raises(PlatformFaultError) as fault:
            await answers.next(WAIT_S)

    assert "secret" not in fault.value.message


async def test_waiting_ends_with_nothing_when_the_time_is_over() -> None:
    async def script(_: Turn) -> AsyncGenerator[AnswerItem]:
        await asyncio.Event().wait()
        yield TextDelta("never")

    source = Source(script)
    async with answering(source, [turn(), turn()]) as answers:
        assert await answers.next(0.01) == []

    assert source.closed == 2


async def test_leaving_early_closes_every_source() -> None:
    async def script(_: Turn) -> AsyncGenerator[AnswerItem]:
        yield TextDelta("a")
        await asyncio.Event().wait()

    async def leave(source: Source) -> None:
        async with answering(source, [turn(), turn()]) as answers:
            await answers.next(WAIT_S)
            raise KeyError

    source = Source(script)
    with pytest.raises(KeyError):
        await leave(source)

    assert source.closed == 2


async def test_a_slow_reader_holds_back_the_source() -> None:
    produced = 0

    async def script(_: Turn) -> AsyncGenerator[AnswerItem]:
        nonlocal produced
        while True:
            produced += 1
            yield TextDelta("x")

    async with answering(Source(script), [turn()]) as answers:
        for _ in range(20):
            await asyncio.sleep(0)
        seen = produced
        await answers.next(WAIT_S)

    assert seen < 100
