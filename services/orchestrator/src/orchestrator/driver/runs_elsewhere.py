"""Runs that another process holds, or has held: all that is known of them is in the store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from orchestrator.driver.takeover import cancelled_end
from wire.coordination import RunEnded, RunEvent, RunStatus
from wire.errors import NotFoundError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from orchestrator.driver.takeover import TakeOver
    from orchestrator.store.leases import LeaseBook
    from orchestrator.store.reader import StoredRun, StoreReader
    from service_kit.clock import Clock

POLL_INTERVAL_S = 0.25
OBEY_TIMEOUT_S = 1.5  # the owner looks every 0.4 s; one that does not obey is dead or stuck
_CANCEL_POLL_S = 0.1

_decode_event: msgspec.json.Decoder[RunEvent] = msgspec.json.Decoder(RunEvent)


class RunsElsewhere:
    def __init__(
        self, reader: StoreReader, leases: LeaseBook, takeover: TakeOver, clock: Clock
    ) -> None:
        self._reader = reader
        self._leases = leases
        self._takeover = takeover
        self._clock = clock

    async def follow(self, tenant_id: str, run_id: str, after: int = 0) -> AsyncGenerator[RunEvent]:
        """A detached run's events above `after`, and those to come, to the last.

        Raises:
            NotFoundError: there is no such run, or its events are not kept.
        """
        told = after
        while True:
            stored = await self._stored(tenant_id, run_id)
            if not stored.detached:
                raise _not_kept(stored)
            for payload in await self._reader.outputs(tenant_id, run_id, told):
                event = _decode_event.decode(payload)
                told += 1
                yield event
                if isinstance(event, RunEnded):
                    return
            if stored.status != "in_progress":
                return  # whoever asks has the last event already
            await asyncio.sleep(POLL_INTERVAL_S)

    async def cancel(self, tenant_id: str, run_id: str, reason: str) -> RunStatus:
        """End the run, through its owner or, where that does not obey, without it."""
        status = _status(await self._stored(tenant_id, run_id))
        if status != "in_progress":
            return status
        await self._leases.ask_to_end(tenant_id, run_id, reason)
        status = await self._obeyed(tenant_id, run_id)
        if status != "in_progress":
            return status
        holding = await self._reader.holding(tenant_id, run_id)
        if holding is not None:
            await self._takeover.close(holding, cancelled_end(holding.cancel_reason or reason))
        status = _status(await self._stored(tenant_id, run_id))
        if status == "in_progress":
            raise ServiceUnavailableError("The run has not ended yet.")
        return status

    async def _obeyed(self, tenant_id: str, run_id: str) -> RunStatus:
        until_s = self._clock.monotonic_s() + OBEY_TIMEOUT_S
        while True:
            status = _status(await self._stored(tenant_id, run_id))
            if status != "in_progress" or self._clock.monotonic_s() >= until_s:
                return status
            await asyncio.sleep(_CANCEL_POLL_S)

    async def _stored(self, tenant_id: str, run_id: str) -> StoredRun:
        stored = await self._reader.run(tenant_id, run_id)
        if stored is None:
            raise NotFoundError("There is no such run.")
        return stored


def _status(stored: StoredRun) -> RunStatus:
    return msgspec.convert(stored.status, RunStatus)


def _not_kept(stored: StoredRun) -> NotFoundError | ServiceUnavailableError:
    if stored.status == "in_progress":
        return ServiceUnavailableError("The run is under way in another process.")
    return NotFoundError("The events of this run were not kept: it was not detached.")
