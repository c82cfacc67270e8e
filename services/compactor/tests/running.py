"""A compactor as it runs, called as its siblings call it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compactor.app import create_app
from compactor.metrics import CompactorMetrics
from compactor.settings import CompactorSettings
from service_kit.call_context import CallContext
from service_kit.clock import SystemClock
from service_kit.internal_client import InternalClient, new_session
from service_kit.testing import running_service
from wire.deadline import Deadline
from wire.endpoints import COMPACT, OPEN_COMPACTION

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from compactor.strategies.summary import Models
    from wire.compaction import CompactRequest, CompactResult, OpenRequest, OpenResult

TOKEN = "t" * 32
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class RunningCompactor:
    client: InternalClient
    metrics: CompactorMetrics
    url: str
    operations_url: str

    async def compact(
        self, request: CompactRequest, *, tenant_id: str = "red", timeout_s: float = 30.0
    ) -> CompactResult:
        return await self.client.call(COMPACT, request, context(tenant_id, timeout_s))

    async def open(self, request: OpenRequest, *, tenant_id: str = "red") -> OpenResult:
        return await self.client.call(OPEN_COMPACTION, request, context(tenant_id))

    def count(self, name: str, **labels: str) -> float:
        """A counter's value; 0 before its first step."""
        found = self.metrics.registry.get_sample_value(f"conclave_compactor_{name}", labels)
        return found or 0.0


def context(tenant_id: str = "red", timeout_s: float = 30.0) -> CallContext:
    deadline = Deadline.after(timeout_s, now_s=_CLOCK.monotonic_s())
    return CallContext(tenant_id=tenant_id, request_id="req_test", deadline=deadline)


@asynccontextmanager
async def running_compactor(
    *, models: Models | None = None, **settings: object
) -> AsyncGenerator[RunningCompactor]:
    """On free ports; `settings` beside an installation token."""
    values = {"port": 0, "metrics_port": 0, "installation_token": TOKEN, **settings}
    metrics = CompactorMetrics()
    app = create_app(
        CompactorSettings(**values),  # pyright: ignore[reportArgumentType]
        models=models,
        metrics=metrics,
    )
    session = new_session(trust_env=False)
    try:
        async with running_service(listeners=app.listeners, lifecycle=app.lifecycle) as service:
            url = service.url(name="internal")
            client = InternalClient(url, TOKEN, session, _CLOCK)
            yield RunningCompactor(client, metrics, url, service.url(name="metrics"))
    finally:
        await session.close()
