"""How much an agent's answer weighs, learnt from what became of earlier runs.

A posterior per model and task class: how often its answers turned out right. Its weight is the
log-odds of that share, because independent votes add up that way. In a panel only the differences
count: its weights keep the mean that was configured, so that what was learnt never drowns the
ballots, and a panel without scores has the configured weights exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PRIOR_SHARE = 1 / (1 + math.exp(-1))  # log-odds 1: what a model nothing is known of weighs
_PRIOR_RUNS = 10.0  # scored runs that weigh as much as not knowing
LEAST_WEIGHT = 0.25  # nobody is silenced: outcomes are few, and some are wrong
MOST_WEIGHT = 2.5  # and nobody outvotes the rest of a panel alone
_DIGITS = 6  # a log that people read, and that is the same on every machine


@dataclass(frozen=True, slots=True)
class Evidence:
    """How often, in scored runs, a model's answers were right and wrong; shares count."""

    right: float = 0.0
    wrong: float = 0.0

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(self.right + other.right, self.wrong + other.wrong)


def learnt_weight(evidence: Evidence) -> float:
    """The capped log-odds of the posterior mean."""
    right = _PRIOR_SHARE * _PRIOR_RUNS + evidence.right
    wrong = (1 - _PRIOR_SHARE) * _PRIOR_RUNS + evidence.wrong
    return min(MOST_WEIGHT, max(LEAST_WEIGHT, math.log(right / wrong)))


def evidence_of(
    score: float,
    clusters: Mapping[str, int],
    winner: str,
    judged: Mapping[str, float] | None = None,
) -> dict[str, Evidence]:
    """What one outcome says about each agent that answered.

    `score` is the delivered answer's, 0 to 1; `clusters` says whose answers said the same;
    `judged` holds scores of single agents' answers, which say more than the run's.
    Who answered unlike a right answer was wrong; of one unlike a wrong answer nothing is known.
    """
    known = judged or {}
    found: dict[str, Evidence] = {}
    for agent_id, cluster in clusters.items():
        if agent_id in known:
            found[agent_id] = _judged(known[agent_id])
        elif cluster == clusters.get(winner):
            found[agent_id] = _judged(score)
        else:
            found[agent_id] = Evidence(0.0, score)
    return found


def panel_weights(
    seats: Sequence[tuple[str, str, float]], learnt: Mapping[str, Evidence]
) -> dict[str, float]:
    """Weight of each (agent id, model, configured weight), with what is learnt of the models."""
    shares = [learnt_weight(learnt.get(model, Evidence())) for _, model, _ in seats]
    mean = sum(shares) / len(shares)
    return {
        agent_id: round(configured * share / mean, _DIGITS)
        for (agent_id, _, configured), share in zip(seats, shares, strict=True)
    }


def _judged(score: float) -> Evidence:
    return Evidence(score, 1.0 - score)
