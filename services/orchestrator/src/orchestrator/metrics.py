"""What the orchestrator measures. Labels: panels, models, phases and statuses, all closed sets."""

from __future__ import annotations

from service_kit.metrics import Metrics

LAG_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class OrchestratorMetrics(Metrics):
    """The process's figures; `runs` by panel, `calls` by model."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = self.counters(
            "conclave_orchestrator_runs_total", "Runs that ended.", ["panel", "status"]
        )
        self.run_duration_s = self.histograms(
            "conclave_orchestrator_run_duration_seconds", "From admission to the end.", ["panel"]
        )
        self.own_time_s = self.histogram(
            "conclave_orchestrator_own_time_seconds",
            "Part of a run in which no upstream call was under way.",
        )
        self.agreements = self.counters(
            "conclave_orchestrator_decisions_total",
            "Decisions by how far the panel agreed.",
            ["panel", "agreement"],
        )
        self.ballots_skipped = self.counters(
            "conclave_orchestrator_ballots_skipped_total",
            "Decisions without a ballot, by reason.",
            ["reason"],
        )
        self.refine_rounds = self.counters(
            "conclave_orchestrator_refine_rounds_total", "Refine rounds.", ["panel"]
        )
        self.failed_agents = self.counters(
            "conclave_orchestrator_failed_agents_total",
            "Agents that gave no answer to a run, by error type.",
            ["panel", "error_type"],
        )
        self.votes = self.counters(
            "conclave_orchestrator_votes_total", "Ballots by outcome.", ["outcome"]
        )
        self.calls = self.counters(
            "conclave_orchestrator_calls_total",
            "Upstream attempts that ended.",
            ["model", "phase", "status"],
        )
        self.call_duration_s = self.histograms(
            "conclave_orchestrator_call_duration_seconds",
            "Upstream attempts, from the first byte out to the end.",
            ["model", "phase"],
        )
        self.time_to_first_token_s = self.histograms(
            "conclave_orchestrator_time_to_first_token_seconds",
            "Upstream attempts, to the first token.",
            ["model"],
        )
        self.tokens = self.counters(
            "conclave_orchestrator_tokens_total",
            "Tokens of upstream attempts; kind is input, cached or output.",
            ["model", "kind"],
        )
        self.loop_lag_s = self.histogram(
            "conclave_orchestrator_loop_lag_seconds",
            "How late the event loop was, looked at 20 times a second.",
            LAG_BUCKETS_S,
        )
        self.compactions = self.counters(
            "conclave_orchestrator_compactions_total",
            "Runs whose conversation went to the compactor, by what came of it: made, reused, "
            "opened, overflow, unchanged, unavailable.",
            ["panel", "outcome"],
        )
