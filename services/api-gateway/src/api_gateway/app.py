"""The composition root: settings in, applications out. Nothing is created anywhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_gateway.admission.auth import KeyRing
from api_gateway.admission.key_service import KeyService
from api_gateway.discovery import DiscoveredCatalogue
from api_gateway.lanes.background import BackgroundResponses
from api_gateway.lanes.background_sweep import BackgroundSweep
from api_gateway.metrics import CallMetrics, GatewayMetrics
from api_gateway.routes.access_log import BatchedAccess, LoggedAccess, NoAccessLog
from api_gateway.routes.chat import ChatLimits, ChatRoute
from api_gateway.routes.chat_keeping import ChatKeeper
from api_gateway.routes.compactions import CompactionsRoute
from api_gateway.routes.completions import CompletionsRoute
from api_gateway.routes.conversations import ConversationsRoutes
from api_gateway.routes.cross_origin import CrossOrigin
from api_gateway.routes.embeddings import EmbeddingsRoute
from api_gateway.routes.exchange import BodyLimits
from api_gateway.routes.idempotency import OnlyOnce
from api_gateway.routes.input_tokens import InputTokensRoute
from api_gateway.routes.models import ModelsRoutes
from api_gateway.routes.openapi import OpenApiRoute
from api_gateway.routes.public import PublicApp, Route
from api_gateway.routes.responses import ResponsesRoute, ResponseStores
from api_gateway.routes.runs import RunsRoute
from api_gateway.routes.stored_completions import StoredCompletionsRoutes
from api_gateway.routes.stored_responses import StoredResponsesRoutes
from api_gateway.stores.completions import SqlCompletions
from api_gateway.stores.conversations import SqlConversations
from api_gateway.stores.database import Database
from api_gateway.stores.idempotency import SqlIdempotency
from api_gateway.stores.keys import KeyStore
from api_gateway.stores.response_history import SqlHistory
from api_gateway.stores.responses import SqlResponses
from api_gateway.stores.retention import RetentionSweep
from api_gateway.stores.tables import REVISION
from catalogue import CatalogueWatcher, ProviderSecrets
from model_providers.discovery import ModelLists
from model_providers.registry import ModelClient
from service_kit.clock import Clock, SystemClock
from service_kit.http import RouteTable
from service_kit.internal_client import InternalClient, new_session
from service_kit.lifecycle import Lifecycle
from service_kit.logging import get_logger
from service_kit.probes import operations_app
from service_kit.server import Listener
from service_kit.sql import create_engine, require_revision
from service_kit.tracing import create_tracer

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from api_gateway.routes.access_log import AccessLog
    from api_gateway.routes.public import Handler
    from api_gateway.settings import GatewaySettings
    from catalogue import Catalogue
    from service_kit.http import ASGIApp, Receive, Scope, Send
    from service_kit.tracing import Tracer

    Door = tuple[str, str, Handler]  # method, template, who answers

SERVICE = "api-gateway"
MIGRATE_COMMAND = "python -m api_gateway migrate"

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Application:
    """What a process serves."""

    listeners: tuple[Listener, ...]
    lifecycle: Lifecycle
    public: PublicApp
    metrics: GatewayMetrics


def create_app(
    settings: GatewaySettings,
    *,
    metrics: GatewayMetrics | None = None,
    clock: Clock | None = None,
    tracer: Tracer | None = None,
) -> Application:
    """Put the process together. Collaborators that are not given are made from the settings.

    Call it inside the event loop that will serve.

    Raises:
        SettingsError: a secret is missing.
        ConfigurationError: conclave.yaml is wrong.
    """
    metrics, clock = metrics or GatewayMetrics(), clock or SystemClock()
    lifecycle = Lifecycle()
    tracer = tracer or create_tracer(settings, SERVICE)
    lifecycle.add_background("traces", tracer.run)
    watcher = _watch_catalogue(settings, metrics, lifecycle)
    ring = KeyRing(settings.pepper(), clock)
    keys = _keep_keys(settings, ring, clock, lifecycle)
    metrics.measured("conclave_gateway_keys", "API keys that are valid.", lambda: len(ring))
    public = PublicApp(
        _routes(settings, watcher, metrics, clock, lifecycle),
        keys=ring,
        metrics=metrics,
        tracer=tracer,
        clock=clock,
        limits=BodyLimits(settings.max_body_bytes, settings.body_timeout_s),
        config_version=lambda: watcher.version,
        access_log=_access_log(settings, clock, lifecycle),
        cross_origin=_cross_origin(settings),
    )
    return Application(
        listeners=(
            Listener("public", settings.host, settings.port, public),
            Listener("admin", settings.host, settings.admin_port, _admin(settings, keys, clock)),
            Listener(
                "metrics",
                settings.host,
                settings.metrics_port,
                operations_app(lifecycle, metrics.registry, clock),
                survives_drain=True,
            ),
        ),
        lifecycle=lifecycle,
        public=public,
        metrics=metrics,
    )


def _access_log(settings: GatewaySettings, clock: Clock, lifecycle: Lifecycle) -> AccessLog:
    if not settings.access_log or settings.log_level in ("warning", "error"):
        return NoAccessLog()
    if settings.log_format == "text":
        return LoggedAccess(get_logger("api_gateway.access"))
    batched = BatchedAccess(SERVICE, clock)
    lifecycle.add_background("access log", batched.run)
    return batched


def _cross_origin(settings: GatewaySettings) -> CrossOrigin | None:
    origins = settings.allowed_origins()
    return CrossOrigin(origins) if origins else None


def _watch_catalogue(
    settings: GatewaySettings, metrics: GatewayMetrics, lifecycle: Lifecycle
) -> CatalogueWatcher:
    def changed(catalogue: Catalogue) -> None:
        log.info("configuration_changed", names=len(catalogue.public_names()))

    watcher = CatalogueWatcher(settings.catalogue_path(), changed, environ=settings.environment())
    lifecycle.add_background("configuration", watcher.run)
    metrics.measured(
        "conclave_gateway_configuration_refused",
        "1 while the configuration's newest text is refused and the older one used.",
        lambda: float(watcher.last_error is not None),
    )
    return watcher


def _discover(
    watcher: CatalogueWatcher,
    lists: ModelLists,
    metrics: GatewayMetrics,
    clock: Clock,
    lifecycle: Lifecycle,
) -> DiscoveredCatalogue:
    found = DiscoveredCatalogue(lambda: watcher.current, lists, clock)
    lifecycle.add_background("discovery", found.run)
    metrics.measured(
        "conclave_gateway_discovered_models",
        "Models offered because their provider lists them.",
        lambda: float(found.discovered_count),
    )
    return found


def _keep_keys(
    settings: GatewaySettings, ring: KeyRing, clock: Clock, lifecycle: Lifecycle
) -> KeyService:
    engine = create_engine(settings.database_url)
    keys = KeyService(KeyStore(engine), ring, settings.pepper(), clock)

    async def load() -> None:
        await require_revision(engine, REVISION, MIGRATE_COMMAND)
        bootstrap_key = settings.bootstrap_key()
        if bootstrap_key is not None:
            await keys.ensure(bootstrap_key)
        await keys.refresh()
        if not ring:
            log.warning("no_api_key", remedy="make one with POST /admin/v1/keys")

    async def follow() -> None:
        await keys.follow(settings.key_refresh_s)

    lifecycle.on_shutdown(engine.dispose)
    lifecycle.on_startup(load)
    lifecycle.add_background("keys", follow)
    return keys


@dataclass(frozen=True, slots=True)
class _Behind:
    """What stands behind the routes, made once."""

    catalogue: Callable[[], Catalogue]
    models: ModelClient
    orchestrator: InternalClient
    compactor: InternalClient
    database: Database
    limits: ChatLimits
    clock: Clock
    once: Callable[[Handler], Handler]


def _routes(
    settings: GatewaySettings,
    watcher: CatalogueWatcher,
    metrics: GatewayMetrics,
    clock: Clock,
    lifecycle: Lifecycle,
) -> RouteTable[Route]:
    behind = _behind(settings, watcher, metrics, clock, lifecycle)
    routes: RouteTable[Route] = RouteTable()
    described = OpenApiRoute(lambda: [(each, route.name) for each, route in routes.handlers()])
    for method, template, handler in (
        *_chat_doors(behind),
        *_responses_doors(behind, lifecycle),
        *_other_doors(behind),
        ("GET", "/openapi.json", described.retrieve),
    ):
        routes.add(method, template, Route(template, handler))
    return routes


def _behind(
    settings: GatewaySettings,
    watcher: CatalogueWatcher,
    metrics: GatewayMetrics,
    clock: Clock,
    lifecycle: Lifecycle,
) -> _Behind:
    session, secrets = _session(lifecycle), ProviderSecrets(settings.environment())
    lists = ModelLists(session, secrets=secrets)
    found = _discover(watcher, lists, metrics, clock, lifecycle)
    database = _database(settings, metrics, clock, lifecycle)

    def service(urls: list[str]) -> InternalClient:
        return InternalClient(urls, settings.token(), _session(lifecycle), clock)

    return _Behind(
        catalogue=lambda: found.current,
        models=ModelClient(session, clock=clock, secrets=secrets, observer=CallMetrics(metrics)),
        orchestrator=service(settings.orchestrator_urls()),
        compactor=service(settings.compactor_urls()),
        database=database,
        limits=ChatLimits(
            model_deadline_s=settings.model_deadline_s,
            first_frame_hold_s=settings.first_frame_hold_s,
            heartbeat_s=settings.heartbeat_s,
            panel_choices=settings.panel_choices,
        ),
        clock=clock,
        once=OnlyOnce(SqlIdempotency(database, clock)).guard,
    )


def _chat_doors(behind: _Behind) -> tuple[Door, ...]:
    catalogue, models, orchestrator = behind.catalogue, behind.models, behind.orchestrator
    clock, limits, once = behind.clock, behind.limits, behind.once
    kept = SqlCompletions(behind.database)
    chat = ChatRoute(catalogue, models, orchestrator, ChatKeeper(kept), clock=clock, limits=limits)
    chats = StoredCompletionsRoutes(kept, kept)
    completions = CompletionsRoute(catalogue, models, orchestrator, clock=clock, limits=limits)
    return (
        ("POST", "/v1/chat/completions", once(chat.create)),
        ("GET", "/v1/chat/completions", chats.list_all),
        ("GET", "/v1/chat/completions/{completion}", chats.retrieve),
        ("POST", "/v1/chat/completions/{completion}", chats.update),
        ("DELETE", "/v1/chat/completions/{completion}", chats.delete),
        ("GET", "/v1/chat/completions/{completion}/messages", chats.messages),
        ("POST", "/v1/completions", once(completions.create)),
    )


def _responses_doors(behind: _Behind, lifecycle: Lifecycle) -> tuple[Door, ...]:
    """Responses and the conversations they may be part of."""
    catalogue, compactor, clock, once = (
        behind.catalogue, behind.compactor, behind.clock, behind.once,
    )  # fmt: skip
    conversations = SqlConversations(behind.database, clock)
    history, kept = SqlHistory(behind.database), SqlResponses(behind.database, clock)
    stores = ResponseStores(kept, history, conversations)
    background = BackgroundResponses(behind.orchestrator, kept, clock)
    lifecycle.add_background("background responses", BackgroundSweep(kept, background, clock).run)
    responses = ResponsesRoute(
        catalogue,
        behind.models,
        behind.orchestrator,
        compactor,
        stores,
        clock=clock,
        limits=behind.limits,
        background=background,
    )
    stored = StoredResponsesRoutes(
        kept, history, background, clock=clock, heartbeat_s=behind.limits.heartbeat_s
    )
    compactions = CompactionsRoute(catalogue, compactor, stores, clock)
    counts = InputTokensRoute(catalogue, history, conversations, compactor, clock)
    threads = ConversationsRoutes(conversations, conversations, history, clock)
    return (
        ("POST", "/v1/responses", once(responses.create)),
        ("POST", "/v1/responses/compact", once(compactions.create)),
        ("POST", "/v1/responses/input_tokens", counts.count),
        ("GET", "/v1/responses/{response}", stored.retrieve),
        ("DELETE", "/v1/responses/{response}", stored.delete),
        ("POST", "/v1/responses/{response}/cancel", stored.cancel),
        ("GET", "/v1/responses/{response}/input_items", stored.input_items),
        ("POST", "/v1/conversations", once(threads.create)),
        ("GET", "/v1/conversations/{conversation}", threads.retrieve),
        ("POST", "/v1/conversations/{conversation}", threads.update),
        ("DELETE", "/v1/conversations/{conversation}", threads.delete),
        ("GET", "/v1/conversations/{conversation}/items", threads.list_items),
        ("POST", "/v1/conversations/{conversation}/items", threads.add_items),
        ("GET", "/v1/conversations/{conversation}/items/{item}", threads.retrieve_item),
        ("DELETE", "/v1/conversations/{conversation}/items/{item}", threads.delete_item),
    )


def _other_doors(behind: _Behind) -> tuple[Door, ...]:
    embeddings = EmbeddingsRoute(
        behind.catalogue,
        behind.models,
        clock=behind.clock,
        deadline_s=behind.limits.model_deadline_s,
    )
    listed = ModelsRoutes(behind.catalogue)
    runs = RunsRoute(behind.orchestrator, clock=behind.clock)
    return (
        ("POST", "/v1/embeddings", behind.once(embeddings.create)),
        ("GET", "/v1/models", listed.list_all),
        ("GET", "/v1/models/{model:path}", listed.retrieve),
        ("GET", "/v1/conclave/runs/{run}", runs.retrieve),
        ("POST", "/v1/conclave/runs/{run}/score", runs.score),
        ("GET", "/v1/conclave/weights", runs.weights),
    )


def _database(
    settings: GatewaySettings, metrics: GatewayMetrics, clock: Clock, lifecycle: Lifecycle
) -> Database:
    database = Database(settings.database_url, timeout_s=settings.store_timeout_s)
    sweep = RetentionSweep(database, clock, retention_days=settings.stored_retention_days)
    lifecycle.on_shutdown(database.dispose)
    lifecycle.add_background("retention", sweep.run)
    metrics.measured(
        "conclave_gateway_store_failures",
        "Times since the start that the database failed to read or keep a stored object.",
        lambda: database.failures,
    )
    return database


def _session(lifecycle: Lifecycle) -> aiohttp.ClientSession:
    """Without the environment's proxy: the model client finds its own, internal calls take none."""
    session = new_session(trust_env=False)
    lifecycle.on_shutdown(session.close)
    return session


def _admin(settings: GatewaySettings, keys: KeyService, clock: Clock) -> ASGIApp:
    """Made at the first request: most replicas never see one, and FastAPI costs 7 MB."""
    admin_key = settings.admin_key()
    app: ASGIApp | None = None

    async def admin(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal app
        if app is None:
            from api_gateway.admin.application import create_admin_app  # noqa: PLC0415

            app = create_admin_app(admin_key, keys, clock)
        await app(scope, receive, send)

    return admin
