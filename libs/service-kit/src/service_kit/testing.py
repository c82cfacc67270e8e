"""For tests of our services: a clock that moves when told, a real server, a raw client."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service_kit.lifecycle import Lifecycle
from service_kit.server import Listener, Server, ServerLimits

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from service_kit.http import ASGIApp
    from service_kit.tracing import SpanRecord

WAIT_S = 5.0
TRAFFIC = "http"
OPERATIONS = "operations"


class FakeClock:
    """Both clocks advance together, by `advance` only."""

    def __init__(self, *, monotonic_s: float = 1000.0, unix_s: float = 1_700_000_000.0) -> None:
        self._monotonic_s = monotonic_s
        self._unix_s = unix_s

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def unix_s(self) -> float:
        return self._unix_s

    def advance(self, seconds: float) -> None:
        self._monotonic_s += seconds
        self._unix_s += seconds


class InMemoryExporter:
    """Keeps the spans it is given."""

    def __init__(self) -> None:
        self.spans: list[SpanRecord] = []
        self.closed = False

    def export(self, spans: Sequence[SpanRecord]) -> None:
        self.spans.extend(spans)

    def close(self) -> None:
        self.closed = True


@dataclass(frozen=True, slots=True)
class RunningService:
    server: Server
    lifecycle: Lifecycle
    served: asyncio.Task[None]

    def port(self, name: str = TRAFFIC) -> int:
        return self.server.port_of(name)

    def url(self, path: str = "", *, name: str = TRAFFIC) -> str:
        return f"http://127.0.0.1:{self.port(name)}{path}"


async def within(event: asyncio.Event) -> None:
    """Wait for an event, bounded."""
    async with asyncio.timeout(WAIT_S):
        await event.wait()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds, bounded; for what has no event."""
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - the subject has no event to wait for
            await asyncio.sleep(0.001)


@dataclass(frozen=True, slots=True)
class RawResponse:
    status: int
    headers: dict[str, str]
    body: bytes


class RawClient:
    """A TCP connection that speaks exactly the bytes it is told; every wait is bounded."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        async with asyncio.timeout(WAIT_S):
            await self._writer.drain()

    async def request(
        self, method: str, path: str, *, headers: str = "", body: bytes | None = None
    ) -> None:
        length = "" if body is None else f"content-length: {len(body)}\r\n"
        head = f"{method} {path} HTTP/1.1\r\nhost: test\r\n{length}{headers}\r\n"
        await self.send(head.encode() + (body or b""))

    async def response(self) -> RawResponse:
        """The next whole response."""
        head = await self.head()
        if head.headers.get("transfer-encoding") == "chunked":
            chunks: list[bytes] = []
            while chunk := await self.chunk():
                chunks.append(chunk)
            return RawResponse(head.status, head.headers, b"".join(chunks))
        async with asyncio.timeout(WAIT_S):
            body = await self._reader.readexactly(int(head.headers.get("content-length", "0")))
        return RawResponse(head.status, head.headers, body)

    async def head(self) -> RawResponse:
        """Status and headers of the next response; the body stays unread."""
        async with asyncio.timeout(WAIT_S):
            raw = await self._reader.readuntil(b"\r\n\r\n")
        status_line, *lines = raw.decode("latin-1").strip().split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.lower(): value.strip() for name, value in pairs}
        return RawResponse(int(status_line.split()[1]), headers, b"")

    async def chunk(self) -> bytes:
        """The next chunk of a chunked body; empty at its proper end.

        Raises:
            IncompleteReadError: the connection ended before the body did.
        """
        async with asyncio.timeout(WAIT_S):
            size = int(await self._reader.readuntil(b"\r\n"), 16)
            chunk = await self._reader.readexactly(size + 2)
        return chunk[:-2]

    async def packet(self) -> bytes:
        """What arrives first, as the operating system hands it over."""
        async with asyncio.timeout(WAIT_S):
            return await self._reader.read(64 * 1024)

    async def closed(self) -> bytes:
        """Wait until the server has hung up; what it still sent."""
        async with asyncio.timeout(WAIT_S):
            return await self._reader.read()

    def hang_up(self) -> None:
        self._writer.close()

    def reset(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def raw_client(
    port: int, *, receive_buffer_bytes: int | None = None
) -> AsyncGenerator[RawClient]:
    """Connect to a loopback port. A small receive buffer makes a slow reader of whoever stops."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    connection.setblocking(False)  # noqa: FBT003 - the socket module's signature
    async with asyncio.timeout(WAIT_S):
        try:
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        except OSError:
            connection.close()
            raise
        reader, writer = await asyncio.open_connection(
            sock=connection, limit=receive_buffer_bytes or 64 * 1024
        )
    try:
        yield RawClient(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def running_service(
    app: ASGIApp | None = None,
    *,
    operations: ASGIApp | None = None,
    listeners: Sequence[Listener] = (),
    lifecycle: Lifecycle | None = None,
    limits: ServerLimits | None = None,
) -> AsyncGenerator[RunningService]:
    """Serve on free loopback ports; drained (briefly) and stopped at the end.

    `app` listens as "http", `operations` as "operations"; `listeners` are added as they are.
    """
    lifecycle = lifecycle or Lifecycle()
    every = [*listeners]
    if app is not None:
        every.append(Listener(TRAFFIC, "127.0.0.1", 0, app))
    if operations is not None:
        every.append(Listener(OPERATIONS, "127.0.0.1", 0, operations, survives_drain=True))
    server = Server(
        every,
        lifecycle=lifecycle,
        limits=limits or ServerLimits(shutdown_grace_s=1.0, cancel_grace_s=1.0),
        handle_signals=False,
    )
    try:
        async with asyncio.TaskGroup() as group:
            served = group.create_task(server.serve())
            async with asyncio.timeout(WAIT_S):
                await server.wait_serving()
            try:
                yield RunningService(server, lifecycle, served)
            finally:
                server.request_stop()
    except BaseExceptionGroup as errors:
        if len(errors.exceptions) == 1:  # the test's own failure, as it would look without us
            raise errors.exceptions[0] from None
        raise
