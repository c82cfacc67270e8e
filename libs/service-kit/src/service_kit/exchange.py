"""One request and its answer: where every error of an application ends, and a hang-up is told.

uvicorn lets an application write to a client that has gone, without a sign; here that raises. Its
own handler of errors answers in plain text and logs whatever the exception quotes; ours does not.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from service_kit.http import (
    RESPONSE_COMPLETE,
    ASGIApp,
    ClientDisconnectedError,
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


async def answer(app: ASGIApp, cycle: RequestResponseCycle) -> None:
    """Run the application to its end and leave the connection in a state that says how it ended.

    A response that was begun and not completed is cut, so that no client takes it for whole.
    """
    exchange = _Exchange(cycle)
    path: str = cycle.scope["path"]
    try:
        await app(cast("Scope", cycle.scope), exchange.receive, exchange.send)
        if not cycle.response_started:
            log.error("no_response", path=path)
            await exchange.fail(_fault())
    except ClientDisconnectedError:
        return
    except PlatformError as error:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("request_failed", error=error, path=path)
        await exchange.fail(error)
    except asyncio.CancelledError:
        await exchange.fail(ServiceUnavailableError("The server is shutting down."))
        raise
    except Exception:
        log.exception("request_crashed", path=path)
        await exchange.fail(_fault())
    finally:
        if not cycle.response_complete and not cycle.disconnected:
            cycle.transport.close()
        cycle.on_response = _nothing


class _Exchange:
    """The two ends an application holds."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    async def send(self, message: Message) -> None:
        if not self._cycle.disconnected:
            await self._cycle.send(cast("ASGISendEvent", message))
        if self._cycle.disconnected:
            raise ClientDisconnectedError

    async def receive(self) -> Message:
        message = cast("Message", await self._cycle.receive())
        if message["type"] == "http.disconnect" and not self._cycle.disconnected:
            message[RESPONSE_COMPLETE] = True
        return message

    async def fail(self, error: PlatformError) -> None:
        """Answer with the error if that is still possible."""
        if self._cycle.response_started or self._cycle.disconnected:
            return
        try:
            await send_error(self.send, error.info())
        except ClientDisconnectedError:
            return


def _fault() -> PlatformFaultError:
    return PlatformFaultError("The server had an error while processing your request.")


def _nothing() -> None:
    """Breaks the reference from a finished cycle to its connection, as uvicorn does."""
