"""One request of a client, from its head to its last byte, and what is noted about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_gateway.openai_errors import error_frame
from service_kit.http import (
    Header,
    Message,
    Receive,
    ResponseStream,
    Scope,
    Send,
    header,
    read_body,
    send_error,
    send_response,
)
from wire.conversation import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from api_gateway.admission.auth import Caller
    from service_kit.clock import Clock
    from service_kit.tracing import TraceContext
    from wire.errors import ErrorInfo
    from wire.ids import RequestId

# What a client that hung up is counted as; it never reaches the wire. Source: nginx.
HUNG_UP = 499
_ROUTED = b"x-conclave-routed"
_VERSION: Header = (b"openai-version", b"2020-10-01")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    max_bytes: int
    timeout_s: float


class Exchange:
    """Every answer goes out through here, so that each carries the same headers and is noted.

    `model` and `lane` are notes for metrics; `usage` is what all its upstream calls used.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        request_id: RequestId,
        trace: TraceContext,
        clock: Clock,
        limits: BodyLimits,
        config_version: str,
    ) -> None:
        self.scope = scope
        self.receive = receive
        self.request_id = request_id
        self.trace = trace
        self.caller: Caller | None = None
        self.params: dict[str, str] = {}
        self.route = "unknown"
        self.model = "none"
        self.lane = "none"
        self.routed_model: str | None = None
        self.usage = Usage()
        self.status = 0
        self.error_type: str | None = None
        self.first_byte_at_s: float | None = None
        # What this answer carries beside what every answer does.
        self.more_headers: list[Header] = []
        self.started_at_s = clock.monotonic_s()
        # How a stream of this route tells that it failed; chat's way unless it says otherwise.
        self.failure_frame: Callable[[ErrorInfo], bytes] = error_frame
        self._send = send
        self._kept_body: bytes | None = None
        self._clock = clock
        self._limits = limits
        self.config_version = config_version
        self._stream = ResponseStream(self._noted_send)

    @property
    def authenticated(self) -> Caller:
        """Who is asking; every route is behind authentication."""
        if self.caller is None:
            raise AssertionError("a route was served before authentication")
        return self.caller

    @property
    def tenant_id(self) -> str:
        return self.caller.tenant_id if self.caller is not None else "none"

    def header(self, name: bytes) -> str | None:
        return header(self.scope, name)

    def asks(self, name: bytes, *, default: bool) -> bool:
        """A switch among the headers: `true`, `on`, `1`, or their contraries."""
        value = (self.header(name) or "").strip().lower()
        if value in ("true", "on", "1", "yes"):
            return True
        return default and value not in ("false", "off", "0", "no")

    @property
    def began(self) -> bool:
        """Whether the first piece of an event stream has left."""
        return self._stream.started

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            RequestTooLargeError, RequestTimeoutError, ClientDisconnectedError: see `read_body`.
        """
        if self._kept_body is not None:
            return self._kept_body
        return await read_body(
            self.scope,
            self.receive,
            max_bytes=self._limits.max_bytes,
            timeout_s=self._limits.timeout_s,
        )

    async def keep_body(self) -> bytes:
        """The same, for whoever reads it before the route does.

        Raises:
            RequestTooLargeError, RequestTimeoutError, ClientDisconnectedError: see `read_body`.
        """
        self._kept_body = await self.body()
        return self._kept_body

    def watch(self, passes: Callable[[Message], bool]) -> Send:
        """Ask before anything goes out from now on; what is returned sends unasked."""
        send = self._send

        async def asked(message: Message) -> None:
            if passes(message):
                await send(message)

        self._send = asked
        return send

    async def respond(self, body: bytes, *, status: int = 200) -> None:
        """Answer with JSON."""
        await send_response(self._noted_send, status, body, headers=self._headers())

    async def respond_empty(self, *headers: Header) -> None:
        """Answer 204."""
        all_headers = [*headers, *self._headers()]
        start = {"type": "http.response.start", "status": 204, "headers": all_headers}
        await self._noted_send(start)
        await self._noted_send({"type": "http.response.body", "body": b""})

    async def write(self, data: bytes) -> None:
        """A piece of an event stream, which the first piece opens."""
        if self.first_byte_at_s is None:
            self.first_byte_at_s = self._clock.monotonic_s()
            await self._stream.start(self._headers())
        # Straight to the server: every piece of every stream passes here.
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, last: bytes) -> None:
        """The last piece of an event stream."""
        if not self._stream.started:
            await self._stream.start(self._headers())
        await self._stream.close(last)

    async def fail(self, info: ErrorInfo, *headers: Header) -> None:
        """Answer with an error: by status while that is possible, else as the last event."""
        self.error_type = info.error_type
        if self._stream.started:
            await self._stream.close(self.failure_frame(info))
        elif not self.status:
            await send_error(self._noted_send, info, headers=[*headers, *self._headers()])

    def routed_to(self, model: str) -> None:
        """Note, and tell the client, that this model answers in place of the one asked for."""
        self.routed_model = model
        self.more_headers.append((_ROUTED, model.encode()))

    def hung_up(self) -> None:
        """Note that the client left before its answer was complete."""
        self.status = HUNG_UP
        self.error_type = "caller_hung_up"

    @property
    def traceparent(self) -> str:
        """This request's span, as the parent of what it causes."""
        trace = self.trace
        return f"00-{trace.trace_id}-{trace.span_id}-{'01' if trace.sampled else '00'}"

    def _headers(self) -> list[Header]:
        processing_ms = int((self._clock.monotonic_s() - self.started_at_s) * 1000)
        return [
            (b"x-request-id", self.request_id.encode()),
            (b"openai-processing-ms", b"%d" % processing_ms),
            _VERSION,
            (b"x-conclave-config", self.config_version.encode()),
            (b"traceresponse", self.traceparent.encode()),
            *self.more_headers,
        ]

    async def _noted_send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)
