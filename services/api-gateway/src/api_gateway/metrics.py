"""What the gateway measures. Teams appear on counters only, never on histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from service_kit.metrics import Metrics

if TYPE_CHECKING:
    from model_providers.calls import CallClosed, CallOpened
    from wire.conversation import Usage


class EndedRequest(Protocol):
    """What is counted of a request. `model` is a configured name or `none`."""

    route: str
    model: str
    lane: str
    usage: Usage
    status: int
    error_type: str | None
    started_at_s: float
    first_byte_at_s: float | None

    @property
    def tenant_id(self) -> str: ...


class GatewayMetrics(Metrics):
    def __init__(self) -> None:
        super().__init__()
        self.in_flight = 0
        self.measured(
            "conclave_gateway_requests_in_flight",
            "Requests that are being served.",
            lambda: self.in_flight,
        )
        self.requests = self.counters(
            "conclave_gateway_requests_total",
            "Requests by what became of them; 499: the client hung up.",
            ("route", "model", "lane", "status"),
            max_series=2000,
        )
        self.errors = self.counters(
            "conclave_gateway_errors_total", "Requests that failed, by fault.", ("error_type",)
        )
        self.tokens = self.counters(
            "conclave_gateway_tokens_total",
            "Tokens that all upstream calls of requests used.",
            ("tenant", "model", "kind"),
            max_series=2000,
        )
        self.duration_s = self.histograms(
            "gen_ai_server_request_duration_seconds",
            "From a request's head to the last byte of its answer.",
            ("route", "model"),
        )
        self.first_byte_s = self.histograms(
            "gen_ai_server_time_to_first_token_seconds",
            "From a streamed request's head to its first frame.",
            ("model",),
        )

    def request_ended(self, request: EndedRequest, ended_at_s: float) -> None:
        """Count a request that is over."""
        route, model = request.route, request.model
        self.requests.of(route, model, request.lane, str(request.status)).inc()
        self.duration_s.of(route, model).observe(ended_at_s - request.started_at_s)
        if request.first_byte_at_s is not None:
            self.first_byte_s.of(model).observe(request.first_byte_at_s - request.started_at_s)
        if request.error_type is not None:
            self.errors.of(request.error_type).inc()
        if request.usage.total_tokens:
            self._count_tokens(request.tenant_id, model, request.usage)

    def _count_tokens(self, tenant_id: str, model: str, usage: Usage) -> None:
        self.tokens.of(tenant_id, model, "input").inc(usage.input_tokens)
        self.tokens.of(tenant_id, model, "output").inc(usage.output_tokens)
        if usage.cached_tokens:
            self.tokens.of(tenant_id, model, "cached").inc(usage.cached_tokens)
        if usage.reasoning_tokens:
            self.tokens.of(tenant_id, model, "reasoning").inc(usage.reasoning_tokens)


class CallMetrics:
    """Counts the gateway's own calls to vendors: a `CallObserver`."""

    never_waits = True

    def __init__(self, metrics: Metrics) -> None:
        self._calls = metrics.counters(
            "conclave_gateway_upstream_calls_total",
            "Attempts at model providers by what became of them.",
            ("provider", "model", "status"),
            max_series=1000,
        )
        self._duration_s = metrics.histograms(
            "gen_ai_client_operation_duration_seconds",
            "From an attempt's request to its last byte.",
            ("provider", "model"),
        )

    async def opened(self, call: CallOpened, /) -> None:
        """Nothing is kept of an attempt that is under way."""

    def first_token(self, call: CallOpened, at_s: float, /) -> None:
        """The request's own first byte says enough."""

    async def closed(self, call: CallClosed, /) -> None:
        opened = call.opened
        self._calls.of(opened.provider, opened.model, call.status).inc()
        self._duration_s.of(opened.provider, opened.model).observe(
            call.closed_at_s - opened.opened_at_s
        )
