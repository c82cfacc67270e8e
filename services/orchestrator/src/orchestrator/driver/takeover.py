"""Runs whose process died: detached ones go on here, once; the others are closed as interrupted.

A process is dead when its runs' beat has stood still for a lease, measured on this process's own
clock, so clocks that differ do not matter. One that started anew in the same place is dead at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from orchestrator.coordination.outcomes import cancelled
from orchestrator.coordination.replay import LogMismatchError
from orchestrator.driver.admission import Abandoned, resumed
from orchestrator.store.writer import StoreUnavailableError
from service_kit.logging import get_logger
from wire.coordination import RunEnded
from wire.errors import PlatformError, PlatformInterruptedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.driver.supervisor import RunSupervisor
    from orchestrator.store.leases import LeaseBook
    from orchestrator.store.reader import Holding, StoreReader
    from service_kit.clock import Clock

LOOKS_PER_LEASE = 5
MOST_TAKEOVERS = 1  # a run that took two processes with it would take a third

log = get_logger(__name__)


class ProcessName:
    """A process in the rows of its runs: where it runs, and which of its lives this is."""

    def __init__(self, place: str, life: str) -> None:
        """`place` empty: nobody can tell that a later process is in the same place."""
        self._prefix = f"{place}/" if place else ""
        self.text = f"{place}/{life}"

    def is_earlier_life(self, owner: str) -> bool:
        return bool(self._prefix) and owner != self.text and owner.startswith(self._prefix)


class TakeOver:
    def __init__(
        self,
        process: ProcessName,
        supervisor: RunSupervisor,
        reader: StoreReader,
        leases: LeaseBook,
        clock: Clock,
        *,
        lease_s: float,
        closed: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`closed` hears of each run that was ended for its owner."""
        self._closed = closed
        self._process = process
        self._supervisor = supervisor
        self._reader = reader
        self._leases = leases
        self._clock = clock
        self._lease_s = lease_s
        self._seen: dict[str, tuple[int, int, float]] = {}

    async def run(self) -> None:
        """Look after the runs of all processes, until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailableError as error:
                log.warning("takeover_look_failed", error=error)
            await asyncio.sleep(self._lease_s / LOOKS_PER_LEASE)

    async def look(self) -> None:
        """One look at every run under way."""
        holdings = await self._reader.under_way()
        self._note(holdings)
        for holding in holdings:
            if self._is_dead(holding):
                await self._take(holding)

    def _note(self, holdings: list[Holding]) -> None:
        now_s = self._clock.monotonic_s()
        before, self._seen = self._seen, {}
        for holding in holdings:
            known = before.get(holding.run_id)
            sign = (holding.fence, holding.beat)
            since_s = known[2] if known is not None and known[:2] == sign else now_s
            self._seen[holding.run_id] = (*sign, since_s)

    def _is_dead(self, holding: Holding) -> bool:
        if holding.owner == self._process.text:
            return not self._supervisor.holds(holding.run_id)
        if holding.owner == "" or self._process.is_earlier_life(holding.owner):
            return True
        return self._clock.monotonic_s() - self._seen[holding.run_id][2] >= self._lease_s

    async def _take(self, holding: Holding) -> None:
        if holding.cancel_reason is not None:
            await self.close(holding, cancelled_end(holding.cancel_reason))
        elif not holding.detached or (holding.owner and holding.takeovers >= MOST_TAKEOVERS):
            await self.close(holding, _interrupted())
        elif self._supervisor.has_room:
            await self._go_on(holding)

    async def close(self, holding: Holding, end: RunEnded) -> bool:
        """End a run for its owner; False: it was too late for that."""
        closed = await self._leases.close(holding, end)
        if closed:
            log.warning("run_closed_for_its_owner", run_id=holding.run_id, status=end.status)
            self._closed(holding.run_id)
        return closed

    async def _go_on(self, holding: Holding) -> None:
        fence = await self._leases.claim(holding)
        if fence is None:
            return
        log.warning("run_taken_over", run_id=holding.run_id, takeovers=holding.takeovers + 1)
        try:
            self._supervisor.resume(resumed(await self._abandoned(holding, fence)))
        except (LogMismatchError, msgspec.MsgspecError, ValueError, PlatformError) as error:
            log.warning("run_not_resumed", run_id=holding.run_id, error=error)
            claimed = await self._reader.holding(holding.tenant_id, holding.run_id)
            if claimed is not None and claimed.fence == fence:
                await self.close(claimed, _interrupted())

    async def _abandoned(self, holding: Holding, fence: int) -> Abandoned:
        tenant_id, run_id = holding.tenant_id, holding.run_id
        start = await self._reader.start_of(tenant_id, run_id)
        if start is None:
            raise PlatformInterruptedError("The run's request was not stored.")
        return Abandoned(
            start=start,
            log=await self._reader.log(tenant_id, run_id),
            outputs=await self._reader.outputs(tenant_id, run_id, 0),
            calls=await self._reader.calls(tenant_id, run_id),
            created_unix_s=holding.created_unix_s,
            fence=fence,
        )


def cancelled_end(reason: str) -> RunEnded:
    """The end of a run that its owner did not cancel."""
    return RunEnded(status="cancelled", error=cancelled(reason))


def _interrupted() -> RunEnded:
    error = PlatformInterruptedError("The process that held the run ended before it.")
    return RunEnded(status="failed", error=error.info(), keep_trace=True)
