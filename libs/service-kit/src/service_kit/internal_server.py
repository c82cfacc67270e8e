"""The server side of internal endpoints: token, context, decoding, SSE, hang-ups, errors."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import parse_qs

import msgspec

from service_kit.call_context import (
    ERROR_EVENT,
    NOT_STARTED,
    TRACEPARENT_HEADER,
    CallContext,
    ErrorReply,
)
from service_kit.clock import Clock, SystemClock
from service_kit.http import (
    ClientDisconnectedError,
    Match,
    MethodNotAllowed,
    Receive,
    ResponseStream,
    RouteTable,
    Scope,
    Send,
    cancel_on_disconnect,
    error_headers,
    header,
    not_found,
    read_body,
    send_response,
)
from service_kit.logging import get_logger
from wire.coordination import PROTOCOL_HEADER, PROTOCOL_VERSION
from wire.deadline import DEADLINE_HEADER, Deadline
from wire.endpoints import (
    REQUEST_ID_HEADER,
    TENANT_HEADER,
    TOKEN_HEADER,
    Endpoint,
    StreamEndpoint,
)
from wire.errors import (
    AuthenticationError,
    InvalidRequestError,
    MethodNotAllowedError,
    PlatformError,
    PlatformFaultError,
    PlatformInterruptedError,
    ServiceUnavailableError,
)
from wire.ids import new_request_id
from wire.sse import comment_frame, named_frame

if TYPE_CHECKING:
    from service_kit.lifecycle import Lifecycle

__all__ = ["CallContext", "InternalApp"]

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
Handler = Callable[[RequestT, CallContext, dict[str, str]], Awaitable[ResponseT]]
StreamHandler = Callable[[RequestT, CallContext, dict[str, str]], AsyncGenerator[ResponseT]]

# What a caller without a deadline gets, and the most that one with a deadline can ask for.
MAX_DEADLINE_S = 24 * 3600.0
HEARTBEAT_S = 10.0
# A conversation with images; the gateway's own limit is the one clients see.
MAX_BODY_BYTES = 256 * 1024 * 1024
BODY_TIMEOUT_S = 60.0

_PROTOCOL = (PROTOCOL_HEADER.encode(), str(PROTOCOL_VERSION).encode())
_encode = msgspec.json.Encoder().encode

log = get_logger(__name__)


class InternalApp:
    """An ASGI application made of endpoint descriptors and their handlers."""

    def __init__(
        self,
        token: str,
        lifecycle: Lifecycle,
        *,
        clock: Clock | None = None,
        heartbeat_s: float = HEARTBEAT_S,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._token = token.encode()
        self._lifecycle = lifecycle
        self._clock = clock or SystemClock()
        self._heartbeat_s = heartbeat_s
        self._max_body_bytes = max_body_bytes
        self._routes: RouteTable[_Route] = RouteTable()

    def add(
        self, endpoint: Endpoint[RequestT, ResponseT], handler: Handler[RequestT, ResponseT]
    ) -> None:
        """`handler` is cancelled when the caller hangs up."""
        self._routes.add(endpoint.method, endpoint.path, _Route(endpoint, call=handler))

    def add_stream(
        self,
        endpoint: StreamEndpoint[RequestT, ResponseT],
        handler: StreamHandler[RequestT, ResponseT],
    ) -> None:
        """`handler` yields events; its generator is closed when the caller hangs up.

        Event ids count from 1, or from N + 1 when the caller asked for events `after=N`, which the
        handler finds in `params["after"]`. An error before the first event becomes the HTTP
        status; after it, a last event of its own kind.
        """
        self._routes.add(endpoint.method, endpoint.path, _Route(endpoint, stream=handler))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await self._dispatch(scope, receive, send)
        except PlatformError as error:
            await _send_error(send, error)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._authenticate(scope)
        route, params = self._route(scope)
        context = self._context(scope)
        body = await read_body(
            scope, receive, max_bytes=self._max_body_bytes, timeout_s=BODY_TIMEOUT_S
        )
        request = route.decode(body)
        params |= _query(scope, route.query)
        if route.stream is not None:
            self._refuse_when_draining()
            params |= _after(scope)
            events = route.stream(request, context, params)
            await _EventStream(send, self._heartbeat_s, params).run(receive, events)
        elif route.call is not None:
            async with cancel_on_disconnect(receive):
                reply = await route.call(request, context, params)
            await send_response(send, 200, _encode(reply), headers=[_PROTOCOL])

    def _authenticate(self, scope: Scope) -> None:
        shown = (header(scope, TOKEN_HEADER.encode()) or "").encode("latin-1")
        if not hmac.compare_digest(shown, self._token):
            raise AuthenticationError(
                f"The {TOKEN_HEADER} header does not hold this installation's token."
            )

    def _route(self, scope: Scope) -> tuple[_Route, dict[str, str]]:
        match self._routes.match(scope["method"], scope["path"]):
            case Match(handler=route, params=params):
                return route, params
            case MethodNotAllowed(allowed=allowed):
                raise MethodNotAllowedError(f"Allowed here: {', '.join(allowed)}.")
            case _:
                raise not_found(scope)

    def _refuse_when_draining(self) -> None:
        """A stream begun now would be cut; another replica can carry it to its end."""
        if self._lifecycle.draining:
            raise ServiceUnavailableError(
                "The service is shutting down; nothing was started.", code=NOT_STARTED
            )

    def _context(self, scope: Scope) -> CallContext:
        protocol = header(scope, PROTOCOL_HEADER.encode())
        if protocol is not None and not protocol.isdecimal():
            raise InvalidRequestError(f"{PROTOCOL_HEADER} must be a number.")
        return CallContext(
            tenant_id=header(scope, TENANT_HEADER.encode()) or "",
            request_id=header(scope, REQUEST_ID_HEADER.encode()) or new_request_id(),
            deadline=Deadline.from_header(
                header(scope, DEADLINE_HEADER.encode()),
                default_s=MAX_DEADLINE_S,
                now_s=self._clock.monotonic_s(),
            ),
            traceparent=header(scope, TRACEPARENT_HEADER.encode()),
        )


class _Route:
    """An endpoint with exactly one of the two handlers, and its decoder, made once."""

    def __init__(
        self,
        endpoint: Endpoint[Any, Any],
        *,
        call: Handler[Any, Any] | None = None,
        stream: StreamHandler[Any, Any] | None = None,
    ) -> None:
        self.call = call
        self.stream = stream
        self.query = endpoint.query
        self._decoder = (
            None
            if endpoint.request_type is None
            else msgspec.json.Decoder(cast("type[object]", endpoint.request_type))
        )

    def decode(self, body: bytes) -> object:
        if self._decoder is None:
            return None
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidRequestError(f"The message cannot be read: {error}") from None


class _EventStream:
    """One SSE response: numbered events, heartbeats while the handler is silent."""

    def __init__(self, send: Send, heartbeat_s: float, params: dict[str, str]) -> None:
        self._stream = ResponseStream(send)
        self._heartbeat_s = heartbeat_s
        self._sequence = int(params.get("after", "0"))
        self._silent = True

    async def run(self, receive: Receive, events: AsyncGenerator[object]) -> None:
        try:
            async with aclosing(events), cancel_on_disconnect(receive, self._heartbeats()):
                async for event in events:
                    await self._write_event(event)
                await self._stream.start([_PROTOCOL])
                await self._stream.close()
        except ClientDisconnectedError:
            raise
        except PlatformError as error:
            await self._fail(error)
        except asyncio.CancelledError:
            if self._stream.started:
                await self._fail(PlatformInterruptedError("The service is shutting down."))
            raise
        except Exception:
            log.exception("stream_crashed")
            await self._fail(PlatformFaultError("The service had an error."))

    async def _write_event(self, event: object) -> None:
        self._sequence += 1
        self._silent = False
        await self._stream.start([_PROTOCOL])
        await self._stream.write(named_frame(_tag(event), _encode(event), self._sequence))

    async def _heartbeats(self) -> None:
        while True:
            self._silent = True
            await asyncio.sleep(self._heartbeat_s)
            if self._silent:
                await self._stream.start([_PROTOCOL])
                await self._stream.write(_HEARTBEAT)

    async def _fail(self, error: PlatformError) -> None:
        if not self._stream.started:
            raise error
        await self._stream.close(named_frame(ERROR_EVENT, _encode(ErrorReply(error.info()))))


_HEARTBEAT = comment_frame("alive")


def _tag(event: object) -> str:
    if isinstance(event, msgspec.Struct):
        tag = event.__struct_config__.tag
        if tag is not None:
            return str(tag)
    return "message"


def _query(scope: Scope, names: tuple[str, ...]) -> dict[str, str]:
    """The query parameters that the endpoint declares, as handlers find them in `params`."""
    if not names or not scope["query_string"]:
        return {}
    query = parse_qs(scope["query_string"].decode("latin-1"))
    return {name: query[name][0] for name in names if name in query}


def _after(scope: Scope) -> dict[str, str]:
    query = parse_qs(scope["query_string"].decode("latin-1"))
    after = query.get("after", [""])[0]
    if not after:
        return {}
    if not after.isdecimal():
        raise InvalidRequestError("`after` must be the id of an event.", param="after")
    return {"after": after}


async def _send_error(send: Send, error: PlatformError) -> None:
    info = error.info()
    headers = [_PROTOCOL, *error_headers(info)]
    await send_response(send, info.status, _encode(ErrorReply(info)), headers=headers)
