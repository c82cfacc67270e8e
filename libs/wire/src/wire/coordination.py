"""A run as it crosses from the gateway to the orchestrator and back.

`StartRun` goes in, `RunEvent`s come out as SSE; the last one is exactly one `RunEnded`. A stream
that ends without it means that the orchestrator died.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    Compacted,
    GenerationRequest,
    ItemDone,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from wire.errors import ErrorInfo
from wire.specs import PanelSpec

PROTOCOL_VERSION = 1
PROTOCOL_HEADER = "x-conclave-protocol"

RunStatus = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
UsageBasis = Literal["reported", "estimated", "interrupted", "looked_up"]
CallStatus = Literal["completed", "failed", "cancelled"]
CallPhase = Literal[
    "answer", "ballot", "refine", "present", "judge", "tool", "single", "embed", "compact"
]


class StartRun(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One run. `run_id` makes it idempotent: the same id again joins the run that is under way.

    `detached`: the run outlives its connection (background responses).
    `details`: report winner, tallies and per-agent usage in `RunEnded.details`.
    `compact_threshold_tokens`: the client's own; a conversation past it is compacted, and the
    client is handed the sealed item before the answer. `compacted`: what the orchestrator has done
    to the conversation.
    """

    run_id: str
    request_id: str
    tenant_id: str
    key_id: str
    public_model: str
    panel: PanelSpec
    request: GenerationRequest
    max_usd: float | None = None
    detached: bool = False
    details: bool = False
    progress: bool = True
    protocol: int = PROTOCOL_VERSION
    compact_threshold_tokens: int | None = None
    compacted: Compacted | None = None


class CallRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One upstream attempt. Times are milliseconds since the run's admission.

    `delivered`: its text is (part of) what the client received.
    """

    call_id: str
    attempt: int
    agent_id: str
    phase: CallPhase
    provider: str
    model: str
    upstream_model: str
    status: CallStatus
    usage: Usage
    basis: UsageBasis
    started_ms: int
    ended_ms: int
    first_token_ms: int | None = None
    cost_nano_usd: int | None = None
    error: ErrorInfo | None = None
    delivered: bool = False


class RunStarted(msgspec.Struct, tag_field="type", tag="run.started", frozen=True):
    run_id: str


class RunProgress(
    msgspec.Struct, tag_field="type", tag="run.progress", frozen=True, omit_defaults=True
):
    """What the panel is doing, as one line for people. Holds nothing of an answer's text."""

    text: str
    kind: str = "info"
    agent_id: str | None = None


class Tally(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer's standing when the decision was made."""

    agent_id: str
    score: float
    cluster: int
    first_choices: int = 0


class RunDetails(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The optional `conclave` object of a response."""

    run_id: str
    rule: str
    winner: str | None = None
    agreement: str | None = None
    ballot_skipped: str | None = None
    rounds: int = 0
    tallies: tuple[Tally, ...] = ()
    failed_agents: dict[str, str] = {}
    usage_by_agent: dict[str, Usage] = {}
    summed_usage: Usage = Usage()
    cost_usd: float | None = None
    calls: int = 0
    compacted: Compacted | None = None


class RunEnded(msgspec.Struct, tag_field="type", tag="run.ended", frozen=True, omit_defaults=True):
    """Exactly one, last.

    `ended_unix_s` is the same whenever the end is read again.
    `usage` sums every upstream call; `delivered_usage` is last prompt plus delivered answer, which
    is what editors and agents compact by.
    """

    status: RunStatus
    usage: Usage = Usage()
    delivered_usage: Usage = Usage()
    calls: tuple[CallRecord, ...] = ()
    error: ErrorInfo | None = None
    details: RunDetails | None = None
    keep_trace: bool = False
    ended_unix_s: float | None = None
    compacted: Compacted | None = None


RunEvent = (
    RunStarted
    | RunProgress
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | ToolCallStarted
    | ToolArgumentsDelta
    | ItemDone
    | ChoiceFinished
    | UsageReported
    | RunEnded
)

# ---------------------------------------------------------------------------------- run records


class AnswerEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One answer of a run. `text` is only there when it was asked for; `sha256` always is."""

    agent_id: str
    revision: int
    round: int
    sha256: str
    output_tokens: int
    cluster: int | None = None
    text: str | None = None


class BallotEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How one agent voted. `order` is what it was shown, first to last; agents by their ids.

    `revisions` names the revision of each answer the voter saw. `abstained`: why there is no vote.
    """

    voter_id: str
    round: int
    order: tuple[str, ...]
    revisions: dict[str, int] = {}
    ranking: tuple[str, ...] = ()
    approved: tuple[str, ...] = ()
    reason: str | None = None
    abstained: str | None = None
    refined: bool = False


class RunMoment(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a run's timeline, for people. Holds nothing of an answer's text."""

    at_ms: int
    kind: str
    text: str
    agent_id: str | None = None


class RunRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is kept of a run.

    `log` is the core's event list, verbatim: the decision follows from it alone. It holds answers,
    so it is only there when answers were asked for.
    `usage` sums every upstream call. `calls_in_flight` counts calls of a run not yet ended.
    `weights`: what each agent's answer counted for; `task_class`: under which that was learnt.
    """

    run_id: str
    request_id: str
    tenant_id: str
    key_id: str
    public_model: str
    panel: str
    status: RunStatus
    created_unix_s: float
    duration_ms: int | None = None
    detached: bool = False
    rule: str | None = None
    seed: str | None = None
    usage: Usage = Usage()
    delivered_usage: Usage = Usage()
    delivered_sha256: str | None = None
    answers: tuple[AnswerEntry, ...] = ()
    ballots: tuple[BallotEntry, ...] = ()
    calls: tuple[CallRecord, ...] = ()
    calls_in_flight: int = 0
    details: RunDetails | None = None
    error: ErrorInfo | None = None
    timeline: tuple[RunMoment, ...] = ()
    log: tuple[msgspec.Raw, ...] = ()
    task_class: str | None = None
    weights: dict[str, float] = {}
    compacted: Compacted | None = None


class ScoreRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """How good a run's delivered answer turned out, 0 to 1; of single agents' answers too if known.

    Scoring a run again replaces its score.
    """

    score: float
    agents: dict[str, float] = {}


class LearntWeight(msgspec.Struct, frozen=True):
    """What scored runs say of a model at one class of tasks. `right`, `wrong`: how often.

    `weight`: the capped log-odds. In a panel only differences count, so it is taken relative to the
    mean of the panel's models; 1.0 is a model of which nothing is known.
    """

    model: str
    task_class: str
    right: float
    wrong: float
    weight: float


class LearntWeights(msgspec.Struct, frozen=True):
    """A team's, by model and task class."""

    weights: tuple[LearntWeight, ...]


class ScoredRun(msgspec.Struct, frozen=True):
    """`weights`: of the run's models at its task class, with this score counted."""

    run_id: str
    score: float
    task_class: str
    weights: tuple[LearntWeight, ...]


class CancelRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """`reason` goes into the record."""

    reason: str = "cancelled by the caller"


class RunCancellation(msgspec.Struct, frozen=True):
    """`status` after the request: `cancelled`, or what the run had already become."""

    run_id: str
    status: RunStatus


__all__ = [
    "PROTOCOL_HEADER",
    "PROTOCOL_VERSION",
    "AnswerEntry",
    "AnswerEvent",
    "BallotEntry",
    "CallPhase",
    "CallRecord",
    "CallStatus",
    "CancelRun",
    "LearntWeight",
    "LearntWeights",
    "RunCancellation",
    "RunDetails",
    "RunEnded",
    "RunEvent",
    "RunMoment",
    "RunProgress",
    "RunRecord",
    "RunStarted",
    "RunStatus",
    "ScoreRun",
    "ScoredRun",
    "StartRun",
    "Tally",
    "UsageBasis",
]
