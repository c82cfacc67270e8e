"""A run that ended, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.coordination.events import (
    AgentFailed,
    BallotSkipped,
    DecisionMade,
    RoundOpened,
    VoteCast,
    VoteInvalid,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.coordination.events import LogEntry
    from orchestrator.metrics import OrchestratorMetrics
    from wire.coordination import CallRecord, RunEnded


def count_run(
    metrics: OrchestratorMetrics,
    panel: str,
    ended: RunEnded,
    duration_ms: int,
    log: Sequence[LogEntry],
) -> None:
    """Book one run in every metric that it moves."""
    metrics.runs.of(panel, ended.status).inc()
    metrics.run_duration_s.of(panel).observe(duration_ms / 1000)
    metrics.own_time_s.observe(own_time_ms(duration_ms, ended.calls) / 1000)
    for entry in log:
        _count_entry(metrics, panel, entry)


def own_time_ms(duration_ms: int, calls: Sequence[CallRecord]) -> int:
    """The part of a run in which no upstream call was under way: what we ourselves cost."""
    busy_ms, until_ms = 0, 0
    for call in sorted(calls, key=lambda call: call.started_ms):
        begins_ms = max(call.started_ms, until_ms)
        if call.ended_ms > begins_ms:
            busy_ms += call.ended_ms - begins_ms
            until_ms = call.ended_ms
    return max(0, duration_ms - busy_ms)


def _count_entry(metrics: OrchestratorMetrics, panel: str, entry: LogEntry) -> None:
    match entry:
        case DecisionMade(agreement=agreement):
            metrics.agreements.of(panel, agreement).inc()
        case BallotSkipped(reason=reason):
            metrics.ballots_skipped.of(reason).inc()
        case RoundOpened(phase="refine"):
            metrics.refine_rounds.of(panel).inc()
        case AgentFailed(error=error):
            metrics.failed_agents.of(panel, error.error_type).inc()
        case VoteCast():
            metrics.votes.of("cast").inc()
        case VoteInvalid(repair=repair):
            metrics.votes.of("repaired" if repair else "abstained").inc()
        case _:
            pass
