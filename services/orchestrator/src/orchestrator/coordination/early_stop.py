"""Can anybody still overtake the leader? If not, the ballots still out are not worth waiting for.

Bounds, not guesses: each open ballot is assumed to favour the challenger and to hurt the leader as
much as it could, or to be an abstention.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.coordination.decision import (
    ballot_points,
    cluster_scores,
    decide,
    first_choices,
    supporters,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.coordination.ballots import BallotSheet
    from orchestrator.coordination.decision import Election


@dataclass(slots=True)
class _Points:
    """What a candidate has, and how far open ballots could still move its average."""

    total: float = 0.0
    ballots: int = 0
    open_most: float = 0.0
    open_ballots: int = 0

    @property
    def lowest(self) -> float:
        judged = self.ballots + self.open_ballots
        return self.total / judged if judged else 0.0

    @property
    def highest(self) -> float:
        judged = self.ballots + self.open_ballots
        return (self.total + self.open_most) / judged if judged else 0.0


def leader_is_safe(election: Election, open_sheets: Sequence[BallotSheet]) -> bool:
    """Whether no outcome of the open ballots changes which cluster wins."""
    if election.rule == "plurality":
        return _plurality_leader_is_safe(election, open_sheets)
    points = _bounds(election, open_sheets)
    lowest = cluster_scores(election, {c: p.lowest for c, p in points.items()})
    highest = cluster_scores(election, {c: p.highest for c, p in points.items()})
    leader = decide(election).cluster
    return all(
        lowest[leader] > highest[other]
        for other in range(len(election.clusters))
        if other != leader
    )


def is_agreed(election: Election, cluster: int, voters: int) -> bool:
    """Whether a strict majority of the voters stands behind the cluster."""
    return len(supporters(election, cluster)) * 2 > voters


def _bounds(election: Election, open_sheets: Sequence[BallotSheet]) -> Mapping[str, _Points]:
    points = {candidate: _Points() for candidate in election.candidates}
    for ballot in election.ballots:
        for candidate, gained in ballot_points(ballot):
            points[candidate].total += gained
            points[candidate].ballots += 1
    for sheet in open_sheets:
        for candidate in sheet.order:
            points[candidate].open_most += len(sheet.order) - 1
            points[candidate].open_ballots += 1
    _put_unjudged_in_the_middle(points, election)
    return points


def _put_unjudged_in_the_middle(points: Mapping[str, _Points], election: Election) -> None:
    """As `borda` does; nothing that is still open can move these."""
    middle = max((len(ballot.seen) - 1 for ballot in election.ballots), default=0) / 2
    for standing in points.values():
        if not standing.ballots and not standing.open_ballots:
            standing.total, standing.ballots = middle, 1


def _plurality_leader_is_safe(election: Election, open_sheets: Sequence[BallotSheet]) -> bool:
    firsts = first_choices(election)
    leader = decide(election).winner
    return all(
        firsts[leader] > firsts[other] + len(open_sheets) for other in firsts if other != leader
    )
