"""Bounds on many waits at the price of one timer.

`asyncio.timeout` sets and cancels a timer of the event loop each time, and every request waits
several times. Here one timer stands for the earliest limit; limits that are left in time, which is
nearly all of them, leave it alone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class TimeLimits:
    """Use within one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[TimeLimit, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def within(self, seconds: float) -> TimeLimit:
        """A context whose body may take so long; `async with asyncio.timeout(...)` in all else.

        Raises:
            TimeoutError: out of the context, in place of the cancellation that ended the body.
        """
        return TimeLimit(self, seconds)

    def add(self, limit: TimeLimit, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting[limit] = None
        if self._timer is None or limit.due_s < self._timer.when():
            self._arm(loop, limit.due_s)

    def remove(self, limit: TimeLimit) -> None:
        self._waiting.pop(limit, None)

    def _arm(self, loop: asyncio.AbstractEventLoop, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(due_s, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now_s = loop.time()
        for limit in [each for each in self._waiting if each.due_s <= now_s]:
            self.remove(limit)
            limit.expire()
        if self._waiting:
            self._arm(loop, min(each.due_s for each in self._waiting))


class TimeLimit:
    """One bounded wait of the task that enters it."""

    __slots__ = ("_cancelled_before", "_expired", "_limits", "_seconds", "_task", "due_s")

    def __init__(self, limits: TimeLimits, seconds: float) -> None:
        self._limits = limits
        self._seconds = seconds
        self._expired = False
        self.due_s = 0.0

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("only a task's wait can be bounded")
        self._task = task
        self._cancelled_before = task.cancelling()
        self.due_s = loop.time() + self._seconds
        self._limits.add(self, loop)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._limits.remove(self)
        if not self._expired:
            return
        ours_alone = self._task.uncancel() <= self._cancelled_before
        if ours_alone and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error

    def expire(self) -> None:
        self._expired = True
        self._task.cancel()
