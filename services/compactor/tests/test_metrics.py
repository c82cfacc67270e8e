"""What the compactor measures."""

from __future__ import annotations

from prometheus_client import generate_latest

from compactor.metrics import CompactorMetrics


def test_every_metric_bears_the_services_name_and_a_unit() -> None:
    metrics = CompactorMetrics()

    names = [
        metric.name
        for metric in metrics.registry.collect()
        if not metric.name.startswith("process_")
    ]

    assert len(names) >= 14
    assert all(name.startswith("conclave_compactor_") for name in names)
    assert b"conclave_compactor_compactions_total" in generate_latest(metrics.registry)
