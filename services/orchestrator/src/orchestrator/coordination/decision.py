"""Which answer wins: plain data in, a decision out.

weighted:  score of a cluster = sum of its members' weights + lambda x pooled Borda, where pooled
           means the average over its members of the points per voter that saw them.
           Ties: Copeland, approvals, keyed hash.
plurality: MassGen's rule. First choices per answer; ties and a vote-less run go to the first in
           the order of registration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.coordination.ballots import keyed_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.coordination.ballots import Ballot
    from wire.specs import Rule

_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Election:
    """What is decided on. `clusters` partition the candidates, which keep registration order."""

    clusters: tuple[tuple[str, ...], ...]
    weights: Mapping[str, float]
    ballots: tuple[Ballot, ...]
    rule: Rule
    borda_weight: float
    seed: str

    @property
    def candidates(self) -> tuple[str, ...]:
        return tuple(candidate for cluster in self.clusters for candidate in cluster)


@dataclass(frozen=True, slots=True)
class Decision:
    """`scores` per cluster, in the election's order of clusters; `winner` is a candidate."""

    winner: str
    cluster: int
    scores: tuple[float, ...]
    first_choices: Mapping[str, int]


def decide(election: Election) -> Decision:
    """The winner by the election's rule. Never fails: without ballots the clusters decide."""
    firsts = first_choices(election)
    if election.rule == "plurality":
        return _decide_by_plurality(election, firsts)
    points = borda(election)
    scores = cluster_scores(election, points)
    cluster = _best_cluster(election, scores)
    members = election.clusters[cluster]
    winner = max(members, key=lambda member: _standing(election, points, member))
    return Decision(winner, cluster, scores, firsts)


def borda(election: Election) -> dict[str, float]:
    """Average points of each candidate over the ballots that show it.

    The best of m seen gets m-1 points, the worst 0; places a voter left open share what is left.
    A candidate nobody judged stands in the middle.
    """
    sums: dict[str, float] = dict.fromkeys(election.candidates, 0.0)
    counts: dict[str, int] = dict.fromkeys(election.candidates, 0)
    most = 0
    for ballot in election.ballots:
        most = max(most, len(ballot.seen) - 1)
        for candidate, points in ballot_points(ballot):
            if candidate in sums:
                sums[candidate] += points
                counts[candidate] += 1
    return {c: sums[c] / counts[c] if counts[c] else most / 2 for c in sums}


def ballot_points(ballot: Ballot) -> list[tuple[str, float]]:
    """Each candidate on the sheet with its points."""
    top = len(ballot.seen) - 1
    ranked = ballot.ranking
    points = [(candidate, float(top - place)) for place, candidate in enumerate(ranked)]
    if len(ranked) <= top:
        left_over = (top - len(ranked)) / 2
        points += [(candidate, left_over) for candidate in ballot.seen if candidate not in ranked]
    return points


def cluster_scores(election: Election, points: Mapping[str, float]) -> tuple[float, ...]:
    """The weighted score of each cluster; `points` from `borda`, or a bound of it."""
    weights, share = election.weights, election.borda_weight
    return tuple(
        sum(weights.get(member, 1.0) for member in cluster)
        + share * sum(points[member] for member in cluster) / len(cluster)
        for cluster in election.clusters
    )


def first_choices(election: Election) -> dict[str, int]:
    """How many voters put each candidate first."""
    counts: dict[str, int] = dict.fromkeys(election.candidates, 0)
    for ballot in election.ballots:
        if ballot.ranking[0] in counts:
            counts[ballot.ranking[0]] += 1
    return counts


def approvals(election: Election, candidate: str) -> int:
    """How many voters would have this answer delivered."""
    return sum(candidate in ballot.approved for ballot in election.ballots)


def supporters(election: Election, cluster: int) -> set[str]:
    """Who stands behind a cluster: its authors, and whoever approves one of its answers."""
    members = election.clusters[cluster]
    backing = {
        ballot.voter_id
        for ballot in election.ballots
        if any(member in ballot.approved for member in members)
    }
    return backing.union(members)


def _best_cluster(election: Election, scores: Sequence[float]) -> int:
    best = max(scores)
    tied = [index for index, score in enumerate(scores) if best - score <= _TIE]
    if len(tied) == 1:
        return tied[0]
    return max(tied, key=lambda index: _tie_break(election, tied, index))


def _tie_break(election: Election, tied: Sequence[int], index: int) -> tuple[int, int, bytes]:
    members = election.clusters[index]
    rivals = [election.clusters[other] for other in tied if other != index]
    copeland = sum(_pairwise(election.ballots, members, rival) for rival in rivals)
    approved = sum(approvals(election, member) for member in members)
    return copeland, approved, keyed_hash(election.seed, "tie", *sorted(members))


def _pairwise(ballots: Sequence[Ballot], members: Sequence[str], rival: Sequence[str]) -> int:
    """1 if more voters prefer the cluster's best-placed answer to the rival's, -1, or 0."""
    balance = 0
    for ballot in ballots:
        mine, theirs = _best_place(ballot, members), _best_place(ballot, rival)
        if mine is not None and theirs is not None:
            balance += (mine < theirs) - (mine > theirs)
    return (balance > 0) - (balance < 0)


def _best_place(ballot: Ballot, members: Sequence[str]) -> int | None:
    """The place of the best-ranked member; below all ranked if seen only; None if not seen."""
    places = [ballot.ranking.index(m) for m in members if m in ballot.ranking]
    if places:
        return min(places)
    return len(ballot.seen) if any(member in ballot.seen for member in members) else None


def _standing(
    election: Election, points: Mapping[str, float], member: str
) -> tuple[float, int, float, bytes]:
    return (
        points[member],
        approvals(election, member),
        election.weights.get(member, 1.0),
        keyed_hash(election.seed, "member", member),
    )


def _decide_by_plurality(election: Election, firsts: Mapping[str, int]) -> Decision:
    registered = list(election.weights)
    in_order = sorted(election.candidates, key=registered.index)
    winner = max(in_order, key=lambda candidate: firsts[candidate])
    cluster = next(i for i, members in enumerate(election.clusters) if winner in members)
    scores = tuple(float(sum(firsts[m] for m in members)) for members in election.clusters)
    return Decision(winner, cluster, scores, firsts)
