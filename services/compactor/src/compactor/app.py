"""The composition root: settings in, applications out. Nothing is created anywhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from catalogue import ProviderSecrets
from compactor.blobs import BlobStore, DirectoryBlobs, MemoryBlobs, sweep_forever
from compactor.calls import CallCounter
from compactor.compaction import Compactor, Remembered
from compactor.envelope import Envelope
from compactor.flights import Flights
from compactor.keys import FixedRing, KeyFile, report_problems, ring_from_token
from compactor.making import Limits, Made, Maker
from compactor.metrics import CompactorMetrics
from compactor.opening import Opener
from compactor.result_cache import ResultCache
from compactor.routes import CompactionRoutes
from compactor.strategies.native import NativeCompaction, NativeSupport
from compactor.vault import OpenedItem, Vault
from model_providers.registry import ModelClient
from service_kit.clock import Clock, SystemClock
from service_kit.internal_client import new_session
from service_kit.internal_server import InternalApp
from service_kit.lifecycle import Lifecycle
from service_kit.probes import operations_app
from service_kit.server import Listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from compactor.settings import CompactorSettings
    from compactor.strategies.summary import Models
    from model_providers.calls import CallObserver
    from wire.conversation import CompactionItem
    from wire.specs import ProviderSpec

MAX_REMEMBERED = 4096

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Application:
    """What a process serves."""

    listeners: tuple[Listener, ...]
    lifecycle: Lifecycle


def create_app(
    settings: CompactorSettings,
    *,
    models: Models | None = None,
    clock: Clock | None = None,
    metrics: CompactorMetrics | None = None,
    secrets: Callable[[ProviderSpec], str | None] | None = None,
) -> Application:
    """Put the process together; call it in the running event loop.

    Collaborators that are not given are made from the settings.

    Raises:
        SettingsError: there is no usable installation token.
        KeyRingError: the sealing keys cannot be used.
    """
    token = settings.token()
    clock = clock or SystemClock()
    metrics = metrics or CompactorMetrics()
    secrets = secrets or ProviderSecrets(settings.environment())
    lifecycle = Lifecycle()
    counter = CallCounter(metrics)
    opener = Opener(_vault(settings, token, clock, lifecycle))
    models = models or _model_client(clock, secrets, counter, lifecycle)
    maker = Maker(
        opener,
        models,
        NativeCompaction(secrets, clock, _native_support(clock, metrics), counter),
        clock,
        Limits(settings.summary_timeout_s, settings.native_timeout_s),
    )
    tools = _Tools(settings, clock, metrics, lifecycle)
    compactor = _compactor(tools, maker, opener)
    internal = InternalApp(token, lifecycle, clock=clock)
    CompactionRoutes(compactor, opener, metrics, clock).register(internal)
    operations = operations_app(lifecycle, metrics.registry)
    return Application(
        listeners=(
            Listener("internal", settings.host, settings.port, internal),
            Listener(
                "metrics", settings.host, settings.metrics_port, operations, survives_drain=True
            ),
        ),
        lifecycle=lifecycle,
    )


def _vault(settings: CompactorSettings, token: str, clock: Clock, lifecycle: Lifecycle) -> Vault:
    blobs = _blobs(settings, clock)
    opened: ResultCache[OpenedItem] = ResultCache(
        clock,
        ttl_s=settings.opened_ttl_s,
        max_entries=MAX_REMEMBERED,
        max_bytes=settings.opened_max_bytes,
    )
    lifecycle.add_background("blobs", lambda: sweep_forever(blobs))
    if settings.sealing_keys_file is None:
        return Vault(Envelope(FixedRing(ring_from_token(token))), blobs, clock, opened)
    keys = KeyFile(settings.sealing_keys_file, clock)
    lifecycle.add_background("sealing keys", lambda: report_problems(keys))
    return Vault(Envelope(keys), blobs, clock, opened)


def _blobs(settings: CompactorSettings, clock: Clock) -> BlobStore:
    if settings.blob_dir is None:
        return MemoryBlobs(clock, ttl_s=settings.blob_ttl_s, max_bytes=settings.blob_max_bytes)
    return DirectoryBlobs(
        settings.blob_dir, clock, ttl_s=settings.blob_ttl_s, max_bytes=settings.blob_max_bytes
    )


def _model_client(
    clock: Clock,
    secrets: Callable[[ProviderSpec], str | None],
    observer: CallObserver,
    lifecycle: Lifecycle,
) -> ModelClient:
    session = new_session(trust_env=False)
    lifecycle.on_shutdown(session.close)
    return ModelClient(session, clock=clock, secrets=secrets, observer=observer)


def _native_support(clock: Clock, metrics: CompactorMetrics) -> NativeSupport:
    return NativeSupport(
        clock, lambda place, offered: metrics.vendors.native_supported.of(place).set(offered)
    )


@dataclass(frozen=True, slots=True)
class _Tools:
    settings: CompactorSettings
    clock: Clock
    metrics: CompactorMetrics
    lifecycle: Lifecycle


def _compactor(tools: _Tools, maker: Maker, opener: Opener) -> Compactor:
    flights: Flights[Made] = Flights()
    tools.lifecycle.add_background("compactions", flights.run)
    results: ResultCache[Made] = _cache(tools)
    beginnings: ResultCache[CompactionItem] = _cache(tools)
    return Compactor(
        maker,
        opener,
        Remembered(flights, results, beginnings),
        tools.metrics,
        tools.clock,
        max_concurrent=tools.settings.max_concurrent_compactions,
    )


def _cache(tools: _Tools) -> ResultCache[ValueT]:
    settings = tools.settings
    return ResultCache(
        tools.clock,
        ttl_s=settings.cache_ttl_s,
        max_entries=MAX_REMEMBERED,
        max_bytes=settings.cache_max_bytes // 2,
    )
