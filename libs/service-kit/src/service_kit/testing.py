"""For tests of our services: a clock that moves when told, and a real server on free ports."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service_kit.lifecycle import Lifecycle
from service_kit.server import Listener, Server, ServerLimits

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from service_kit.http import ASGIApp
    from service_kit.tracing import SpanRecord

START_TIMEOUT_S = 5.0
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
            async with asyncio.timeout(START_TIMEOUT_S):
                await server.wait_serving()
            try:
                yield RunningService(server, lifecycle, served)
            finally:
                server.request_stop()
    except BaseExceptionGroup as errors:
        if len(errors.exceptions) == 1:  # the test's own failure, as it would look without us
            raise errors.exceptions[0] from None
        raise
