"""What happens to a run (inputs) and what follows from it (facts). Together they are its log.

Inputs come from outside, each with the time since admission. Facts are derived by the rules and
never fed back: replaying the inputs gives them again, byte for byte.
"""

from __future__ import annotations

import msgspec

from orchestrator.coordination.plan import RunPlan
from wire.conversation import FinishReason, ToolCall, Usage
from wire.coordination import CallPhase, RunStatus, Tally
from wire.errors import ErrorInfo

# ---------------------------------------------------------------------------------------- inputs


class RunAdmitted(msgspec.Struct, tag_field="type", tag="run_admitted", frozen=True):
    at_ms: int
    plan: RunPlan


class CallFinished(
    msgspec.Struct, tag_field="type", tag="call_finished", frozen=True, omit_defaults=True
):
    """A call ended with output. `invalid`: why the output breaks the client's response format."""

    at_ms: int
    call: int
    text: str = ""
    finish_reason: FinishReason = "stop"
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    invalid: str | None = None
    usage: Usage = Usage()
    attempts: int = 1


class BallotPaper(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ballot as the voter wrote it, in labels. Nothing is checked against the sheet yet."""

    ranking: tuple[str, ...]
    approve: tuple[str, ...] = ()
    reason: str = ""
    refined_answer: str | None = None


class BallotReturned(
    msgspec.Struct, tag_field="type", tag="ballot_returned", frozen=True, omit_defaults=True
):
    """A ballot call ended. Without a `paper`, `invalid` says why its output is not one."""

    at_ms: int
    call: int
    paper: BallotPaper | None = None
    invalid: str | None = None
    usage: Usage = Usage()
    attempts: int = 1


class CallFailed(
    msgspec.Struct, tag_field="type", tag="call_failed", frozen=True, omit_defaults=True
):
    at_ms: int
    call: int
    error: ErrorInfo
    usage: Usage = Usage()
    attempts: int = 1


class CallCancelled(
    msgspec.Struct, tag_field="type", tag="call_cancelled", frozen=True, omit_defaults=True
):
    """A call that we cut has ended; its usage is what it had cost until then."""

    at_ms: int
    call: int
    usage: Usage = Usage()
    attempts: int = 1


class DeliveryBegan(msgspec.Struct, tag_field="type", tag="delivery_began", frozen=True):
    """The first bytes of a live call went out to the client: nobody else may answer now."""

    at_ms: int
    call: int


class TimerFired(msgspec.Struct, tag_field="type", tag="timer_fired", frozen=True):
    at_ms: int
    timer: str


class DeadlineReached(msgspec.Struct, tag_field="type", tag="deadline_reached", frozen=True):
    at_ms: int


class ClientGone(msgspec.Struct, tag_field="type", tag="client_gone", frozen=True):
    at_ms: int


class CancelRequested(msgspec.Struct, tag_field="type", tag="cancel_requested", frozen=True):
    at_ms: int
    reason: str


class RunResumed(msgspec.Struct, tag_field="type", tag="run_resumed", frozen=True):
    """Another process goes on with the run; calls under way died with the one that held it.

    The run's time has stood still meanwhile.
    """

    at_ms: int


CallEnd = CallFinished | BallotReturned | CallFailed | CallCancelled
Input = (
    RunAdmitted
    | CallFinished
    | BallotReturned
    | CallFailed
    | CallCancelled
    | DeliveryBegan
    | TimerFired
    | DeadlineReached
    | ClientGone
    | CancelRequested
    | RunResumed
)

# ----------------------------------------------------------------------------------------- facts


class CallRequested(
    msgspec.Struct, tag_field="type", tag="call_requested", frozen=True, omit_defaults=True
):
    at_ms: int
    call: int
    agent_id: str
    phase: CallPhase
    round: int
    hedge_of: int | None = None
    repair_of: int | None = None


class CallReissued(msgspec.Struct, tag_field="type", tag="call_reissued", frozen=True):
    """The call is made again, because its first attempt died with the process that made it."""

    at_ms: int
    call: int


class CallCut(msgspec.Struct, tag_field="type", tag="call_cut", frozen=True):
    at_ms: int
    call: int
    reason: str


class AnswerAccepted(msgspec.Struct, tag_field="type", tag="answer_accepted", frozen=True):
    at_ms: int
    agent_id: str
    revision: int
    round: int
    call: int
    sha256: str
    output_tokens: int
    kind: str


class AnswerRejected(msgspec.Struct, tag_field="type", tag="answer_rejected", frozen=True):
    at_ms: int
    agent_id: str
    reason: str
    repair: bool


class AgentFailed(msgspec.Struct, tag_field="type", tag="agent_failed", frozen=True):
    at_ms: int
    agent_id: str
    error: ErrorInfo


class QuorumReached(msgspec.Struct, tag_field="type", tag="quorum_reached", frozen=True):
    """`waiting`: how long each straggler may still take, milliseconds since admission."""

    at_ms: int
    phase: CallPhase
    round: int
    count: int
    waiting: dict[str, int]


class ClusterFormed(msgspec.Struct, tag_field="type", tag="cluster_formed", frozen=True):
    at_ms: int
    round: int
    cluster: int
    agents: tuple[str, ...]


class RoundOpened(msgspec.Struct, tag_field="type", tag="round_opened", frozen=True):
    at_ms: int
    round: int
    phase: CallPhase


class BallotIssued(msgspec.Struct, tag_field="type", tag="ballot_issued", frozen=True):
    """`revisions`: the revision of each answer on the sheet; a vote counts for exactly these."""

    at_ms: int
    voter_id: str
    round: int
    order: tuple[str, ...]
    labels: tuple[str, ...]
    revisions: dict[str, int]


class VoteCast(msgspec.Struct, tag_field="type", tag="vote_cast", frozen=True):
    at_ms: int
    voter_id: str
    round: int
    ranking: tuple[str, ...]
    approved: tuple[str, ...]
    reason: str
    refined: bool


class VoteInvalid(msgspec.Struct, tag_field="type", tag="vote_invalid", frozen=True):
    """`repair`: the voter is asked once more; otherwise this is an abstention."""

    at_ms: int
    voter_id: str
    round: int
    problem: str
    repair: bool


class BallotSkipped(msgspec.Struct, tag_field="type", tag="ballot_skipped", frozen=True):
    at_ms: int
    reason: str


class BudgetExceeded(msgspec.Struct, tag_field="type", tag="budget_exceeded", frozen=True):
    at_ms: int
    which: str
    phase: CallPhase
    agent_id: str


class DecisionMade(msgspec.Struct, tag_field="type", tag="decision_made", frozen=True):
    at_ms: int
    rule: str
    winner: str
    revision: int
    agreement: str
    tallies: tuple[Tally, ...]


class PresentStarted(msgspec.Struct, tag_field="type", tag="present_started", frozen=True):
    at_ms: int
    mode: str
    agent_id: str


class PresentFinished(msgspec.Struct, tag_field="type", tag="present_finished", frozen=True):
    """`sha256` of the delivered text; with `present: verbatim` the voted answer's own."""

    at_ms: int
    mode: str
    call: int
    sha256: str


class ToolsRequested(msgspec.Struct, tag_field="type", tag="tools_requested", frozen=True):
    """The turn belongs to the client's tools; its next request goes on from there."""

    at_ms: int
    agent_id: str
    call: int
    names: tuple[str, ...]


class RunFinished(msgspec.Struct, tag_field="type", tag="run_finished", frozen=True):
    at_ms: int
    status: RunStatus
    error: ErrorInfo | None


Fact = (
    CallRequested
    | CallReissued
    | CallCut
    | AnswerAccepted
    | AnswerRejected
    | AgentFailed
    | QuorumReached
    | ClusterFormed
    | RoundOpened
    | BallotIssued
    | VoteCast
    | VoteInvalid
    | BallotSkipped
    | BudgetExceeded
    | DecisionMade
    | PresentStarted
    | PresentFinished
    | ToolsRequested
    | RunFinished
)
LogEntry = Input | Fact
