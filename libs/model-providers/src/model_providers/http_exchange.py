"""One HTTP exchange with a vendor: every wait bounded, every failure typed.

Bytes in, bytes out. Knows no dialect: `openai_chat` and `openai_responses` read what it brings,
the splice lane passes it on.
"""

from __future__ import annotations

import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
import msgspec

from model_providers import vendor_errors
from model_providers.time_limits import TimeLimits
from model_providers.vendor_doors import door_url, key_headers
from wire.deadline import Deadline
from wire.errors import (
    DeadlineExceededError,
    PlatformError,
    ProviderError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamTimeoutError,
)
from wire.ids import CallId, upstream_request_id
from wire.specs import ProviderSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from model_providers.provider import Clock, SendProgress

EVENT_STREAM = "text/event-stream"
MAX_ANSWER_BYTES = 64 * 1024 * 1024
ERROR_BODY_TIMEOUT_S = 5.0
DRAIN_TIMEOUT_S = 0.05  # the end of the chunked body comes with [DONE], or not soon
LARGE_BODY_BYTES = 512 * 1024
_PIECE_BYTES = 256 * 1024
_USER_AGENT = "conclave"


class VendorRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One POST. `call_id` and `attempt` become the vendor's `x-request-id`."""

    provider: ProviderSpec
    path: str
    upstream_model: str
    body: bytes
    accept: str
    call_id: CallId
    attempt: int
    deadline: Deadline
    traceparent: str | None = None


class VendorResponse:
    """An answer with status 200 that is being read."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        provider: ProviderSpec,
        deadline: Deadline,
        clock: Clock,
        *,
        first_byte_by_s: float,
        limits: TimeLimits,
    ) -> None:
        self._response = response
        self._limits = limits
        self._provider = provider
        self._deadline = deadline
        self._clock = clock
        self._first_byte_by_s: float | None = first_byte_by_s

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @property
    def content_type(self) -> str:
        """Without parameters, in lower case; "" when the vendor named none."""
        declared = self._response.headers.get("content-type", "")
        return declared.partition(";")[0].strip().lower()

    @property
    def at_eof(self) -> bool:
        return self._response.content.at_eof()

    async def read_chunk(self, *, at_most_s: float | None = None) -> bytes:
        """What has arrived, or waits for more; b"" at the end of the body.

        Raises:
            UpstreamTimeoutError: silent for longer than the provider's setting, or `at_most_s`.
            DeadlineExceededError: the request's own time is used up.
            UpstreamError: the connection broke.
        """
        content = self._response.content
        try:
            chunk = content.read_nowait()
            if not chunk and not content.at_eof():
                chunk = await self._wait_for_chunk(at_most_s)
        except (aiohttp.ClientError, OSError) as error:
            raise connection_error(self._provider.name, error) from error
        self._first_byte_by_s = None
        return chunk

    async def _wait_for_chunk(self, at_most_s: float | None) -> bytes:
        wait = self._next_wait(at_most_s)
        try:
            with self._limits.within(wait.limit_s):
                return await self._response.content.readany()
        except TimeoutError as error:
            raise wait.timeout_error() from error

    async def read_all(self, max_bytes: int = MAX_ANSWER_BYTES) -> bytes:
        """The whole body.

        Raises:
            UpstreamProtocolError: it is larger than `max_bytes`.
        """
        pieces: list[bytes] = []
        size = 0
        while chunk := await self.read_chunk():
            size += len(chunk)
            if size > max_bytes:
                raise UpstreamProtocolError(
                    f"{self._provider.name} sent an answer of more than {max_bytes} bytes",
                    provider=self._provider.name,
                )
            pieces.append(chunk)
        return b"".join(pieces)

    async def finish(self) -> None:
        """Hand the connection back to the pool if the body ends now; close it otherwise."""
        try:
            with self._limits.within(DRAIN_TIMEOUT_S):
                while await self._response.content.readany():
                    pass
        except (TimeoutError, aiohttp.ClientError, OSError):
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection at once, unless the body was read to its end."""
        self._response.close()

    def _next_wait(self, at_most_s: float | None) -> _Wait:
        now_s = self._clock.monotonic_s()
        if self._first_byte_by_s is None:
            limit_s, setting = self._provider.idle_timeout_s, "idle_timeout_s"
        else:
            limit_s = max(0.0, self._first_byte_by_s - now_s)
            setting = "first_byte_timeout_s"
        if at_most_s is not None and at_most_s < limit_s:
            limit_s = at_most_s
        return _Wait.choose(self._provider, setting, limit_s, self._deadline.left_s(now_s=now_s))


class _Wait(msgspec.Struct, frozen=True):
    """How long to wait, and whose limit that is."""

    provider: ProviderSpec
    setting: str | None
    limit_s: float

    @classmethod
    def choose(cls, provider: ProviderSpec, setting: str, limit_s: float, left_s: float) -> _Wait:
        return cls(provider, setting, limit_s) if limit_s < left_s else cls(provider, None, left_s)

    def timeout_error(self) -> PlatformError:
        name = self.provider.name
        if self.setting is None:
            return DeadlineExceededError(f"the request's time was used up waiting for {name}")
        if self.setting == "first_byte_timeout_s":
            limit_s = self.provider.first_byte_timeout_s
            said = f"{name} sent nothing within {limit_s:g} s (first_byte_timeout_s)"
        else:
            said = f"{name} fell silent for {self.limit_s:g} s in the middle of its answer"
        return UpstreamTimeoutError(said, provider=name)


class HttpExchanges:
    """Opens exchanges on one shared session."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        clock: Clock,
        secrets: Callable[[ProviderSpec], str | None],
        proxy_for: Callable[[str], str | None],
    ) -> None:
        self._session = session
        self._proxy_for = proxy_for
        self._proxies: dict[str, str | None] = {}
        self._clock = clock
        self._secrets = secrets
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}
        self._limits = TimeLimits()

    async def open(
        self, request: VendorRequest, progress: SendProgress | None = None
    ) -> VendorResponse:
        """Send the request and wait for the answer's headers.

        Raises:
            PlatformError: typed; whatever kept a 200 from arriving.
        """
        provider, deadline = request.provider, request.deadline
        now_s = self._clock.monotonic_s()
        left_s = deadline.left_s(now_s=now_s)
        wait = _Wait.choose(provider, "first_byte_timeout_s", provider.first_byte_timeout_s, left_s)
        response = await self._post(request, wait, progress)
        opened = VendorResponse(
            response,
            provider,
            deadline,
            self._clock,
            first_byte_by_s=now_s + provider.first_byte_timeout_s,
            limits=self._limits,
        )
        try:
            await self._check(opened, provider, progress)
        except BaseException:
            opened.close()
            raise
        return opened

    async def _post(
        self, request: VendorRequest, wait: _Wait, progress: SendProgress | None
    ) -> aiohttp.ClientResponse:
        provider = request.provider
        headers = self._headers(request)
        if progress is not None:
            progress.sent = True  # until an error proves the contrary
        try:
            with self._limits.within(wait.limit_s):
                return await self._session.post(
                    door_url(provider, request.path, request.upstream_model),
                    data=_payload(request.body),
                    headers=headers,
                    timeout=self._timeout(provider.connect_timeout_s),
                    allow_redirects=False,
                    proxy=self._proxy(provider.base_url),
                )
        except aiohttp.ConnectionTimeoutError as error:
            _not_sent(progress)
            raise UpstreamTimeoutError(
                f"{provider.name} accepted no connection within {provider.connect_timeout_s:g} s "
                "(connect_timeout_s)",
                provider=provider.name,
            ) from error
        except TimeoutError as error:
            raise wait.timeout_error() from error
        except aiohttp.ClientConnectorError as error:
            _not_sent(progress)
            raise connection_error(provider.name, error) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise connection_error(provider.name, error) from error

    async def _check(
        self, response: VendorResponse, provider: ProviderSpec, progress: SendProgress | None
    ) -> None:
        if response.status == HTTPStatus.OK:
            _refuse_compression(response, provider)
            return
        if progress is not None:
            progress.refused = True
        body = await _error_body(response)
        raise vendor_errors.from_status(provider.name, response.status, body, response.headers)

    def _headers(self, request: VendorRequest) -> dict[str, str]:
        provider = request.provider
        headers = {
            "accept": request.accept,
            "accept-encoding": "identity",  # decoding is ours, and SSE must not be buffered
            "content-type": "application/json",
            "user-agent": _USER_AGENT,
            "x-request-id": upstream_request_id(request.call_id, request.attempt),
        }
        if len(request.body) > LARGE_BODY_BYTES:
            headers["content-length"] = str(len(request.body))
        headers.update(key_headers(provider, self._secrets(provider)))
        if provider.forward_traceparent and request.traceparent:
            headers["traceparent"] = request.traceparent
        headers.update((name.lower(), value) for name, value in provider.headers.items())
        return headers

    def _proxy(self, base_url: str) -> str | None:
        if self._session.trust_env:
            return None  # aiohttp looks itself, at its price
        if base_url not in self._proxies:
            self._proxies[base_url] = self._proxy_for(base_url)
        return self._proxies[base_url]

    def _timeout(self, connect_s: float) -> aiohttp.ClientTimeout:
        timeout = self._timeouts.get(connect_s)
        if timeout is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=connect_s)
            self._timeouts[connect_s] = timeout
        return timeout


def connection_error(provider: str, error: Exception) -> ProviderError:
    """What broke, in our words: the library's text may hold addresses and bytes of the answer."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        said = "its host name cannot be resolved"
    elif isinstance(error, aiohttp.ClientSSLError | ssl.SSLError | ssl.CertificateError):
        said = "the TLS handshake failed"
    elif isinstance(error, aiohttp.ClientConnectorError):
        said = f"no connection: {error.strerror or 'refused'}"
    elif isinstance(error, aiohttp.ClientResponseError):
        return UpstreamProtocolError(f"{provider} sent malformed HTTP", provider=provider)
    elif isinstance(error, ValueError):
        said = "its base_url or headers are malformed"
    else:
        said = "it closed the connection before its answer was complete"
    return UpstreamError(f"{provider}: {said}", provider=provider)


def _not_sent(progress: SendProgress | None) -> None:
    if progress is not None:
        progress.sent = False


def _payload(body: bytes) -> bytes | AsyncIterator[memoryview]:
    return body if len(body) <= LARGE_BODY_BYTES else _pieces(body)


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    """A large body in pieces, so that a slow vendor holds no second copy in the socket buffer."""
    view = memoryview(body)
    for start in range(0, len(body), _PIECE_BYTES):
        yield view[start : start + _PIECE_BYTES]


def _refuse_compression(response: VendorResponse, provider: ProviderSpec) -> None:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UpstreamProtocolError(
            f"{provider.name} compressed its answer though asked not to", provider=provider.name
        )


async def _error_body(response: VendorResponse) -> bytes:
    """At most 64 KB of it: an error's first bytes say all, and its status is known already."""
    pieces: list[bytes] = []
    size = 0
    try:
        while size < vendor_errors.MAX_ERROR_BYTES and (
            chunk := await response.read_chunk(at_most_s=ERROR_BODY_TIMEOUT_S)
        ):
            pieces.append(chunk)
            size += len(chunk)
    except PlatformError:
        pass
    return b"".join(pieces)[: vendor_errors.MAX_ERROR_BYTES]
