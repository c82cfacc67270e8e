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
UsageBasis = Literal["reported", "estimated", "interrupted"]
CallStatus = Literal["completed", "failed", "cancelled"]
CallPhase = Literal["answer", "ballot", "refine", "present", "judge", "tool", "single", "embed"]


class StartRun(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One run. `run_id` makes it idempotent: the same id again joins the run that is under way.

    `detached`: the run outlives its connection (background responses).
    `details`: report winner, tallies and per-agent usage in `RunEnded.details`.
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


class RunEnded(
    msgspec.Struct, tag_field="type", tag="run.ended", frozen=True, omit_defaults=True
):
    """Exactly one, last. `usage` sums every upstream call; `delivered_usage` is last prompt plus
    delivered answer, which is what editors and agents compact by."""

    status: RunStatus
    usage: Usage = Usage()
    delivered_usage: Usage = Usage()
    calls: tuple[CallRecord, ...] = ()
    error: ErrorInfo | None = None
    details: RunDetails | None = None
    keep_trace: bool = False


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

__all__ = [
    "PROTOCOL_HEADER",
    "PROTOCOL_VERSION",
    "AnswerEvent",
    "CallPhase",
    "CallRecord",
    "CallStatus",
    "RunDetails",
    "RunEnded",
    "RunEvent",
    "RunProgress",
    "RunStarted",
    "RunStatus",
    "StartRun",
    "Tally",
    "UsageBasis",
]
