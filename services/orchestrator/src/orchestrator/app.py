"""The composition root: settings in, applications out. Nothing is created anywhere else."""

from __future__ import annotations

import asyncio
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalogue import ProviderSecrets
from model_providers.registry import ModelClient
from model_providers.usage_look_up import UsageLookUp
from orchestrator.context_budget import ContextBudget
from orchestrator.driver.call_metrics import CallMetrics
from orchestrator.driver.latencies import Latencies
from orchestrator.driver.learning import Learning
from orchestrator.driver.lease_keeper import LeaseKeeper
from orchestrator.driver.loop_lag import LoopLag
from orchestrator.driver.run import RunServices
from orchestrator.driver.runs_elsewhere import RunsElsewhere
from orchestrator.driver.supervisor import RunSupervisor
from orchestrator.driver.takeover import ProcessName, TakeOver
from orchestrator.driver.usage_look_ups import UsageLookUps
from orchestrator.metrics import OrchestratorMetrics
from orchestrator.routes import RunRoutes
from orchestrator.store.leases import LeaseBook
from orchestrator.store.reader import StoreReader
from orchestrator.store.schema import REVISION
from orchestrator.store.scores import ScoreBook
from orchestrator.store.transactions import Checkpoints, open_transactions
from orchestrator.store.upkeep import RetentionSweep
from orchestrator.store.usage_book import UsageBook
from orchestrator.store.writer import StoreWriter
from service_kit.clock import Clock, SystemClock
from service_kit.internal_client import InternalClient, new_session
from service_kit.internal_server import InternalApp
from service_kit.lifecycle import Lifecycle
from service_kit.probes import operations_app
from service_kit.server import Listener
from service_kit.sql import async_url, create_engine, require_revision
from service_kit.tracing import create_tracer

if TYPE_CHECKING:
    from orchestrator.driver.call_runner import Models
    from orchestrator.settings import OrchestratorSettings
    from service_kit.tracing import Tracer

SERVICE = "orchestrator"
MIGRATE_COMMAND = "python -m orchestrator migrate"


@dataclass(frozen=True, slots=True)
class Application:
    """What a process serves."""

    listeners: tuple[Listener, ...]
    lifecycle: Lifecycle
    supervisor: RunSupervisor


def create_app(
    settings: OrchestratorSettings,
    *,
    models: Models | None = None,
    clock: Clock | None = None,
    tracer: Tracer | None = None,
    metrics: OrchestratorMetrics | None = None,
) -> Application:
    """Put the process together; call it in the running event loop.

    Collaborators that are not given are made from the settings.

    Raises:
        SettingsError: there is no usable installation token.
        DatabaseUrlError: the database URL is not of a database we support.
    """
    token = settings.token()
    clock = clock or SystemClock()
    tracer = tracer or create_tracer(settings, SERVICE)
    metrics = metrics or OrchestratorMetrics()
    lifecycle = Lifecycle()
    latencies = Latencies()
    process = _process_name(settings)
    store = _Store(settings, clock, lifecycle, process)
    look_ups = UsageLookUps(_usage_look_up(settings, lifecycle), store.usage, clock)
    budget = _budget(settings, token, metrics, clock, lifecycle)
    services = RunServices(
        models=models or _model_client(settings, clock, CallMetrics(metrics, latencies), lifecycle),
        writer=store.writer,
        clock=clock,
        metrics=metrics,
        latencies=latencies,
        tracer=tracer,
        owner=process.text,
        store_answers=settings.store_answers,
        budget=budget,
        look_ups=look_ups,
    )
    supervisor = RunSupervisor(
        services,
        lifecycle,
        max_concurrent_runs=settings.max_concurrent_runs,
        ended_runs_kept_s=settings.ended_runs_kept_s,
    )
    lease_s = settings.lease_s
    keeper = LeaseKeeper(process.text, supervisor, store.writer, store.reader, lease_s=lease_s)
    takeover = TakeOver(
        process,
        supervisor,
        store.reader,
        store.leases,
        clock,
        lease_s=lease_s,
        closed=look_ups.want,
    )
    lifecycle.add_background("runs", _Work(store, supervisor, keeper, takeover, look_ups).run)
    lifecycle.add_background("traces", tracer.run)
    lifecycle.add_background("loop_lag", LoopLag(metrics.loop_lag_s.observe).run)
    _measure(metrics, supervisor, store.writer)
    internal = InternalApp(token, lifecycle, clock=clock)
    RunRoutes(
        supervisor,
        store.reader,
        Learning(store.scores, clock),
        RunsElsewhere(store.reader, store.leases, takeover, clock),
        budget,
        show_answers=settings.show_answers,
    ).register(internal)
    operations = operations_app(lifecycle, metrics.registry)
    return Application(
        listeners=(
            Listener("internal", settings.host, settings.port, internal),
            Listener(
                "metrics", settings.host, settings.metrics_port, operations, survives_drain=True
            ),
        ),
        lifecycle=lifecycle,
        supervisor=supervisor,
    )


class _Store:
    """The database's engines and what works on them; opened at startup, closed at shutdown."""

    def __init__(
        self,
        settings: OrchestratorSettings,
        clock: Clock,
        lifecycle: Lifecycle,
        process: ProcessName,
    ) -> None:
        url = settings.database_url
        is_sqlite = async_url(url).get_backend_name() == "sqlite"
        self.writer = StoreWriter(open_transactions(url), timeout_s=settings.store_timeout_s)
        self._read_engine = create_engine(url, read_only=is_sqlite)
        self.reader = StoreReader(self._read_engine)
        self._upkeep_engine = create_engine(url)  # the writer keeps its connection to itself
        self.checkpoints = Checkpoints(url)
        self.scores = ScoreBook(self._upkeep_engine)
        self.usage = UsageBook(self._upkeep_engine)
        self.leases = LeaseBook(self._upkeep_engine, clock, owner=process.text)
        self.sweep = RetentionSweep(
            self._upkeep_engine,
            clock,
            retention_days=settings.retention_days,
            score_retention_days=settings.score_retention_days,
        )
        lifecycle.on_startup(self._open)
        lifecycle.on_shutdown(self._close)
        lifecycle.add_check("database", self.reader.check)

    async def _open(self) -> None:
        await require_revision(self._upkeep_engine, REVISION, MIGRATE_COMMAND)

    async def _close(self) -> None:
        self.checkpoints.close()
        await self._upkeep_engine.dispose()
        await self._read_engine.dispose()


class _Work:
    """Runs end before the writer does: their last words still have to be written."""

    def __init__(
        self,
        store: _Store,
        supervisor: RunSupervisor,
        keeper: LeaseKeeper,
        takeover: TakeOver,
        look_ups: UsageLookUps,
    ) -> None:
        self._store = store
        self._supervisor = supervisor
        self._keeper = keeper
        self._takeover = takeover
        self._look_ups = look_ups

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._store.writer.run()),
                group.create_task(self._store.checkpoints.run()),
                group.create_task(self._store.sweep.run()),
                group.create_task(self._keeper.run()),
                group.create_task(self._takeover.run()),
                group.create_task(self._look_ups.run(self._supervisor.correct)),
            ]
            try:
                await self._supervisor.run()
            finally:
                for task in tasks:
                    task.cancel()


def _process_name(settings: OrchestratorSettings) -> ProcessName:
    """Whoever listens here later knows that this process is gone."""
    place = f"{socket.gethostname()}:{settings.host}:{settings.port}" if settings.port else ""
    return ProcessName(place, secrets.token_hex(8))


def _model_client(
    settings: OrchestratorSettings, clock: Clock, observer: CallMetrics, lifecycle: Lifecycle
) -> ModelClient:
    session = new_session(trust_env=False)
    lifecycle.on_shutdown(session.close)
    return ModelClient(
        session,
        clock=clock,
        secrets=ProviderSecrets(settings.environment()),
        observer=observer,
    )


def _usage_look_up(settings: OrchestratorSettings, lifecycle: Lifecycle) -> UsageLookUp:
    """On connections of its own: a run's calls never wait for these."""
    session = new_session(trust_env=False)
    lifecycle.on_shutdown(session.close)
    return UsageLookUp(session, secrets=ProviderSecrets(settings.environment()))


def _budget(
    settings: OrchestratorSettings,
    token: str,
    metrics: OrchestratorMetrics,
    clock: Clock,
    lifecycle: Lifecycle,
) -> ContextBudget:
    session = new_session(trust_env=False)
    lifecycle.on_shutdown(session.close)
    compactor = InternalClient(settings.compactor_urls(), token, session, clock)
    return ContextBudget(compactor, metrics, clock)


def _measure(metrics: OrchestratorMetrics, supervisor: RunSupervisor, writer: StoreWriter) -> None:
    metrics.measured(
        "conclave_orchestrator_runs_in_flight", "Runs under way.", lambda: supervisor.active
    )
    metrics.measured(
        "conclave_orchestrator_store_queue_length",
        "Writes that wait for the database.",
        lambda: writer.waiting,
    )
    metrics.measured(
        "conclave_orchestrator_store_failed_writes",
        "Writes that the database refused since the start.",
        lambda: writer.failed_writes,
    )
