"""What a process that holds runs owes the others: signs of life, and obedience."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from orchestrator.store.writer import StoreUnavailableError
from orchestrator.store.writes import LeasesRenewed
from service_kit.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from orchestrator.driver.fenced_writer import RunWriter

# A run is cancelled within a second, from whichever process that was asked.
LOOK_INTERVAL_S = 0.4
BEATS_PER_LEASE = 5

log = get_logger(__name__)


class HeldRuns(Protocol):
    """What is needed of `driver.supervisor.RunSupervisor`."""

    active: int

    def cancel(self, run_id: str, reason: str) -> None: ...


class Cancellations(Protocol):
    """What is needed of `store.reader.StoreReader`."""

    async def cancellations(self, owner: str) -> list[tuple[str, str]]: ...


class LeaseKeeper:
    """Costs nothing while the process holds no run."""

    def __init__(
        self,
        owner: str,
        held: HeldRuns,
        writer: RunWriter,
        reader: Cancellations,
        *,
        lease_s: float,
    ) -> None:
        self._owner = owner
        self._held = held
        self._writer = writer
        self._reader = reader
        self._beat_interval_s = lease_s / BEATS_PER_LEASE

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._every(self._beat_interval_s, self.renew))
            group.create_task(self._every(LOOK_INTERVAL_S, self.obey))

    async def renew(self) -> None:
        """Say that the process lives."""
        await self._writer.enqueue(LeasesRenewed(self._owner))

    async def obey(self) -> None:
        """End the runs that somebody asked another process to end."""
        for run_id, reason in await self._reader.cancellations(self._owner):
            self._held.cancel(run_id, reason)

    async def _every(self, interval_s: float, do: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(interval_s)
            if not self._held.active:
                continue
            try:
                await do()
            except StoreUnavailableError as error:
                log.warning("lease_duty_failed", error=error)
