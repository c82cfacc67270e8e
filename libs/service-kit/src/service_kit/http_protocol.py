"""uvicorn's httptools protocol, bounded: header bytes, slow requests, stalled readers, pipelines.

uvicorn reads headers without bound, waits for them without end, and tells of a hang-up only the
request parsed last, which with pipelining is not the one being answered. This subclass adds the
bounds and tells the right one. A request that arrives in one piece costs no timer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

import msgspec
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service_kit.exchange import Exchange
from service_kit.http import JSON, ASGIApp, error_headers
from wire.errors import CallerError, InvalidRequestError, PlatformError, RequestTimeoutError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from uvicorn._types import ASGI3Application
    from uvicorn.config import Config
    from uvicorn.server import ServerState

_MAX_PIPELINED = 16
_MIN_BODY_BYTES_PER_WINDOW = 1024
_MAX_WINDOWS_AFTER_ANSWER = 3


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bounds of one server.

    `request_timeout_s`: for headers to be complete (408), and the window in which a body must bring
    at least 1 KiB (408). `write_stall_s`: a client that takes nothing this long is cut.
    `linger_s`: how long a refused client may go on sending before its connection is closed.
    `cancel_grace_s`: for handlers to tidy up once they are cancelled.
    """

    max_header_bytes: int = 64 * 1024
    request_timeout_s: float = 10.0
    keep_alive_s: int = 75
    write_stall_s: float = 60.0
    linger_s: float = 5.0
    shutdown_grace_s: float = 30.0
    cancel_grace_s: float = 5.0
    backlog: int = 2048


class HeadersTooLargeError(CallerError):
    status = 431
    code = "headers_too_large"
    error_type = "caller_too_large"


class _Reading(Enum):
    """What the parser is in the middle of."""

    NOTHING = auto()
    HEADERS = auto()
    BODY = auto()


class BoundedHttpProtocol(HttpToolsProtocol):
    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        *,
        app: ASGIApp,
        limits: ServerLimits,
        on_closed: Callable[[], None],
    ) -> None:
        super().__init__(config, server_state, {})
        self.app = cast("ASGI3Application", app)
        self._limits = limits
        self._on_closed = on_closed
        self._reading = _Reading.NOTHING
        self._answering: RequestResponseCycle | None = None
        self._exchange: Exchange | None = None
        self._header_bytes = 0
        self._unclaimed_bytes = 0
        self._window_bytes = 0
        self._windows_after_answer = 0
        self._refusal: PlatformError | None = None
        self._deaf = False
        self._request_timer: asyncio.TimerHandle | None = None
        self._timed: _Reading = _Reading.NOTHING
        self._stall_timer: asyncio.TimerHandle | None = None
        self._stalled_bytes = 0

    # ------------------------------------------------------------------------------- connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_next_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        if self._exchange is not None:
            self._exchange.hang_up()
        self.pipeline.clear()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._on_closed()

    def shutdown(self) -> None:
        """Begin to drain: an idle connection closes, a busy one after its answer."""
        running = self._answering
        if running is None or running.response_complete:
            self.transport.close()
            return
        self.pipeline.clear()
        self._deaf = self._deaf or self.cycle is not running
        running.keep_alive = False

    def abort(self) -> None:
        self.transport.abort()

    # ------------------------------------------------------------------------------- flow: in

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._unclaimed_bytes += len(data)
        self._window_bytes += len(data)
        super().data_received(data)
        if self._unclaimed_bytes > self._limits.max_header_bytes:
            self._refuse(self._headers_too_large())
        self._time_request()

    def on_message_begin(self) -> None:
        self._reading = _Reading.HEADERS
        self._header_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count_header_bytes(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_header_bytes(len(name) + len(value) + 4)
        if self._reading is _Reading.HEADERS:  # a trailer must not change what the app has read
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._unclaimed_bytes = 0
        if not self._deaf and len(self.pipeline) >= _MAX_PIPELINED:
            self._stop_listening()
        if self._deaf:
            return
        super().on_headers_complete()
        self._reading = _Reading.BODY
        self._windows_after_answer = 0
        # uvicorn stops reading here until the answer before is complete; then nobody would notice
        # that the client has gone. The length of the pipeline is the bound instead.
        self.flow.resume_reading()

    def on_body(self, body: bytes) -> None:
        self._unclaimed_bytes = 0
        if self._deaf:
            return
        super().on_body(body)
        if self.cycle is not self._answering and len(self.cycle.body) > HIGH_WATER_LIMIT:
            self._stop_listening()

    def on_message_complete(self) -> None:
        self._unclaimed_bytes = 0
        if self._deaf:
            return
        self._reading = _Reading.NOTHING
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        self._exchange = Exchange(cycle)
        task = self.loop.create_task(self._exchange.answer(cast("ASGIApp", app)))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self._time_request()

    def _unsupported_upgrade_warning(self) -> None:
        # The parser takes nothing after an upgrade request; we answer it and close.
        if not self._deaf and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def _count_header_bytes(self, count: int) -> None:
        self._header_bytes += count
        if self._header_bytes > self._limits.max_header_bytes:
            self._refusal = self._headers_too_large()
            raise self._refusal  # stops the parser, which calls `send_400_response`

    def _headers_too_large(self) -> HeadersTooLargeError:
        return HeadersTooLargeError(
            f"The request headers are larger than {self._limits.max_header_bytes} bytes."
        )

    # ----------------------------------------------------------------------------- flow: out

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled_bytes = self.transport.get_write_buffer_size()
        self._watch_stall()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _watch_stall(self) -> None:
        self._stall_timer = self.loop.call_later(self._limits.write_stall_s, self._check_stall)

    def _check_stall(self) -> None:
        waiting_bytes = self.transport.get_write_buffer_size()
        if waiting_bytes >= self._stalled_bytes:
            self.transport.abort()
            return
        self._stalled_bytes = waiting_bytes
        self._watch_stall()

    # -------------------------------------------------------------------------------- time

    def _time_request(self) -> None:
        """Keep the timer that fits what is being read: headers, a body, or nothing."""
        wanted = self._timed_reading()
        if wanted is self._timed:
            return
        self._stop_request_timer()
        self._timed = wanted
        if wanted is _Reading.HEADERS:
            self._request_timer = self.loop.call_later(
                self._limits.request_timeout_s, self._headers_late
            )
        elif wanted is _Reading.BODY:
            self._open_window()

    def _timed_reading(self) -> _Reading:
        if self._deaf or self.transport.is_closing():
            return _Reading.NOTHING
        if self._reading is not _Reading.NOTHING:
            return self._reading
        if self._is_answering():
            return _Reading.NOTHING
        if self._unclaimed_bytes:  # line breaks before a request, which no callback reports
            return _Reading.HEADERS
        if self.timeout_keep_alive_task is None:
            self._await_next_request()
        return _Reading.NOTHING

    def _await_next_request(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _open_window(self) -> None:
        self._window_bytes = 0
        self._request_timer = self.loop.call_later(
            self._limits.request_timeout_s, self._window_ended
        )

    def _headers_late(self) -> None:
        self._refuse(
            RequestTimeoutError(
                f"The request headers were not complete within "
                f"{self._limits.request_timeout_s:g} seconds."
            )
        )

    def _window_ended(self) -> None:
        cycle = self.cycle
        if cycle.response_complete:
            self._windows_after_answer += 1
        # Not the client's fault: the application is not reading, or has not said "100 Continue".
        excused = self.flow.read_paused or cycle.waiting_for_100_continue
        moving = self._window_bytes >= _MIN_BODY_BYTES_PER_WINDOW
        if (moving or excused) and self._windows_after_answer < _MAX_WINDOWS_AFTER_ANSWER:
            self._open_window()
        elif cycle.response_complete:
            self.transport.close()
        else:
            self._refuse(
                RequestTimeoutError(
                    f"The request body stalled for {self._limits.request_timeout_s:g} seconds."
                )
            )

    def _stop_request_timer(self) -> None:
        self._timed = _Reading.NOTHING
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _stop_timers(self) -> None:
        self._stop_request_timer()
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    # ------------------------------------------------------------------------------ refusals

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls when the parser gives up."""
        self._refuse(self._refusal or InvalidRequestError(msg))

    def _is_answering(self) -> bool:
        return self._answering is not None and not self._answering.response_complete

    def _refuse(self, error: PlatformError) -> None:
        """Answer what cannot become a request, unless an answer to an earlier one is under way."""
        running = self._answering
        if self._deaf or self.transport.is_closing():
            return
        if running is None or running.response_complete:
            self._write_refusal(error)
        elif self.cycle is not running or self._reading is not _Reading.BODY:
            self._stop_listening()
        elif running.response_started:
            self.transport.close()
        else:
            if self._exchange is not None:
                self._exchange.hang_up()
            self._write_refusal(error)

    def _stop_listening(self) -> None:
        """Finish the requests that arrived whole, then close; what comes is thrown away."""
        self._deaf = True
        self._stop_request_timer()
        if self.pipeline and self._reading is _Reading.BODY:
            self.pipeline.popleft()  # the newest, which is not complete
        last = self.pipeline[0][0] if self.pipeline else self._answering
        if last is not None:
            last.keep_alive = False

    def _write_refusal(self, error: PlatformError) -> None:
        """Answer and hang up, but go on reading for a while: closing now would reset the answer."""
        self._deaf = True
        self._stop_request_timer()
        self._unset_keepalive_if_required()
        self.transport.write(self._refusal_bytes(error))
        self.transport.write_eof()
        self.flow.resume_reading()
        self._request_timer = self.loop.call_later(self._limits.linger_s, self.transport.close)

    def _refusal_bytes(self, error: PlatformError) -> bytes:
        info = error.info()
        body = msgspec.json.encode(info.envelope())
        headers = [
            *self.server_state.default_headers,
            (b"content-type", JSON),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *error_headers(info),
        ]
        status = f"HTTP/1.1 {info.status} {HTTPStatus(info.status).phrase}\r\n".encode()
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        return status + lines + b"\r\n" + body
