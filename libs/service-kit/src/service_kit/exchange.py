"""One request and its answer: where every error of an application ends, and a hang-up is told.

Over uvicorn's own cycle this adds: a write to a client that has gone raises; whoever must stop
when the client goes is called at once, without a task that waits for it; headers and the first
piece of the body leave in one write; errors become OpenAI's envelope and quote no payload.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from service_kit.http import (
    RESPONSE_COMPLETE,
    ASGIApp,
    ClientDisconnectedError,
    DisconnectSource,
    Message,
    Scope,
    send_error,
)
from service_kit.logging import get_logger
from wire.errors import PlatformError, PlatformFaultError, ServiceUnavailableError

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

log = get_logger(__name__)


class Exchange(DisconnectSource):
    """The two ends an application holds."""

    def __init__(self, cycle: RequestResponseCycle) -> None:
        super().__init__()
        self._cycle = cycle
        self._start: Message | None = None

    @property
    def disconnected(self) -> bool:
        return self._cycle.disconnected

    async def answer(self, app: ASGIApp) -> None:
        """Run the application to its end and leave the connection in a state that tells how.

        A response that was begun and not completed is cut, so that no client takes it for whole.
        """
        cycle = self._cycle
        path: str = cycle.scope["path"]
        try:
            await app(cast("Scope", cycle.scope), self.receive, self.send)
            if not cycle.response_started:
                log.error("no_response", path=path)
                await self._fail(_fault())
        except ClientDisconnectedError:
            return
        except PlatformError as error:
            if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                log.warning("request_failed", error=error, path=path)
            await self._fail(error)
        except asyncio.CancelledError:
            await self._fail(ServiceUnavailableError("The server is shutting down."))
            raise
        except Exception:
            log.exception("request_crashed", path=path)
            await self._fail(_fault())
        finally:
            if not cycle.response_complete and not cycle.disconnected:
                cycle.transport.close()
            cycle.on_response = _nothing

    async def send(self, message: Message) -> None:
        if self._cycle.disconnected:
            raise ClientDisconnectedError
        if message["type"] == "http.response.start":
            self._start = message  # ASGI: nothing is sent before the first piece of the body
            return
        if self._start is not None:
            start, self._start = self._start, None
            await self._send_first(start, message)
        else:
            await self._cycle.send(cast("ASGISendEvent", message))
        if self._cycle.disconnected:
            raise ClientDisconnectedError

    async def receive(self) -> Message:
        message = cast("Message", await self._cycle.receive())
        if message["type"] == "http.disconnect" and not self._cycle.disconnected:
            message[RESPONSE_COMPLETE] = True
        return message

    def take_body(self, max_bytes: int) -> bytes | None:
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or cycle.response_complete:
            return None
        if cycle.waiting_for_100_continue or len(cycle.body) > max_bytes:
            return None
        cycle.flow.resume_reading()
        cycle.message_event.clear()
        body, cycle.body = bytes(cycle.body), bytearray()
        return body

    def hang_up(self) -> None:
        """The connection is gone, or will not be answered."""
        if not self._cycle.response_complete:
            self._cycle.disconnected = True
            self._cycle.message_event.set()
            self.tell_disconnect()

    def listen(self) -> None:
        # uvicorn stops reading behind a large body until the application asks for more; then
        # nobody would notice that the client has gone.
        self._cycle.flow.resume_reading()

    async def _send_first(self, start: Message, body: Message) -> None:
        cycle = self._cycle
        if cycle.flow.write_paused:
            await cycle.flow.drain()
            if cycle.disconnected:
                return
        transport, on_response = cycle.transport, cycle.on_response
        collected = _Collected()
        cycle.transport, cycle.on_response = cast("asyncio.Transport", collected), _nothing
        try:
            await cycle.send(cast("ASGISendEvent", start))
            await cycle.send(cast("ASGISendEvent", body))
        finally:
            cycle.transport, cycle.on_response = transport, on_response
            transport.writelines(collected.pieces)
        if collected.closed:
            transport.close()
        if cycle.response_complete:
            on_response()

    async def _fail(self, error: PlatformError) -> None:
        """Answer with the error if that is still possible."""
        if self._cycle.response_started or self._cycle.disconnected:
            return
        try:
            await send_error(self.send, error.info())
        except ClientDisconnectedError:
            return


class _Collected:
    """Stands in for the transport while headers and body become one write."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def close(self) -> None:
        self.closed = True


def _fault() -> PlatformFaultError:
    return PlatformFaultError("The server had an error while processing your request.")


def _nothing() -> None:
    """Breaks the reference from a finished cycle to its connection, as uvicorn does."""
