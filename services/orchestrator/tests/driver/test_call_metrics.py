from prometheus_client import CollectorRegistry

from model_providers.calls import CallClosed
from orchestrator.driver.call_metrics import CallMetrics
from orchestrator.driver.latencies import STEADY_SHARE, Latencies
from orchestrator.metrics import OrchestratorMetrics
from services.orchestrator.tests.driver.test_call_ledger import closed, opened
from wire.conversation import Usage
from wire.errors import UpstreamError


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return registry.get_sample_value(name, labels) or 0.0


async def test_every_attempt_moves_calls_tokens_and_times() -> None:
    metrics, latencies = OrchestratorMetrics(), Latencies()
    observer = CallMetrics(metrics, latencies)
    call = opened()

    await observer.opened(call)
    observer.first_token(call, 100.6)
    for _ in range(10):
        await observer.closed(closed(call, Usage(10, 4, 3)))

    labels = {"model": "priced", "phase": "answer"}
    registry = metrics.registry
    prefix = "conclave_orchestrator"
    assert value(registry, f"{prefix}_calls_total", **labels, status="completed") == 10
    assert value(registry, f"{prefix}_call_duration_seconds_count", **labels) == 10
    assert value(registry, f"{prefix}_time_to_first_token_seconds_count", model="priced") == 1
    assert value(registry, f"{prefix}_tokens_total", model="priced", kind="input") == 100
    assert value(registry, f"{prefix}_tokens_total", model="priced", kind="cached") == 30
    assert value(registry, f"{prefix}_tokens_total", model="priced", kind="output") == 40
    assert latencies.p95_ms("priced", "answer") == 500 * STEADY_SHARE


async def test_failures_say_nothing_about_how_long_answers_take() -> None:
    latencies = Latencies()
    observer = CallMetrics(OrchestratorMetrics(), latencies)
    failed = CallClosed(
        opened=opened(),
        status="failed",
        usage=Usage(),
        basis="estimated",
        first_token_at_s=None,
        closed_at_s=100.51,
        error=UpstreamError("x", provider="p").info(),
    )

    for _ in range(20):
        await observer.closed(failed)

    assert latencies.p95_ms("priced", "answer") is None
