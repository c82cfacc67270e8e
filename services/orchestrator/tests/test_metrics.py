from prometheus_client import generate_latest

from orchestrator.metrics import OrchestratorMetrics


def test_every_figure_of_ours_says_its_service_and_its_unit() -> None:
    metrics = OrchestratorMetrics()
    page = generate_latest(metrics.registry).decode()

    families = [line.split()[2] for line in page.splitlines() if line.startswith("# TYPE ")]
    ours = [name for name in families if not name.startswith(("process_", "python_"))]
    assert len(ours) >= 12
    assert all(name.startswith("conclave_orchestrator_") for name in ours)
    assert all(name.endswith(("_total", "_seconds", "_created")) for name in ours)
