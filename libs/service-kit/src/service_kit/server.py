"""One server over several sockets: bounded, observable from the start, drained on SIGTERM.

Each listener has its own application. Listeners that `survive_drain` (probes, metrics) answer from
before startup until after the last request; the others from startup until the drain begins.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from uvicorn.server import ServerState

from service_kit.clock import Clock, SystemClock
from service_kit.http_protocol import BoundedHttpProtocol, ServerLimits
from service_kit.lifecycle import Lifecycle, StartupError
from service_kit.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from service_kit.http import (
        ASGIApp,
        Receive,
        Scope,
        Send,
    )

if TYPE_CHECKING:
    from service_kit.settings import ServiceSettings

__all__ = ["Listener", "PortInUseError", "Server", "ServerLimits", "limits_of"]

log = get_logger(__name__)


class PortInUseError(StartupError):
    def __init__(self, name: str, host: str, port: int) -> None:
        super().__init__(
            f"{host}:{port} ({name}) is in use by another process. Stop that process "
            f"(`ss -ltnp 'sport = :{port}'` shows it) or choose another port."
        )
        self.host = host
        self.port = port


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket and its application. Port 0 takes a free one: `Server.port_of` tells which."""

    name: str
    host: str
    port: int
    app: ASGIApp
    survives_drain: bool = False


class _Group:
    """The connections of listeners that open and close together."""

    def __init__(self) -> None:
        self.state = ServerState()
        self.servers: list[asyncio.Server] = []
        self.empty = asyncio.Event()
        self.empty.set()

    def connection_closed(self) -> None:
        if not self.state.connections:
            self.empty.set()

    def stop_accepting(self) -> None:
        for server in self.servers:
            server.close()
        if self.state.connections:
            self.empty.clear()
        for connection in self._connections():
            connection.shutdown()

    def cancel(self) -> None:
        for task in list(self.state.tasks):
            task.cancel("the process is shutting down")

    async def cut(self, grace_s: float) -> None:
        """End everything now; handlers get `grace_s` to tidy up."""
        self.stop_accepting()
        self.cancel()
        await self.finished(grace_s)
        for connection in self._connections():
            connection.abort()

    def _connections(self) -> list[BoundedHttpProtocol]:
        return cast("list[BoundedHttpProtocol]", list(self.state.connections))

    async def finished(self, timeout_s: float) -> bool:
        """Wait until every answer has been sent and every handler has returned."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.empty.wait()
                while self.state.tasks:
                    await asyncio.wait(set(self.state.tasks))
        except TimeoutError:
            return False
        return True


class Server:
    """Binds in the constructor's order when `serve` is called; runs until `request_stop`."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        *,
        lifecycle: Lifecycle,
        limits: ServerLimits | None = None,
        clock: Clock | None = None,
        handle_signals: bool = True,
    ) -> None:
        self._listeners = tuple(listeners)
        self._lifecycle = lifecycle
        self._limits = limits or ServerLimits()
        self._clock = clock or SystemClock()
        self._handle_signals = handle_signals
        self._ports: dict[str, int] = {}
        self._accepting: set[str] = set()
        self._traffic = _Group()
        self._operations = _Group()
        self._stop = asyncio.Event()
        self._serving = asyncio.Event()
        self._date_timer: asyncio.TimerHandle | None = None

    def port_of(self, name: str) -> int:
        """The port a listener got; known once `serve` has begun."""
        return self._ports[name]

    @property
    def requests_in_flight(self) -> int:
        return len(self._traffic.state.tasks)

    def accepting(self, name: str) -> bool:
        """Whether a listener takes connections now."""
        return name in self._accepting

    async def wait_serving(self) -> None:
        await self._serving.wait()

    def request_stop(self) -> None:
        """Drain and return from `serve`; a second request cuts what is still running."""
        if self._stop.is_set():
            self._traffic.cancel()
        self._stop.set()

    async def serve(self) -> None:
        """Serve until stopped.

        Raises:
            PortInUseError: before anything has started.
            BackgroundFailedError: after a drain, when a background task has died.
        """
        sockets = self._bind()
        try:
            with self._signals():
                await self._run(sockets)
        finally:
            if self._date_timer is not None:
                self._date_timer.cancel()
            for bound in sockets:
                bound.close()
        if self._lifecycle.failure is not None:
            raise self._lifecycle.failure

    async def _run(self, sockets: list[socket.socket]) -> None:
        asyncio.get_running_loop().set_exception_handler(_log_loop_error)
        self._lifecycle.when_failed(self.request_stop)
        self._refresh_headers()
        config = self._config()
        pairs = list(zip(self._listeners, sockets, strict=True))
        await self._open(config, [pair for pair in pairs if pair[0].survives_drain])
        try:
            async with self._lifecycle.running():
                await self._serve_traffic(
                    config, [pair for pair in pairs if not pair[0].survives_drain]
                )
        finally:
            await self._operations.cut(self._limits.cancel_grace_s)

    async def _serve_traffic(
        self, config: uvicorn.Config, pairs: list[tuple[Listener, socket.socket]]
    ) -> None:
        try:
            await self._open(config, pairs)
            self._serving.set()
            log.info("serving", **{f"{name}_port": port for name, port in self._ports.items()})
            await self._stop.wait()
            await self._drain()
        finally:  # also when this task is cancelled: nothing may outlive it
            await self._traffic.cut(self._limits.cancel_grace_s)

    async def _drain(self) -> None:
        self._lifecycle.draining = True
        log.info("draining", requests_in_flight=self.requests_in_flight)
        self._traffic.stop_accepting()
        if not await self._traffic.finished(self._limits.shutdown_grace_s):
            log.warning("drain_cut", requests_in_flight=self.requests_in_flight)
            await self._traffic.cut(self._limits.cancel_grace_s)
        log.info("drained")

    # ------------------------------------------------------------------------------- sockets

    def _bind(self) -> list[socket.socket]:
        sockets: list[socket.socket] = []
        try:
            for listener in self._listeners:
                bound = _listening_socket(listener)
                sockets.append(bound)
                self._ports[listener.name] = bound.getsockname()[1]
        except BaseException:
            for bound in sockets:
                bound.close()
            raise
        return sockets

    async def _open(
        self, config: uvicorn.Config, pairs: list[tuple[Listener, socket.socket]]
    ) -> None:
        loop = asyncio.get_running_loop()
        for listener, bound in pairs:
            group = self._operations if listener.survives_drain else self._traffic
            factory = partial(
                BoundedHttpProtocol,
                config,
                group.state,
                app=listener.app,
                limits=self._limits,
                on_closed=group.connection_closed,
            )
            try:
                server = await loop.create_server(factory, sock=bound, backlog=self._limits.backlog)
            except OSError as error:  # two processes that start at once can both bind
                raise _cannot_listen(listener, error) from error
            group.servers.append(server)
            self._accepting.add(listener.name)

    def _config(self) -> uvicorn.Config:
        config = uvicorn.Config(
            _no_app,
            interface="asgi3",
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=self._limits.keep_alive_s,
        )
        config.load()
        return config

    def _refresh_headers(self) -> None:
        date = formatdate(self._clock.unix_s(), usegmt=True).encode()
        for group in (self._traffic, self._operations):
            group.state.default_headers = [(b"date", date)]
        self._date_timer = asyncio.get_running_loop().call_later(1.0, self._refresh_headers)

    @contextmanager
    def _signals(self) -> Generator[None]:
        if not self._handle_signals:
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


def limits_of(settings: ServiceSettings) -> ServerLimits:
    """The limits that an operator set."""
    return ServerLimits(
        max_header_bytes=settings.max_header_bytes,
        request_timeout_s=settings.request_timeout_s,
        keep_alive_s=settings.keep_alive_s,
        shutdown_grace_s=settings.shutdown_grace_s,
    )


def _listening_socket(listener: Listener) -> socket.socket:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit these. Keep-alive finds clients whose machine has vanished.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, option):
                bound.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        bound.bind((listener.host, listener.port))
    except OSError as error:
        bound.close()
        raise _cannot_listen(listener, error) from error
    bound.setblocking(False)  # noqa: FBT003 - the socket module's signature
    return bound


def _cannot_listen(listener: Listener, error: OSError) -> StartupError:
    if error.errno == errno.EADDRINUSE:
        return PortInUseError(listener.name, listener.host, listener.port)
    return StartupError(
        f"Cannot listen on {listener.host}:{listener.port} ({listener.name}): "
        f"{os.strerror(error.errno) if error.errno else error}"
    )


async def _no_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands where uvicorn's Config wants an application; each listener brings its own."""


def _log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The default handler prints the repr of tasks and exceptions, and so of payloads."""
    log.error("event_loop", error=context.get("exception"), detail=str(context["message"])[:200])
