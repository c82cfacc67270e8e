"""How many calls a provider gets at once, and how many may wait for their turn."""

from __future__ import annotations

import asyncio

from wire.errors import OverloadedError

MAX_QUEUE_WAIT_S = 10.0
RETRY_AFTER_S = 1.0


class ConcurrencyLimit:
    """First come, first served; the queue is as long as the limit, and its wait is bounded."""

    def __init__(self, provider: str, limit: int, *, max_wait_s: float = MAX_QUEUE_WAIT_S) -> None:
        self.limit = limit
        self._provider = provider
        self._max_waiting = limit
        self._max_wait_s = max_wait_s
        self._free = asyncio.Semaphore(limit)
        self._waiting = 0

    async def acquire(self, *, left_s: float) -> None:
        """Take a place; `release` gives it back.

        Raises:
            OverloadedError: the queue is full, or no place came free in time.
        """
        if not self._free.locked():
            await self._free.acquire()  # does not wait
            return
        if self._waiting >= self._max_waiting:
            raise self._overloaded("its queue is full")
        self._waiting += 1
        try:
            async with asyncio.timeout(min(left_s, self._max_wait_s)):
                await self._free.acquire()
        except TimeoutError as error:
            raise self._overloaded("no place came free in time") from error
        finally:
            self._waiting -= 1

    def release(self) -> None:
        self._free.release()

    def _overloaded(self, why: str) -> OverloadedError:
        return OverloadedError(
            f"{self.limit} calls to {self._provider} are under way and {why} (max_concurrency)",
            retry_after_s=RETRY_AFTER_S,
        )
