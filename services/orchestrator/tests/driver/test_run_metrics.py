import pytest

from orchestrator.coordination.commands import StartCall
from orchestrator.coordination.events import LogEntry
from orchestrator.driver.run_metrics import count_run, own_time_ms
from orchestrator.metrics import OrchestratorMetrics
from services.orchestrator.tests.coordination.answer_texts import PROSE
from services.orchestrator.tests.coordination.virtual_panel import (
    Act,
    Fails,
    Garbles,
    Says,
    Votes,
    plan_for,
    run,
)
from wire.conversation import Usage
from wire.coordination import CallRecord, RunEnded


def call(started_ms: int, ended_ms: int) -> CallRecord:
    return CallRecord(
        call_id=f"c{started_ms}",
        attempt=1,
        agent_id="a",
        phase="answer",
        provider="p",
        model="m",
        upstream_model="m",
        status="completed",
        usage=Usage(),
        basis="reported",
        started_ms=started_ms,
        ended_ms=ended_ms,
    )


@pytest.mark.parametrize(
    ("calls", "own_ms"),
    [
        ([], 1000),
        ([call(10, 500)], 510),
        ([call(10, 500), call(20, 700)], 310),
        ([call(10, 500), call(20, 100), call(600, 990)], 120),
        ([call(0, 1000), call(3, 1000)], 0),
    ],
)
def test_our_own_time_is_what_no_upstream_call_covers(calls: list[CallRecord], own_ms: int) -> None:
    assert own_time_ms(1000, calls) == own_ms


def panel_log() -> list[LogEntry]:
    def behave(start: StartCall) -> Act:
        if start.agent_id == "dan":
            return Fails()
        if start.brief.phase == "ballot":
            return Garbles() if start.agent_id == "ada" else Votes(approve=lambda _: False)
        return Says(PROSE[start.agent_id])

    return run(plan_for("ada", "bob", "cyd", "dan"), behave).session.log


def test_a_run_moves_every_metric_that_its_log_speaks_of() -> None:
    metrics = OrchestratorMetrics()

    count_run(metrics, "council", RunEnded(status="completed"), 1234, panel_log())

    def value(name: str, **labels: str) -> float:
        return metrics.registry.get_sample_value(f"conclave_orchestrator_{name}", labels) or 0

    assert value("runs_total", panel="council", status="completed") == 1
    assert value("run_duration_seconds_sum", panel="council") == 1.234
    assert value("decisions_total", panel="council", agreement="plurality") == 1
    assert value("refine_rounds_total", panel="council") == 1
    assert value("failed_agents_total", panel="council", error_type="provider_error") == 1
    assert value("votes_total", outcome="cast") >= 2
    assert value("votes_total", outcome="repaired") >= 1
    assert value("own_time_seconds_count") == 1


def test_a_ballot_that_was_skipped_is_counted_by_reason() -> None:
    metrics = OrchestratorMetrics()
    log = run(plan_for("ada", "bob"), lambda _: Says("42")).session.log

    count_run(metrics, "council", RunEnded(status="completed"), 10, log)

    skipped = metrics.registry.get_sample_value(
        "conclave_orchestrator_ballots_skipped_total", {"reason": "one_cluster"}
    )
    assert skipped == 1
