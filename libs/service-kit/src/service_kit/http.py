"""Raw ASGI, for routes that cannot afford a framework: read, route, answer, notice a hang-up.

An application here is any ASGI callable. Errors leave in OpenAI's envelope.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

import msgspec

from wire.errors import (
    ErrorInfo,
    MethodNotAllowedError,
    NotFoundError,
    RequestTimeoutError,
    RequestTooLargeError,
)
from wire.ids import new_request_id

if TYPE_CHECKING:
    from types import TracebackType

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]
HandlerT = TypeVar("HandlerT")

JSON = b"application/json"
EVENT_STREAM = b"text/event-stream; charset=utf-8"
# Proxies must pass events on as they come.
STREAM_HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)
# Set by `service_kit.server` on a disconnect that only says: the response is complete.
RESPONSE_COMPLETE = "conclave.response_complete"
REQUEST_ID = b"x-request-id"

# How long the rest of a refused body is read and thrown away before a closing connection answers:
# closing on unread bytes resets it, and the client never sees the answer.
_DISCARD_S = 2.0

_encode = msgspec.json.Encoder().encode


class ClientDisconnectedError(Exception):
    """The client hung up; there is nobody to answer."""


# --------------------------------------------------------------------------------------- request


def header(scope: Scope, name: bytes) -> str | None:
    """The first header of this (lower-case) name."""
    headers: list[Header] = scope["headers"]
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return None


async def read_body(scope: Scope, receive: Receive, *, max_bytes: int, timeout_s: float) -> bytes:
    """The whole body.

    Raises:
        RequestTooLargeError: it is, or says it is, longer than `max_bytes`.
        RequestTimeoutError: it did not arrive within `timeout_s`.
        ClientDisconnectedError: the client left before its end.
    """
    source = getattr(receive, "__self__", None)
    if isinstance(source, DisconnectSource):
        body = source.take_body(max_bytes)  # as nearly always: without a timer, or a wait
        if body is not None:
            return body
    try:
        async with asyncio.timeout(timeout_s):
            declared = header(scope, b"content-length")
            if declared is not None and int(declared) > max_bytes:
                await _refuse_body(scope, receive, max_bytes)
            return await _collect_body(scope, receive, max_bytes)
    except TimeoutError:
        raise RequestTimeoutError(
            f"The request body did not arrive within {timeout_s:g} seconds."
        ) from None


async def _collect_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            chunks.clear()
            await _refuse_body(scope, receive, max_bytes, ended=not message.get("more_body"))
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunk if len(chunks) == 1 else b"".join(chunks)


async def _refuse_body(
    scope: Scope, receive: Receive, max_bytes: int, *, ended: bool = False
) -> NoReturn:
    if not ended and _closes_after_answer(scope):
        await _discard_body(receive)
    raise RequestTooLargeError(f"The request body is larger than {max_bytes} bytes.")


def _closes_after_answer(scope: Scope) -> bool:
    connection = header(scope, b"connection") or ""
    return scope.get("http_version") == "1.0" or "close" in connection.lower()


async def _discard_body(receive: Receive) -> None:
    try:
        async with asyncio.timeout(_DISCARD_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


class DisconnectSource:
    """What knows at once that its client has gone, and tells whoever asked.

    Whose method `receive` is, if `service_kit.server` made it.
    """

    def __init__(self) -> None:
        self._watching: list[Callable[[], None]] = []

    @property
    def disconnected(self) -> bool:
        raise NotImplementedError

    def listen(self) -> None:
        """Make sure that a hang-up can be noticed."""
        raise NotImplementedError

    def take_body(self, max_bytes: int) -> bytes | None:
        """The whole body, if it is here and no longer than that; None: `receive` it."""
        raise NotImplementedError

    def watch(self, told: Callable[[], None]) -> None:
        self._watching.append(told)

    def unwatch(self, told: Callable[[], None]) -> None:
        self._watching.remove(told)

    def tell_disconnect(self) -> None:
        for told in tuple(self._watching):
            told()


def cancel_on_disconnect(
    receive: Receive, *beside: Coroutine[object, object, None]
) -> AbstractAsyncContextManager[None]:
    """Cancel the body as soon as the client hangs up, whatever it is waiting for.

    Use after the request body has been read: what still arrives is thrown away. Coroutines given
    as `beside` (a heartbeat) run until the body ends.

    Raises:
        ClientDisconnectedError: out of the context, in place of the cancellation it caused.
        CancelledError: somebody else cancelled this task too; theirs goes first.
    """
    source = getattr(receive, "__self__", None)
    if isinstance(source, DisconnectSource) and not beside:
        return _CancelWhenTold(source)
    return _cancel_by_watching(receive, *beside)


class _CancelWhenTold:
    """Costs no task: the protocol calls back. Built like `asyncio.timeout`."""

    def __init__(self, source: DisconnectSource) -> None:
        self._source = source
        self._told = False

    async def __aenter__(self) -> None:
        if self._source.disconnected:
            raise ClientDisconnectedError
        self._task = _current_task()
        self._cancelled_before = self._task.cancelling()
        self._source.listen()
        self._source.watch(self._hung_up)

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._source.unwatch(self._hung_up)
        if not self._told:
            return
        ours_alone = self._task.uncancel() <= self._cancelled_before
        if error_type is None or (ours_alone and error_type is asyncio.CancelledError):
            raise ClientDisconnectedError from error

    def _hung_up(self) -> None:
        self._told = True
        self._task.cancel()


@asynccontextmanager
async def _cancel_by_watching(
    receive: Receive, *beside: Coroutine[object, object, None]
) -> AsyncGenerator[None]:
    task = _current_task()
    cancelled_before = task.cancelling()
    try:
        async with asyncio.TaskGroup() as group:
            companions = [
                group.create_task(each) for each in (_raise_on_disconnect(receive), *beside)
            ]
            try:
                yield
            finally:
                for companion in companions:
                    companion.cancel()
    except BaseExceptionGroup as errors:
        if task.cancelling() > cancelled_before:
            raise asyncio.CancelledError from errors
        raise _first_cause(errors) from None


def _current_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a hang-up can only cancel a task")
    return task


async def _raise_on_disconnect(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            if message.get(RESPONSE_COMPLETE):
                return
            raise ClientDisconnectedError


def _first_cause(errors: BaseExceptionGroup) -> BaseException:
    """What the body raised, or else the hang-up."""
    own = [error for error in errors.exceptions if not isinstance(error, ClientDisconnectedError)]
    return own[0] if own else errors.exceptions[0]


# -------------------------------------------------------------------------------------- response


async def send_response(
    send: Send,
    status: int,
    body: bytes,
    *,
    content_type: bytes = JSON,
    headers: Iterable[Header] = (),
) -> None:
    """A whole response at once."""
    length = str(len(body)).encode()
    all_headers = [(b"content-type", content_type), (b"content-length", length), *headers]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def send_error(send: Send, info: ErrorInfo, *, headers: Iterable[Header] = ()) -> None:
    """OpenAI's envelope, with the headers its SDKs decide retries by.

    Adds a request id unless `headers` has one: every response carries one.
    """
    body = _encode(info.envelope())
    await send_response(send, info.status, body, headers=error_headers(info, headers))


def error_headers(info: ErrorInfo, headers: Iterable[Header] = ()) -> list[Header]:
    """The given headers, those of `retry_headers`, and a request id if there is none yet."""
    result = [*headers, *retry_headers(info)]
    if not any(name == REQUEST_ID for name, _ in result):
        result.append((REQUEST_ID, new_request_id().encode()))
    return result


def retry_headers(info: ErrorInfo) -> list[Header]:
    """When and whether OpenAI's SDKs should try again."""
    headers: list[Header] = []
    if info.retry_after_s is not None:
        # Whole seconds, at least 1, for everybody; milliseconds for OpenAI's SDKs.
        seconds = max(1, math.ceil(info.retry_after_s))
        milliseconds = max(1, math.ceil(info.retry_after_s * 1000))
        headers.append((b"retry-after", str(seconds).encode()))
        headers.append((b"retry-after-ms", str(milliseconds).encode()))
    if info.should_retry is not None:
        headers.append((b"x-should-retry", b"true" if info.should_retry else b"false"))
    return headers


class ResponseStream:
    """A response sent piece by piece. `write` waits while the client reads slower than we write."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.closed = False

    async def start(
        self,
        headers: Iterable[Header] = (),
        *,
        status: int = 200,
        content_type: bytes = EVENT_STREAM,
    ) -> None:
        """Send status and headers; a second call does nothing."""
        if self.started:
            return
        self.started = True
        all_headers = [(b"content-type", content_type), *STREAM_HEADERS, *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": all_headers})

    async def write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def close(self, last: bytes = b"") -> None:
        """End the response properly, so that the client sees a complete one."""
        if not self.closed:
            self.closed = True
            await self._send({"type": "http.response.body", "body": last, "more_body": False})


# --------------------------------------------------------------------------------------- routing


@dataclass(frozen=True, slots=True)
class Match(Generic[HandlerT]):
    handler: HandlerT
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class NotFound:
    pass


@dataclass(frozen=True, slots=True)
class MethodNotAllowed:
    allowed: tuple[str, ...]


_PLACEHOLDER = re.compile(r"\{(\w+)(:path)?\}")
_SLASHES = re.compile(r"/{2,}")
_NOT_FOUND = NotFound()


class RouteTable(Generic[HandlerT]):
    """Paths to handlers. `{name}` is one segment, `{name:path}` may hold slashes.

    Fixed paths win over patterns, then the first pattern added. A path that matches only once
    doubled or trailing slashes are removed still matches. HEAD is served by GET's handler.
    """

    def __init__(self) -> None:
        self._fixed: dict[str, dict[str, HandlerT]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, HandlerT]]] = []

    def add(self, method: str, template: str, handler: HandlerT) -> None:
        self._methods(template)[method] = handler

    def match(self, method: str, path: str) -> Match[HandlerT] | NotFound | MethodNotAllowed:
        found = self._find(path)
        if found is None:
            tidy = _SLASHES.sub("/", path).rstrip("/") or "/"
            found = self._find(tidy) if tidy != path else None
        if found is None:
            return _NOT_FOUND
        methods, params = found
        handler = methods.get(method)
        if handler is None and method == "HEAD":
            handler = methods.get("GET")
        if handler is None:
            return MethodNotAllowed(tuple(sorted(methods)))
        return Match(handler, params)

    def paths(self) -> list[tuple[str, str]]:
        """Every (method, pattern), for tests that enumerate the routes."""
        tables = [*self._fixed.items(), *((each.pattern, table) for each, table in self._patterns)]
        return [(method, path) for path, table in tables for method in table]

    def handlers(self) -> list[tuple[str, HandlerT]]:
        """Every (method, handler), in the order they were added, fixed paths first."""
        tables = [*self._fixed.values(), *(table for _, table in self._patterns)]
        return [(method, handler) for table in tables for method, handler in table.items()]

    def _find(self, path: str) -> tuple[dict[str, HandlerT], dict[str, str]] | None:
        methods = self._fixed.get(path)
        if methods is not None:
            return methods, {}
        for pattern, candidates in self._patterns:
            found = pattern.fullmatch(path)
            if found is not None:
                return candidates, found.groupdict()
        return None

    def _methods(self, template: str) -> dict[str, HandlerT]:
        if "{" not in template:
            return self._fixed.setdefault(template, {})
        pattern = _pattern(template)
        for known, methods in self._patterns:
            if known.pattern == pattern.pattern:
                return methods
        methods: dict[str, HandlerT] = {}
        self._patterns.append((pattern, methods))
        return methods


def _pattern(template: str) -> re.Pattern[str]:
    expression = ""
    end = 0
    for found in _PLACEHOLDER.finditer(template):
        expression += re.escape(template[end : found.start()])
        expression += f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})"
        end = found.end()
    return re.compile(expression + re.escape(template[end:]), re.DOTALL)


class Dispatcher:
    """Raw routes in front, a framework behind them.

    A matched handler finds its path parameters in `scope["path_params"]`. What no route matches
    goes to `fallback`; without one it is a 404 as OpenAI words it.
    """

    def __init__(self, routes: RouteTable[ASGIApp], fallback: ASGIApp | None = None) -> None:
        self._routes = routes
        self._fallback = fallback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        match self._routes.match(scope["method"], scope["path"]):
            case Match(handler=handler, params=params):
                scope["path_params"] = params
                await handler(scope, receive, send)
            case MethodNotAllowed(allowed=allowed):
                await send_error(
                    send,
                    _not_allowed(scope).info(),
                    headers=[(b"allow", ", ".join(allowed).encode())],
                )
            case NotFound():
                if self._fallback is not None:
                    await self._fallback(scope, receive, send)
                else:
                    await send_error(send, not_found(scope).info())


def not_found(scope: Scope) -> NotFoundError:
    """An unknown route, as OpenAI words it."""
    return NotFoundError(f"Invalid URL ({scope['method']} {scope['path'][:200]})")


def _not_allowed(scope: Scope) -> MethodNotAllowedError:
    return MethodNotAllowedError(f"Not allowed to {scope['method']} on {scope['path'][:200]}.")
