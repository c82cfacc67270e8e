"""Concurrent identical work done once; what everybody has left is cancelled."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from wire.errors import PlatformInterruptedError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class _Flight(Generic[ResultT]):
    task: asyncio.Task[None]
    landed: asyncio.Future[ResultT]
    waiters: int = 0


class Flights(Generic[ResultT]):
    """Owns its tasks: `run` lives as long as the process, and ends them with it."""

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self._flights: dict[bytes, _Flight[ResultT]] = {}

    async def run(self) -> None:
        """Keep the flights' tasks until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    @property
    def under_way(self) -> int:
        return len(self._flights)

    def has(self, key: bytes) -> bool:
        """Whether joining would not start anything."""
        return key in self._flights

    async def join(
        self, key: bytes, work: Callable[[], Awaitable[ResultT]]
    ) -> tuple[ResultT, bool]:
        """The result of the flight of that key, and whether this caller leads it.

        The first caller leads. The work is cancelled when its last waiter leaves.
        """
        flight = self._flights.get(key)
        leads = flight is None
        if flight is None:
            flight = self._start(key, work)
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.landed), leads
        finally:
            flight.waiters -= 1
            if flight.waiters == 0 and not flight.landed.done():
                self._flights.pop(key, None)
                flight.task.cancel()

    def _start(self, key: bytes, work: Callable[[], Awaitable[ResultT]]) -> _Flight[ResultT]:
        if self._group is None:
            raise ServiceUnavailableError("The compactor is not running.")
        landed: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        task = self._group.create_task(self._fly(key, work, landed))
        flight = _Flight(task, landed)
        self._flights[key] = flight
        return flight

    async def _fly(
        self, key: bytes, work: Callable[[], Awaitable[ResultT]], landed: asyncio.Future[ResultT]
    ) -> None:
        try:
            result = await work()
        except asyncio.CancelledError:
            if not landed.done():
                landed.set_exception(PlatformInterruptedError("The service is shutting down."))
                landed.exception()
            raise
        except Exception as error:  # noqa: BLE001  every waiter raises it
            if not landed.done():
                landed.set_exception(error)
                landed.exception()  # a flight whose waiters have all left must not warn
        else:
            if not landed.done():
                landed.set_result(result)
        finally:
            if (flight := self._flights.get(key)) is not None and flight.landed is landed:
                del self._flights[key]
