"""Who refines, and against what.

The authors of the top two clusters, each against the strongest objection raised to its answer.
Never against the tally: visible tallies make a herd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.coordination.ballots import Ballot
    from orchestrator.coordination.decision import Decision, Election

_CLUSTERS_THAT_REFINE = 2


@dataclass(frozen=True, slots=True)
class Refinement:
    """One author's task. `objection` None: nobody gave a reason."""

    author: str
    rival: str
    objection: str | None


def refinements(election: Election, decision: Decision) -> tuple[Refinement, ...]:
    """One author of each of the top two clusters, the leader first; none with one cluster."""
    top = _top_authors(election, decision)
    if len(top) < _CLUSTERS_THAT_REFINE:
        return ()
    leader, rival = top
    return (
        Refinement(leader, rival, strongest_objection(election.ballots, leader, rival)),
        Refinement(rival, leader, strongest_objection(election.ballots, rival, leader)),
    )


def strongest_objection(ballots: Sequence[Ballot], author: str, rival: str) -> str | None:
    """The reason of the voter who thinks least of the answer; the rival's own comes first."""
    critics = [
        ballot
        for ballot in ballots
        if author in ballot.seen and ballot.voter_id != author and ballot.reason
    ]
    if not critics:
        return None
    return max(critics, key=lambda ballot: _harshness(ballot, author, rival)).reason


def _top_authors(election: Election, decision: Decision) -> list[str]:
    order = sorted(
        range(len(election.clusters)),
        key=lambda index: (index != decision.cluster, -decision.scores[index], index),
    )
    return [
        decision.winner if index == decision.cluster else election.clusters[index][0]
        for index in order[:_CLUSTERS_THAT_REFINE]
    ]


def _harshness(ballot: Ballot, author: str, rival: str) -> tuple[bool, int, bool, str]:
    place = ballot.ranking.index(author) if author in ballot.ranking else len(ballot.seen)
    return author not in ballot.approved, place, ballot.voter_id == rival, ballot.voter_id
