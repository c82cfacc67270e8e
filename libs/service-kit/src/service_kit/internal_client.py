"""The client side of internal endpoints: one client for every service, driven by descriptors."""

from __future__ import annotations

import asyncio
import io
import random
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

import aiohttp
import msgspec

from service_kit import certificates
from service_kit.call_context import ERROR_EVENT, NOT_STARTED, CallContext, ErrorReply
from service_kit.logging import get_logger
from wire.coordination import PROTOCOL_HEADER, PROTOCOL_VERSION
from wire.endpoints import TOKEN_HEADER, Endpoint, StreamEndpoint
from wire.errors import (
    DeadlineExceededError,
    RemoteError,
    ServiceUnavailableError,
)
from wire.sse import SseReader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

    from service_kit.clock import Clock

__all__ = ["CallContext", "InternalClient", "new_session"]

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")

CONNECT_TIMEOUT_S = 5.0
# Three and a half heartbeats of `internal_server`: the peer or the path to it is gone.
SILENCE_TIMEOUT_S = 35.0
# Below the servers' 75 s, so that we close first and no request meets a closing connection.
KEEP_ALIVE_S = 20.0
_ATTEMPTS = 2
LARGE_BODY_BYTES = 512 * 1024

_encode = msgspec.json.Encoder().encode
_decode_error = msgspec.json.Decoder(ErrorReply).decode

log = get_logger(__name__)

certificates.forget_what_was_read()  # with the import, so that what comes next takes the memory


def new_session(*, trust_env: bool = True) -> aiohttp.ClientSession:
    """A session for vendors' APIs or our own services: no pool limit, no total time limit.

    `trust_env` obeys HTTPS_PROXY and NO_PROXY; internal calls must not leave through a proxy, so
    give `InternalClient` a session without it.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=trust_env,
    )


@dataclass(slots=True)
class _Replica:
    base_url: str
    in_flight: int = 0

    @contextmanager
    def busy(self) -> Generator[None]:
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


class _NotSentError(Exception):
    """Nothing of the call was done: another attempt cannot repeat work."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class InternalClient:
    """Calls one service, which may have several replicas: each call takes the less loaded of two.

    Raises from `call` and `stream`:
        RemoteError: the service answered with a typed error.
        ServiceUnavailableError: no replica could be reached, or the connection broke before its
            answer began.
        DeadlineExceededError: the context's deadline passed.
    """

    def __init__(
        self,
        base_url: str | Sequence[str],
        token: str,
        session: aiohttp.ClientSession,
        clock: Clock,
    ) -> None:
        urls = [base_url] if isinstance(base_url, str) else list(base_url)
        if not urls:
            raise ValueError("an internal client needs at least one base URL")
        self._replicas = [_Replica(url.rstrip("/")) for url in urls]
        self._token = token
        self._session = session
        self._clock = clock

    async def call(
        self,
        endpoint: Endpoint[RequestT, ResponseT],
        request: RequestT,
        context: CallContext,
        **path: str,
    ) -> ResponseT:
        """One request, one reply."""
        async with self._exchange(endpoint, request, context, path) as response:
            try:
                async with asyncio.timeout(self._left_s(context)):
                    body = await response.read()
            except TimeoutError:
                raise _deadline_passed(endpoint) from None
            except aiohttp.ClientError as error:
                raise _unreachable(endpoint) from error
        return cast("ResponseT", _decoder(endpoint).decode(body))

    async def stream(
        self,
        endpoint: StreamEndpoint[RequestT, ResponseT],
        request: RequestT,
        context: CallContext,
        *,
        after: int | None = None,
        **path: str,
    ) -> AsyncGenerator[ResponseT]:
        """The events, in order; those with an id above `after` where the endpoint takes one.

        Use with `contextlib.aclosing`: closing hangs up at once.

        A connection that breaks ends the stream like one that ends: only the caller knows whether
        its last event was the last. Kinds of event this version does not know are passed over.
        """
        decode = _decoder(endpoint).decode
        known = _known_events(endpoint)
        parameters = path if after is None else {**path, "after": str(after)}
        async with self._exchange(endpoint, request, context, parameters) as response:
            reader = SseReader()
            while chunk := await self._next_chunk(endpoint, response, context):
                for event in reader.feed(chunk):
                    if event.event == ERROR_EVENT:
                        raise RemoteError(_decode_error(event.data).error)
                    if event.event in known:
                        yield cast("ResponseT", decode(event.data))

    async def _next_chunk(
        self,
        endpoint: Endpoint[Any, Any],
        response: aiohttp.ClientResponse,
        context: CallContext,
    ) -> bytes:
        try:
            async with asyncio.timeout(self._left_s(context)):
                return await response.content.readany()
        except aiohttp.ServerTimeoutError as error:
            raise _unreachable(endpoint) from error
        except TimeoutError:
            raise _deadline_passed(endpoint) from None
        except (aiohttp.ClientError, OSError) as error:
            log.warning("internal_stream_broken", error=error, endpoint=endpoint.name)
            return b""

    @asynccontextmanager
    async def _exchange(
        self,
        endpoint: Endpoint[Any, Any],
        request: object,
        context: CallContext,
        path: dict[str, str],
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        url_path = endpoint.url_path(**path)
        body = None if endpoint.request_type is None else _encode(request)
        tried: list[_Replica] = []
        while True:
            replica = self._choose(tried)
            tried.append(replica)
            with replica.busy():
                response = await self._attempt(endpoint, url_path, body, context, tried)
                if response is None:
                    continue
                try:
                    yield response
                finally:
                    response.close()
                return

    async def _attempt(
        self,
        endpoint: Endpoint[Any, Any],
        url_path: str,
        body: bytes | None,
        context: CallContext,
        tried: list[_Replica],
    ) -> aiohttp.ClientResponse | None:
        """The answer's head, or None when another attempt is harmless and may help."""
        try:
            return await self._open(endpoint, tried[-1], url_path, body, context)
        except _NotSentError as error:
            log.warning("internal_call_failed", error=error.__cause__, endpoint=endpoint.name)
            if len(tried) < _ATTEMPTS and self._worth_another(error, tried):
                return None
            raise error.cause from None

    async def _open(
        self,
        endpoint: Endpoint[Any, Any],
        replica: _Replica,
        url_path: str,
        body: bytes | None,
        context: CallContext,
    ) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(self._left_s(context)):
                response = await self._session.request(
                    endpoint.method,
                    replica.base_url + url_path,
                    data=_payload(body),
                    headers=self._headers(context),
                    timeout=_timeout(endpoint),
                    allow_redirects=False,
                )
                if response.status >= HTTPStatus.BAD_REQUEST:
                    await _raise_remote(endpoint, response)
                return response
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise _NotSentError(_unreachable(endpoint)) from error
        except aiohttp.ServerTimeoutError as error:
            raise _unreachable(endpoint) from error
        except TimeoutError:
            raise _deadline_passed(endpoint) from None
        except (aiohttp.ClientError, OSError) as error:
            unreachable = _unreachable(endpoint)
            raise (_NotSentError(unreachable) if endpoint.idempotent else unreachable) from error

    def _worth_another(self, error: _NotSentError, tried: list[_Replica]) -> bool:
        """Another replica, or the same one when only a pooled connection had gone stale."""
        if len(self._replicas) > len(tried):
            return True
        refused = isinstance(error.__cause__, aiohttp.ClientConnectorError)
        return not refused and not isinstance(error.cause, RemoteError)

    def _choose(self, tried: list[_Replica]) -> _Replica:
        fresh = [replica for replica in self._replicas if replica not in tried] or self._replicas
        if len(fresh) == 1:
            return fresh[0]
        return min(random.sample(fresh, 2), key=lambda replica: replica.in_flight)

    def _headers(self, context: CallContext) -> dict[str, str]:
        return {
            "content-type": "application/json",
            TOKEN_HEADER: self._token,
            PROTOCOL_HEADER: str(PROTOCOL_VERSION),
            **context.headers(now_s=self._clock.monotonic_s()),
        }

    def _left_s(self, context: CallContext) -> float:
        return context.deadline.left_s(now_s=self._clock.monotonic_s())


async def _raise_remote(endpoint: Endpoint[Any, Any], response: aiohttp.ClientResponse) -> None:
    body = await response.read()
    try:
        info = _decode_error(body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        log.warning("internal_answer_foreign", endpoint=endpoint.name, status=response.status)
        raise _unreachable(endpoint) from None
    error = RemoteError(info)
    if info.code == NOT_STARTED:
        raise _NotSentError(error)
    raise error


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    """A long conversation goes out in pieces: in one, it would hold up the event loop."""
    return body if body is None or len(body) <= LARGE_BODY_BYTES else io.BytesIO(body)


def _timeout(endpoint: Endpoint[Any, Any]) -> aiohttp.ClientTimeout:
    """Streams have heartbeats; a plain reply may take as long as its deadline."""
    silence_s = SILENCE_TIMEOUT_S if isinstance(endpoint, StreamEndpoint) else None
    return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=silence_s)


@lru_cache(maxsize=64)
def _decoder(endpoint: Endpoint[Any, Any]) -> msgspec.json.Decoder[object]:
    return msgspec.json.Decoder(endpoint.response_type)


@lru_cache(maxsize=64)
def _known_events(endpoint: Endpoint[Any, Any]) -> frozenset[str]:
    """The tags of the response type's structs."""
    union: tuple[object, ...] = get_args(endpoint.response_type)
    members = union or (cast("object", endpoint.response_type),)
    return frozenset(
        str(member.__struct_config__.tag)
        for member in members
        if isinstance(member, type) and issubclass(member, msgspec.Struct)
    )


def _unreachable(endpoint: Endpoint[Any, Any]) -> ServiceUnavailableError:
    """Reaches clients, so it names no address; the log has the cause."""
    return ServiceUnavailableError(
        f"An internal service could not be reached ({endpoint.name}). Please try again."
    )


def _deadline_passed(endpoint: Endpoint[Any, Any]) -> DeadlineExceededError:
    return DeadlineExceededError(f"{endpoint.name}: the request's time is used up.")
