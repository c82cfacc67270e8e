"""Relief after an overflow: once for all calls of a run."""

import asyncio
from typing import cast

import pytest

from orchestrator.context_budget import ContextBudget, Fitted
from orchestrator.driver.overflow import OverflowRelief
from service_kit.call_context import CallContext
from services.orchestrator.tests.test_context_budget import model, started
from wire.coordination import StartRun
from wire.deadline import Deadline
from wire.errors import PlatformError, ServiceUnavailableError


class Shrinking:
    """Stands in for the context budget; waits until it is let go."""

    def __init__(self, answer: Fitted | PlatformError | None) -> None:
        self._answer = answer
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.entered = asyncio.Event()
        self.times = 0

    async def shrink(self, start: StartRun, context: CallContext) -> Fitted | None:
        self.times += 1
        self.entered.set()
        await self.go_on.wait()
        assert context.tenant_id == start.tenant_id
        if isinstance(self._answer, PlatformError):
            raise self._answer
        return self._answer


def relief(shrinking: Shrinking, taken: list[Fitted]) -> OverflowRelief:
    async def took(fitted: Fitted) -> None:
        taken.append(fitted)

    budget = cast("ContextBudget", shrinking)
    return OverflowRelief(budget, lambda: started(model()), Deadline(60), None, took)


@pytest.mark.requirement("compaction-doors:overflow")
async def test_calls_that_overflow_together_share_one_compaction() -> None:
    shrinking, taken = Shrinking(Fitted(started(model()))), list[Fitted]()
    shared = relief(shrinking, taken)

    found = await asyncio.gather(*(shared.smaller() for _ in range(3)))

    assert shrinking.times == len(taken) == 1
    assert all(request is found[0] for request in found)


async def test_a_call_that_is_cut_leaves_the_compaction_to_the_next() -> None:
    shrinking, taken = Shrinking(Fitted(started(model()))), list[Fitted]()
    shared = relief(shrinking, taken)
    shrinking.go_on.clear()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        first = group.create_task(shared.smaller())
        await shrinking.entered.wait()
        second = group.create_task(shared.smaller())
        first.cancel()
        shrinking.go_on.set()

    assert second.result() is not None
    assert (shrinking.times, len(taken)) == (2, 1)


@pytest.mark.parametrize("answer", [None, ServiceUnavailableError("away")])
async def test_where_nothing_can_be_done_nobody_tries_again(answer: PlatformError | None) -> None:
    shrinking, taken = Shrinking(answer), list[Fitted]()
    shared = relief(shrinking, taken)

    found = [await shared.smaller(), await shared.smaller()]

    assert found == [None, None]
    assert (shrinking.times, taken) == (1, [])
