"""Every upstream attempt of the process, counted. Attached where the model client is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model_providers.calls import CallClosed, CallOpened
    from orchestrator.driver.latencies import CallKind, Latencies
    from orchestrator.metrics import OrchestratorMetrics

_NONE = "none"


class CallMetrics:
    """A `CallObserver` that feeds metrics and the rolling latencies."""

    def __init__(self, metrics: OrchestratorMetrics, latencies: Latencies) -> None:
        self._metrics = metrics
        self._latencies = latencies

    async def opened(self, call: CallOpened, /) -> None:
        """Counted when it ends."""

    def first_token(self, call: CallOpened, at_s: float, /) -> None:
        self._metrics.time_to_first_token_s.of(call.model).observe(at_s - call.opened_at_s)

    async def closed(self, call: CallClosed, /) -> None:
        opened, metrics, usage = call.opened, self._metrics, call.usage
        phase = opened.phase or _NONE
        duration_s = call.closed_at_s - opened.opened_at_s
        metrics.calls.of(opened.model, phase, call.status).inc()
        metrics.call_duration_s.of(opened.model, phase).observe(duration_s)
        metrics.tokens.of(opened.model, "input").inc(usage.input_tokens)
        metrics.tokens.of(opened.model, "cached").inc(usage.cached_tokens)
        metrics.tokens.of(opened.model, "output").inc(usage.output_tokens)
        if call.status != "failed":
            kind: CallKind = "ballot" if phase == "ballot" else "answer"
            self._latencies.add(opened.model, kind, round(duration_s * 1000))
