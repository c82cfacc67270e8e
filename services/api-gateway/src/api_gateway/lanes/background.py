"""Responses that are made whether or not anybody listens.

Their truth is the run's events in the orchestrator. What a client sees is encoded from them, by
whichever gateway is asked and however often, always to the same bytes.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from api_gateway.dialects.responses.encode import ResponseEncoder
from api_gateway.dialects.responses.response_object import (
    FinalResponse,
    Outcome,
    ResponseEcho,
    encode_response,
)
from api_gateway.stores.errors import StoreUnavailableError
from api_gateway.stores.records import NewResponse, ResponseEnd, StoredItem, StoredResponse
from service_kit.logging import get_logger
from wire.conversation import ReasoningDelta, UsageReported
from wire.coordination import CancelRun, RunEnded, RunProgress, RunStarted
from wire.endpoints import CANCEL_RUN, GET_RUN, RUN_EVENTS, START_RUN
from wire.errors import (
    PlatformError,
    PlatformFaultError,
    PlatformInterruptedError,
    RemoteError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from api_gateway.dialects.responses.output_items import OutputItem
    from api_gateway.stores.protocols import ResponseStore
    from service_kit.clock import Clock
    from service_kit.internal_client import CallContext, InternalClient
    from wire.coordination import RunEvent, RunStatus, StartRun

RUNNING = ("queued", "in_progress")
# A response is stored before its run: without one by then, the gateway between the two died.
START_GRACE_S = 60.0
RECONNECT_PAUSE_S = 0.5
# Longer than a run needs to be taken over by another process.
LOST_AFTER_S = 90.0
_STEADY_S = 5.0  # a connection that lasted so long was one
_NOT_FOUND = 404
_SERVER_ERRORS = 500

log = get_logger(__name__)


class BackgroundRequest(msgspec.Struct, frozen=True):
    """What is stored to encode the response from its run, now and later."""

    echo: ResponseEcho
    sums_usage: bool = False


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(BackgroundRequest).decode


class Telling:
    """A run's events as this response's frames. Holds no time and no chance."""

    def __init__(self, request: BackgroundRequest) -> None:
        self._request = request
        self._encoder = ResponseEncoder(request.echo)
        self.final: FinalResponse | None = None

    @property
    def output(self) -> Sequence[OutputItem]:
        return self._encoder.output

    def opening(self) -> bytes:
        return self._encoder.opening()

    def tell(self, event: RunEvent) -> bytes:
        """The event's frames."""
        match event:
            case RunStarted() | UsageReported():
                return b""
            case RunProgress(text=text):
                return self._encoder.encode(ReasoningDelta(f"{text}\n"))
            case RunEnded():
                self.final = self._end(event)
                return self.final.frames
            case _:
                return self._encoder.encode(event)

    def _end(self, end: RunEnded) -> FinalResponse:
        if end.status == "cancelled":
            return self._encoder.cancelled()
        if end.status == "failed":
            fault = PlatformFaultError("The answer failed. Please try again.")
            return self._encoder.fail(end.error or fault.info())
        usage = end.usage if self._request.sums_usage else end.delivered_usage
        self._encoder.encode(UsageReported(usage, compacted=end.compacted))
        self._encoder.finish([end.details] if end.details is not None else [])
        return self._encoder.complete(int(end.ended_unix_s or self._request.echo.created_unix_s))


class BackgroundResponses:
    def __init__(
        self, orchestrator: InternalClient, responses: ResponseStore, clock: Clock
    ) -> None:
        self._orchestrator = orchestrator
        self._responses = responses
        self._clock = clock

    async def begin(
        self, new: NewResponse, request: BackgroundRequest, start: StartRun, context: CallContext
    ) -> StoredResponse:
        """Store the response and start its run; from then on it needs nobody.

        Raises:
            PlatformError: it was not started, and nothing is stored.
        """
        body = encode_response(request.echo, Outcome(status="queued"), stored=True)
        new = replace(
            new, status="queued", body=body, background=True, request=_encode(request),
            run_id=start.run_id,
        )  # fmt: skip
        await self._responses.save(new)
        try:
            await self._started(start, context)
        except PlatformError:
            await self._responses.delete(new.tenant_id, new.response_id)
            raise
        return StoredResponse(
            response_id=new.response_id,
            tenant_id=new.tenant_id,
            created_unix_s=new.created_unix_s,
            model=new.model,
            status=new.status,
            body=new.body,
            previous_response_id=new.previous_response_id,
            conversation_id=new.conversation_id,
            background=True,
            streamed=new.streamed,
            run_id=new.run_id,
            request=new.request,
        )

    async def refreshed(self, stored: StoredResponse, context: CallContext) -> StoredResponse:
        """The response as it is now; what has ended is stored.

        Raises:
            PlatformError: the orchestrator cannot be asked.
        """
        if not stored.background or stored.status not in RUNNING:
            return stored
        status = await self._run_status(stored, context)
        if status is None:
            return await self._without_run(stored)
        if status in RUNNING:
            echo = _decode(stored.request).echo
            body = encode_response(echo, Outcome(status="in_progress"), stored=True)
            return replace(stored, status="in_progress", body=body)
        telling = Telling(_decode(stored.request))
        async with aclosing(self._events(stored, context)) as events:
            async for event in events:
                telling.tell(event)
        return await self._ended(stored, telling)

    async def frames(
        self, stored: StoredResponse, context: CallContext, *, after: int = -1
    ) -> AsyncGenerator[bytes]:
        """The stream's frames with a sequence number above `after`, then live, to the last.

        Raises:
            PlatformError: the orchestrator cannot be asked for too long.
        """
        telling = Telling(_decode(stored.request))
        passed = _FramesAfter(after)
        yield passed.take(telling.opening())
        async with aclosing(self._events(stored, context)) as events:
            async for event in events:
                frames = telling.tell(event)
                if telling.final is not None and stored.status in RUNNING:
                    await self._ended(stored, telling)
                yield passed.take(frames)

    async def cancel(self, stored: StoredResponse, context: CallContext) -> StoredResponse:
        """End the response; one that has ended stays as it is."""
        if stored.status in RUNNING and stored.run_id is not None:
            try:
                await self._orchestrator.call(
                    CANCEL_RUN,
                    CancelRun("cancelled by the client"),
                    context,
                    run_id=stored.run_id,
                )
            except RemoteError as error:
                if error.status != _NOT_FOUND:
                    raise
        return await self.refreshed(stored, context)

    # ------------------------------------------------------------------------------------ the run

    async def _started(self, start: StartRun, context: CallContext) -> None:
        async with aclosing(self._orchestrator.stream(START_RUN, start, context)) as events:
            async for _ in events:
                return
        raise PlatformInterruptedError("The response could not be started. Please try again.")

    async def _run_status(self, stored: StoredResponse, context: CallContext) -> RunStatus | None:
        try:
            record = await self._orchestrator.call(
                GET_RUN, None, context, run_id=stored.run_id or ""
            )
        except RemoteError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        return record.status

    async def _events(
        self, stored: StoredResponse, context: CallContext
    ) -> AsyncGenerator[RunEvent]:
        """All of the run, through however many connections and processes it takes."""
        told, failing_since_s = 0, None
        while True:
            began_s = self._clock.monotonic_s()
            try:
                stream = self._orchestrator.stream(
                    RUN_EVENTS, None, context, run_id=stored.run_id or "", after=told
                )
                async with aclosing(stream) as events:
                    async for event in events:
                        told, failing_since_s = told + 1, None
                        yield event
                        if isinstance(event, RunEnded):
                            return
            except (RemoteError, ServiceUnavailableError) as error:
                if error.status < _SERVER_ERRORS:
                    raise
            now_s = self._clock.monotonic_s()
            if failing_since_s is None or now_s - began_s > _STEADY_S:
                failing_since_s = now_s
            if now_s - failing_since_s > LOST_AFTER_S:
                raise PlatformInterruptedError("The response's server went away.")
            await asyncio.sleep(RECONNECT_PAUSE_S)

    # ------------------------------------------------------------------------------------ the end

    async def _without_run(self, stored: StoredResponse) -> StoredResponse:
        if self._clock.unix_s() - stored.created_unix_s < START_GRACE_S:
            return stored
        telling = Telling(_decode(stored.request))
        lost = PlatformInterruptedError("The response was interrupted before it began.")
        telling.tell(RunEnded(status="failed", error=lost.info()))
        return await self._ended(stored, telling)

    async def _ended(self, stored: StoredResponse, telling: Telling) -> StoredResponse:
        """Of several that come to the end at once the first stores it; all tell the same."""
        final = telling.final
        if final is None:
            return stored
        output = tuple(StoredItem(item.item_id, item.kept) for item in telling.output)
        end = ResponseEnd(status=final.status, body=final.body, output=output)
        try:
            await self._responses.update(stored.tenant_id, stored.response_id, end)
        except StoreUnavailableError as error:
            log.warning("background_end_not_kept", response_id=stored.response_id, error=error)
        return replace(stored, status=final.status, body=final.body)


class _FramesAfter:
    """Frames are numbered from 0 without gaps, so counting them is enough."""

    def __init__(self, after: int) -> None:
        self._to_skip = after + 1

    def take(self, frames: bytes) -> bytes:
        while self._to_skip > 0 and frames:
            _, _, frames = frames.partition(b"\n\n")
            self._to_skip -= 1
        return frames
