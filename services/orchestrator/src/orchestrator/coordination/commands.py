"""What the rules want done. The driver performs commands and answers with events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from wire.conversation import FinishReason, ToolCall
    from wire.coordination import CallPhase, RunStatus
    from wire.errors import ErrorInfo
    from wire.specs import Present

Live = Literal["no", "text", "tools"]
"""Whether a call's output goes out as it arrives. tools: held back until it calls a tool."""
ToolUse = Literal["client", "withheld", "dropped"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer as another agent sees it: no author, a label that only its reader was given."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Repair:
    """Ask again: the output of `call` was unusable for this reason."""

    call: int
    problem: str


@dataclass(frozen=True, slots=True)
class Brief:
    """What one call is about, beside the conversation.

    `candidates`: to judge (ballot), to answer (refine), to compose from (present).
    `own_answer`, `objection`: an author refines against the strongest objection.
    """

    phase: CallPhase
    round: int = 0
    live: Live = "no"
    tools: ToolUse = "client"
    candidates: tuple[Candidate, ...] = ()
    may_refine: bool = False
    own_answer: str | None = None
    objection: str | None = None
    present: Present | None = None
    repair: Repair | None = None


@dataclass(frozen=True, slots=True)
class StartCall:
    call: int
    agent_id: str
    brief: Brief
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class CancelCall:
    call: int
    reason: str


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Send `TimerFired(timer)` at this time since admission. Timers of the past fire at once."""

    timer: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Report:
    """A line for people about what the panel is doing. Never holds text of an answer."""

    text: str
    kind: str
    agent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Deliver:
    """Send this to the client, whole: the words of `call`, or of a ballot's refined answer."""

    call: int
    text: str
    finish_reason: FinishReason
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over; nothing follows. Calls still open have been cut."""

    status: RunStatus
    error: ErrorInfo | None = None


Command = StartCall | CancelCall | SetTimer | Report | Deliver | Finish
