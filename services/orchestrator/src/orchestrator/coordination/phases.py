"""What the phases of a run have in common: how a phase is driven, and how it says it is over.

A phase never decides what comes next: it hands a result to the session, which holds the one map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from orchestrator.coordination.ballots import Ballot
    from orchestrator.coordination.board import OpenCall
    from orchestrator.coordination.decision import Election
    from orchestrator.coordination.events import (
        BallotReturned,
        CallCancelled,
        CallFailed,
        CallFinished,
        DeliveryBegan,
        TimerFired,
    )
    from wire.coordination import RunStatus
    from wire.errors import ErrorInfo

    PhaseEvent = (
        CallFinished | BallotReturned | CallFailed | CallCancelled | DeliveryBegan | TimerFired
    )


@dataclass(frozen=True, slots=True)
class LeadAnswered:
    """The lead wrote text instead of calling tools: the others answer too."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Every agent has answered, failed or been cut."""


@dataclass(frozen=True, slots=True)
class Voted:
    """A ballot is over. `voters`: how many were asked."""

    round: int
    election: Election
    voters: int
    ballots: tuple[Ballot, ...]


@dataclass(frozen=True, slots=True)
class BallotRefused:
    """No ballot could start; `which` limit stood against it."""

    which: str


@dataclass(frozen=True, slots=True)
class Refined:
    """A refine round is over. `changed`: at least one answer has a new revision."""

    round: int
    changed: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over."""

    status: RunStatus
    error: ErrorInfo | None = None


PhaseResult = LeadAnswered | Answered | Voted | BallotRefused | Refined | Ended


class Phase(Protocol):
    name: str

    def open(self) -> PhaseResult | None:
        """Start the phase; a result when there is nothing to wait for."""
        ...

    def handle(self, event: PhaseEvent, call: OpenCall | None) -> PhaseResult | None:
        """React to an event; `call` is the phase's open call that it is about, if any."""
        ...

    def wrap_up(self) -> PhaseResult | None:
        """Time is short: end with what is there. None: there is nothing yet to end with."""
        ...
