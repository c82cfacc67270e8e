"""The orchestrator as a real server on free ports, in front of a real simulator."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from orchestrator.app import Application, create_app
from orchestrator.metrics import OrchestratorMetrics
from orchestrator.settings import OrchestratorSettings
from orchestrator.store.schema import MIGRATIONS
from provider_sim.settings import Settings as SimSettings
from provider_sim.testing import SimulatorClient, running_client
from service_kit.clock import SystemClock
from service_kit.internal_client import InternalClient
from service_kit.internal_server import CallContext
from service_kit.sql import migrate
from service_kit.testing import InMemoryExporter, running_service
from service_kit.tracing import Tracer
from wire.conversation import GenerationRequest, Item, TextDelta, user_text
from wire.coordination import RunEnded, RunEvent, RunProgress, StartRun
from wire.deadline import Deadline
from wire.endpoints import START_RUN
from wire.ids import new_request_id, new_run_id
from wire.specs import AgentSpec, ModelSpec, PanelSpec, Prices, ProviderSpec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

TOKEN = "t" * 40
TENANT = "team-a"
_MIGRATED: list[bytes] = []


@dataclass
class Orchestrator:
    """A running orchestrator, its client, and the simulator behind it."""

    app: Application
    client: InternalClient
    sim: SimulatorClient
    metrics: OrchestratorMetrics
    spans: InMemoryExporter
    base_url: str
    operations_url: str
    database: Path

    def context(self, *, tenant: str = TENANT, timeout_s: float = 30) -> CallContext:
        now_s = SystemClock().monotonic_s()
        return CallContext(tenant, new_request_id(), Deadline.after(timeout_s, now_s=now_s))

    async def run(self, start: StartRun, *, timeout_s: float = 30) -> list[RunEvent]:
        """A whole run's events."""
        context = self.context(tenant=start.tenant_id, timeout_s=timeout_s)
        async with aclosing(self.client.stream(START_RUN, start, context)) as events:
            return [event async for event in events]


@asynccontextmanager
async def orchestrator(
    folder: Path, *, sim: SimSettings | None = None, **settings: object
) -> AsyncGenerator[Orchestrator]:
    database = folder / "orchestrator.sqlite3"
    chosen = OrchestratorSettings.model_validate(
        {
            "port": 0,
            "metrics_port": 0,
            "database_url": f"sqlite:///{database}",
            "installation_token": TOKEN,
            **settings,
        }
    )
    await _make_database(database, chosen.database_url)
    spans, metrics = InMemoryExporter(), OrchestratorMetrics()
    async with (
        running_client(sim or SimSettings(port=0)) as simulator,
        aiohttp.ClientSession() as session,
    ):
        app = create_app(chosen, metrics=metrics, tracer=Tracer(spans))
        async with running_service(listeners=app.listeners, lifecycle=app.lifecycle) as service:
            url = service.url(name="internal")
            yield Orchestrator(
                app=app,
                client=InternalClient(url, TOKEN, session, SystemClock()),
                sim=simulator,
                metrics=metrics,
                spans=spans,
                base_url=url,
                operations_url=service.url(name="metrics"),
                database=database,
            )


async def _make_database(database: Path, url: str) -> None:
    """Migrated once, copied ever after; one that is there already stays."""
    if not _copied(database):
        await migrate(url, MIGRATIONS)
        _MIGRATED.append(_bytes_of(database))


def _copied(database: Path) -> bool:
    if not database.exists() and _MIGRATED:
        database.write_bytes(_MIGRATED[0])
    return database.exists()


def _bytes_of(database: Path) -> bytes:
    return database.read_bytes()


def model(sim: SimulatorClient, name: str = "sim", profile: str = "") -> ModelSpec:
    base_url = sim.profiled_url(profile) if profile else sim.base_url
    return ModelSpec(
        name=name,
        provider=ProviderSpec(name=f"provider-{name}", kind="openai-compatible", base_url=base_url),
        upstream_model=name,
        prices=Prices(input_usd_per_mtok=1.0, output_usd_per_mtok=2.0),
    )


def panel(sim: SimulatorClient, *agents: AgentSpec, **options: object) -> PanelSpec:
    """A panel of the agents given, or of three whose personas agree."""
    seats = agents or tuple(
        AgentSpec(agent_id=name, model=model(sim), persona=f"You are {name}, careful.")
        for name in ("ada", "bob", "cyd")
    )
    return PanelSpec(name="council", agents=seats, **options)  # type: ignore[arg-type]


def start_run(
    spec: PanelSpec,
    text: str = "Reply with exactly this text and nothing else: pong",
    *,
    items: Sequence[Item] = (),
    request: GenerationRequest | None = None,
    **options: object,
) -> StartRun:
    return StartRun(
        run_id=new_run_id(),
        request_id=new_request_id(),
        tenant_id=TENANT,
        key_id="key-1",
        public_model=spec.name,
        panel=spec,
        request=request or GenerationRequest(items=(*items, user_text(text))),
        **options,  # type: ignore[arg-type]
    )


def text_of(events: Sequence[RunEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def ended(events: Sequence[RunEvent]) -> RunEnded:
    ends = [event for event in events if isinstance(event, RunEnded)]
    assert len(ends) == 1
    assert events[-1] is ends[0]
    return ends[0]


def progress_of(events: Sequence[RunEvent]) -> list[str]:
    lines = [event.text for event in events if isinstance(event, RunProgress)]
    return "\n".join(lines).splitlines()
