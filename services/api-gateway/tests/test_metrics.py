"""Metrics: what is counted, under bounded labels."""

from __future__ import annotations

from api_gateway.metrics import CallMetrics, GatewayMetrics
from model_providers.calls import CallClosed, CallOpened
from wire.conversation import Usage
from wire.ids import new_call_id


class Request:
    route, model, lane, status = "/v1/chat/completions", "sim", "splice", 200
    usage = Usage(10, 5, cached_tokens=4, reasoning_tokens=2)
    error_type: str | None = None
    tenant_id = "team"
    started_at_s = 100.0
    first_byte_at_s: float | None = 100.5


def value(metrics: GatewayMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_request_is_counted_timed_and_its_tokens_split() -> None:
    metrics = GatewayMetrics()

    metrics.request_ended(Request(), 102.0)

    route = {"route": "/v1/chat/completions", "model": "sim"}
    assert (
        value(metrics, "conclave_gateway_requests_total", lane="splice", status="200", **route) == 1
    )
    assert value(metrics, "gen_ai_server_request_duration_seconds_sum", **route) == 2.0
    assert value(metrics, "gen_ai_server_time_to_first_token_seconds_sum", model="sim") == 0.5
    for kind, tokens in {"input": 10, "output": 5, "cached": 4, "reasoning": 2}.items():
        labels = {"tenant": "team", "model": "sim", "kind": kind}
        assert value(metrics, "conclave_gateway_tokens_total", **labels) == tokens


def test_a_failure_is_counted_by_its_fault() -> None:
    metrics, request = GatewayMetrics(), Request()
    request.error_type, request.usage, request.first_byte_at_s = "provider_error", Usage(), None

    metrics.request_ended(request, 102.0)

    assert value(metrics, "conclave_gateway_errors_total", error_type="provider_error") == 1
    assert value(metrics, "gen_ai_server_time_to_first_token_seconds_count", model="sim") is None


def test_more_labels_than_allowed_count_as_other() -> None:
    metrics = GatewayMetrics()
    for number in range(1000):
        metrics.errors.of(f"made_up_{number}").inc()

    assert value(metrics, "conclave_gateway_errors_total", error_type="other") == 800


async def test_attempts_at_vendors_are_counted_by_their_end() -> None:
    metrics = GatewayMetrics()
    observer = CallMetrics(metrics)
    opened = CallOpened(
        call_id=new_call_id(), attempt=1, provider="p", model="m", upstream_model="u",
        agent_id=None, phase=None, reserved_output_tokens=None, opened_at_s=1.0,
    )  # fmt: skip

    await observer.opened(opened)
    observer.first_token(opened, 1.5)
    await observer.closed(
        CallClosed(
            opened=opened,
            status="failed",
            usage=Usage(),
            basis="estimated",
            first_token_at_s=None,
            closed_at_s=3.0,
            error=None,
        )
    )

    calls = value(
        metrics, "conclave_gateway_upstream_calls_total", provider="p", model="m", status="failed"
    )
    assert calls == 1
    took_s = value(metrics, "gen_ai_client_operation_duration_seconds_sum", provider="p", model="m")
    assert took_s == 2.0
