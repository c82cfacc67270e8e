"""Background responses that nobody asks for again get their end all the same.

A background response is ended in the store by whoever reads it after its run is over. Without a
reader this sweep does it, so that a conversation goes on, and the answer is there when the run's
events have been forgotten.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import msgspec

from api_gateway.stores.errors import StoreUnavailableError
from service_kit.internal_client import CallContext
from service_kit.logging import get_logger
from wire.deadline import Deadline
from wire.errors import PlatformError, ServiceUnavailableError
from wire.ids import new_request_id

if TYPE_CHECKING:
    from api_gateway.stores.records import StoredResponse
    from service_kit.clock import Clock

# A response is ended this long after its run at the latest, but for what the sweep itself takes.
SWEEP_INTERVAL_S = 30.0
_READ_TIMEOUT_S = 30.0
_BATCH = 100

log = get_logger(__name__)


class RunningResponses(Protocol):
    """All teams' background responses that have not ended, oldest first."""

    async def running(self, *, after: tuple[int, str] | None, limit: int) -> list[StoredResponse]:
        """Those made after `after`: a time of creation, and an id among those of that second."""
        ...


class Refresher(Protocol):
    """Who knows what has become of a response, and keeps its end: `BackgroundResponses`."""

    async def refreshed(
        self, stored: StoredResponse, context: CallContext, /
    ) -> StoredResponse: ...


class BackgroundSweep:
    """Several replicas may sweep at once: each end is kept by the first, and is the same."""

    def __init__(self, responses: RunningResponses, background: Refresher, clock: Clock) -> None:
        self._responses = responses
        self._background = background
        self._clock = clock

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            try:
                ended = await self.sweep()
            except (StoreUnavailableError, ServiceUnavailableError) as error:
                log.warning("background_sweep_failed", error=error)
            else:
                if ended:
                    log.info("background_swept", ended=ended)

    async def sweep(self) -> int:
        """Look at every response once; returns how many have ended.

        Raises:
            StoreUnavailableError, ServiceUnavailableError: the rest has to wait for the next time.
        """
        ended, after = 0, None
        while batch := await self._responses.running(after=after, limit=_BATCH):
            for stored in batch:
                ended += await self._has_ended(stored)
            after = (batch[-1].created_unix_s, batch[-1].response_id)
        return ended

    async def _has_ended(self, stored: StoredResponse) -> bool:
        context = CallContext(
            tenant_id=stored.tenant_id,
            request_id=new_request_id(),
            deadline=Deadline.after(_READ_TIMEOUT_S, now_s=self._clock.monotonic_s()),
        )
        try:
            found = await self._background.refreshed(stored, context)
        except (StoreUnavailableError, ServiceUnavailableError):
            raise  # the others would fare no better
        except (PlatformError, msgspec.MsgspecError) as error:
            log.warning("background_not_refreshed", response_id=stored.response_id, error=error)
            return False
        return found.status not in ("queued", "in_progress")
