"""The public application: authenticate, route, account. The one handler of every error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_gateway.routes.exchange import HUNG_UP, BodyLimits, Exchange
from api_gateway.routes.unsupported import no_websocket, unsupported, unsupported_family
from service_kit.http import (
    ClientDisconnectedError,
    Header,
    Match,
    MethodNotAllowed,
    NotFound,
    RouteTable,
    not_found,
)
from service_kit.logging import get_logger
from wire.errors import (
    MethodNotAllowedError,
    NotFoundError,
    PlatformError,
    PlatformFaultError,
    ServiceUnavailableError,
)
from wire.ids import new_request_id

if TYPE_CHECKING:
    from api_gateway.admission.auth import KeyRing
    from api_gateway.metrics import GatewayMetrics
    from api_gateway.routes.access_log import AccessLog
    from api_gateway.routes.cross_origin import CrossOrigin
    from service_kit.clock import Clock
    from service_kit.http import Receive, Scope, Send
    from service_kit.tracing import Tracer

Handler = Callable[[Exchange], Awaitable[None]]

_TELL_CUT_S = 1.0
# A 426 says which protocol is wanted instead. Source: RFC 9110, section 15.5.22.
_UPGRADE: Header = (b"upgrade", b"HTTP/1.1")
_CONNECTION: Header = (b"connection", b"upgrade")

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Route:
    """`name` is its place in metrics and spans."""

    name: str
    handler: Handler


class PublicApp:
    """Authentication comes before routing, so that a stranger cannot tell a path from another."""

    def __init__(
        self,
        routes: RouteTable[Route],
        *,
        keys: KeyRing,
        metrics: GatewayMetrics,
        tracer: Tracer,
        clock: Clock,
        limits: BodyLimits,
        config_version: Callable[[], str],
        access_log: AccessLog,
        cross_origin: CrossOrigin | None = None,
    ) -> None:
        self._routes = routes
        self._keys = keys
        self._metrics = metrics
        self._tracer = tracer
        self._clock = clock
        self._limits = limits
        self._config_version = config_version
        self._access_log = access_log
        self._cross_origin = cross_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = self._exchange(scope, receive, send)
        self._metrics.in_flight += 1
        try:
            await self._guarded(exchange)
        finally:
            self._metrics.in_flight -= 1
            self._account(exchange)

    def _exchange(self, scope: Scope, receive: Receive, send: Send) -> Exchange:
        exchange = Exchange(
            scope,
            receive,
            send,
            request_id=new_request_id(),
            trace=self._tracer.new_context(None),
            clock=self._clock,
            limits=self._limits,
            config_version=self._config_version(),
        )
        traceparent = exchange.header(b"traceparent")
        if traceparent is not None:
            exchange.trace = self._tracer.new_context(traceparent)
        if self._cross_origin is not None:
            self._cross_origin.mark(exchange)
        return exchange

    async def _guarded(self, exchange: Exchange) -> None:
        try:
            await self._serve(exchange)
        except ClientDisconnectedError:
            exchange.hung_up()
        except PlatformError as error:
            await exchange.fail(error.info())
        except asyncio.CancelledError:
            await self._tell_cut(exchange)
            raise
        except Exception:
            log.exception("request_crashed", request_id=exchange.request_id, route=exchange.route)
            fault = PlatformFaultError("The server had an error. Please try again.")
            await exchange.fail(fault.info())

    async def _serve(self, exchange: Exchange) -> None:
        method, path = exchange.scope["method"], exchange.scope["path"]
        found = self._routes.match(method, path)
        if method == "OPTIONS" and await self._answer_options(exchange, found):
            return
        exchange.caller = self._keys.authenticate(exchange.header(b"authorization"))
        match found:
            case Match(handler=route, params=params):
                exchange.route = route.name
                exchange.params = params
                await route.handler(exchange)
            case MethodNotAllowed(allowed=allowed):
                await _refuse_method(exchange, allowed)
            case NotFound():
                raise _not_found(exchange)

    async def _answer_options(
        self, exchange: Exchange, found: Match[Route] | MethodNotAllowed | NotFound
    ) -> bool:
        """Neither a browser's preflight nor the question which methods there are needs a key."""
        if self._cross_origin is not None and await self._cross_origin.answer_preflight(exchange):
            return True
        if isinstance(found, MethodNotAllowed):
            await exchange.respond_empty(_allow(found.allowed))
            return True
        return False

    async def _tell_cut(self, exchange: Exchange) -> None:
        """The process is stopping and the drain is over: say so, within a second."""
        error = ServiceUnavailableError("The server is shutting down. Please try again.")
        try:
            async with asyncio.timeout(_TELL_CUT_S):
                await exchange.fail(error.info())
        except TimeoutError:
            log.warning("cut_not_told", request_id=exchange.request_id)

    def _account(self, exchange: Exchange) -> None:
        ended_at_s = self._clock.monotonic_s()
        self._metrics.request_ended(exchange, ended_at_s)
        self._record_span(exchange, ended_at_s)
        self._access_log.write(exchange, ended_at_s)

    def _record_span(self, exchange: Exchange, ended_at_s: float) -> None:
        if not exchange.trace.sampled:
            return
        end_ns = int(self._clock.unix_s() * 1e9)
        duration_ns = int((ended_at_s - exchange.started_at_s) * 1e9)
        self._tracer.record(
            f"{exchange.scope['method']} {exchange.route}",
            exchange.trace,
            start_unix_ns=end_ns - duration_ns,
            end_unix_ns=end_ns,
            attributes={
                "http.response.status_code": exchange.status,
                "gen_ai.request.model": exchange.model,
                "conclave.lane": exchange.lane,
                "conclave.request_id": exchange.request_id,
            },
            status="error" if exchange.error_type and exchange.status != HUNG_UP else "ok",
            kind="server",
        )


def _allow(methods: tuple[str, ...]) -> Header:
    return b"allow", ", ".join(methods).encode()


async def _refuse_method(exchange: Exchange, allowed: tuple[str, ...]) -> None:
    if (exchange.header(b"upgrade") or "").lower() == "websocket":
        await exchange.fail(no_websocket().info(), _UPGRADE, _CONNECTION)
        return
    method, path = exchange.scope["method"], exchange.scope["path"]
    error = MethodNotAllowedError(f"Not allowed to {method} on {path[:200]}.")
    await exchange.fail(error.info(), _allow(allowed))


def _not_found(exchange: Exchange) -> NotFoundError:
    """What OpenAI has and we have not is counted by its own name, to see what clients miss."""
    family = unsupported_family(exchange.scope["path"])
    if family is None:
        return not_found(exchange.scope)
    exchange.route = f"/v1/{family}"
    return unsupported(family)
