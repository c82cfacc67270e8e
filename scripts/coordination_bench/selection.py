"""Does the panel pick the right answer? The production rule on simulated answers and judges.

Answers: a Gaussian copula with the agents' published accuracies and one common factor, fitted so
that some agent is right in 95.5 % of questions; agents that err share one wrong answer in 60 % of
pairs. Judges perceive an answer's worth as `skill` if it is right, plus `self_bias` if it is their
own, plus `first_bias` if they are shown it first, plus noise; `skill` is fitted so that MassGen's
rule (plurality, self-votes, fixed order, first wins ties) gives the published 87.4 %.
The numbers say nothing about any real model.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING

from orchestrator.coordination.ballots import Ballot, BallotSheet, draw_sheets, read_paper
from orchestrator.coordination.clusters import Fingerprint, fingerprint, form_clusters
from orchestrator.coordination.decision import Decision, Election, decide
from orchestrator.coordination.events import BallotPaper
from orchestrator.coordination.weights import Evidence, evidence_of, panel_weights
from wire.specs import PanelSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from coordination_bench.bars import Bars

ACCURACIES = (0.859, 0.854, 0.848, 0.682)
ORACLE, SHARED_WRONG, MASSGEN = 0.955, 0.6, 0.874
RIGHT = 0
FIT_QUESTIONS, FIT_STEPS = 20_000, 14
LEARNING_RUNS = 200
LEARNT_BAR, COLD_BAR = 0.893, 0.876
BORDA_WEIGHT = PanelSpec(name="", agents=()).borda_weight


@dataclass(frozen=True, slots=True)
class Setting:
    """How judges err, beside the noise."""

    self_bias: float
    first_bias: float


SETTINGS = (Setting(1.0, 0.3), Setting(2.0, 0.3), Setting(2.0, 0.8), Setting(3.0, 0.8))


@dataclass(frozen=True, slots=True)
class Question:
    """`answers[i]` and `noise[voter][i]` are of the agent in seat i; `models[i]` sits there."""

    models: tuple[int, ...]
    answers: tuple[int, ...]
    noise: tuple[tuple[float, ...], ...]
    seed: str


def questions(count: int, seed: str, correlation: float) -> list[Question]:
    """Agents sit in another order each time, so that registration carries no skill."""
    dice = random.Random(seed)  # noqa: S311 - a simulation
    return [_question(dice, correlation, f"{seed}/{number}") for number in range(count)]


def _question(dice: random.Random, correlation: float, seed: str) -> Question:
    models = list(range(len(ACCURACIES)))
    dice.shuffle(models)
    answers = _answers(dice, [ACCURACIES[model] for model in models], correlation)
    gauss = dice.gauss
    noise = tuple(tuple(gauss(0, 1) for _ in models) for _ in models)
    return Question(tuple(models), answers, noise, seed)


def _answers(
    dice: random.Random, accuracies: Sequence[float], correlation: float
) -> tuple[int, ...]:
    common = dice.gauss(0, 1) * math.sqrt(correlation)
    own = math.sqrt(1 - correlation)
    shared_wrong = dice.randint(1, 3)
    return tuple(
        RIGHT
        if common + own * dice.gauss(0, 1) < _quantile(accuracy)
        else _wrong(dice, shared_wrong)
        for accuracy in accuracies
    )


def _wrong(dice: random.Random, shared: int) -> int:
    return shared if dice.random() < math.sqrt(SHARED_WRONG) else 10 + dice.randint(1, 40)


@cache
def _quantile(share: float) -> float:
    return NormalDist().inv_cdf(share)


# ---------------------------------------------------------------------------------------- fitting


def fit_correlation() -> float:
    """The common factor at which the best of all answers is right as often as published."""

    def oracle(correlation: float) -> float:
        dice = random.Random(1)  # noqa: S311
        hits = (RIGHT in _answers(dice, ACCURACIES, correlation) for _ in range(FIT_QUESTIONS))
        return sum(hits) / FIT_QUESTIONS

    return _where(oracle, ORACLE, 0.0, 0.99, rising=False)


def fit_skill(setting: Setting, correlation: float) -> float:
    """The judges' skill at which MassGen's rule does as well as published."""
    asked = questions(FIT_QUESTIONS, "fit", correlation)
    return _where(
        lambda skill: massgen_accuracy(asked, setting, skill), MASSGEN, 0.0, 3.0, rising=True
    )


def _where(
    value: Callable[[float], float], wanted: float, low: float, high: float, *, rising: bool
) -> float:
    for _ in range(FIT_STEPS):
        middle = (low + high) / 2
        if (value(middle) < wanted) == rising:
            low = middle
        else:
            high = middle
    return (low + high) / 2


# ------------------------------------------------------------------------------------------ rules


def massgen_accuracy(asked: Sequence[Question], setting: Setting, skill: float) -> float:
    """Plurality, self-votes, answers in a fixed order, the first registered wins a tie."""
    return sum(_massgen_is_right(question, setting, skill) for question in asked) / len(asked)


def _massgen_is_right(question: Question, setting: Setting, skill: float) -> bool:
    answers = question.answers
    worth = [skill if answer == RIGHT else 0.0 for answer in answers]
    worth[0] += setting.first_bias
    votes = [0] * len(answers)
    for voter, noise in enumerate(question.noise):
        seen = [w + n for w, n in zip(worth, noise, strict=True)]
        seen[voter] += setting.self_bias
        votes[seen.index(max(seen))] += 1
    return answers[votes.index(max(votes))] == RIGHT


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the production rule made of one question."""

    right: bool
    winner: str
    clusters: Mapping[str, int]


def conclave_verdict(
    question: Question, setting: Setting, skill: float, learnt: Mapping[str, Evidence]
) -> Verdict:
    """Clusters, Latin-square ballots, the weighted rule: all from the production core."""
    seats = [f"seat{number}" for number in range(len(question.answers))]
    clusters = tuple(
        form_clusters(
            {
                seat: _fingerprint(answer)
                for seat, answer in zip(seats, question.answers, strict=True)
            }
        )
    )
    weights = panel_weights(
        [(seat, str(model), 1.0) for seat, model in zip(seats, question.models, strict=True)],
        learnt,
    )
    sheets = draw_sheets(seats, self_vote="exclude", seed=question.seed, round_no=0)
    ballots = tuple(_judge(question, setting, skill, sheet) for sheet in sheets)
    election = Election(clusters, weights, ballots, "weighted", BORDA_WEIGHT, question.seed)
    decision = decide(election)
    return _verdict(question, clusters, decision)


def _judge(question: Question, setting: Setting, skill: float, sheet: BallotSheet) -> Ballot:
    noise = question.noise[_seat(sheet.voter_id)]

    def worth(place: int) -> float:
        seat = _seat(sheet.order[place])
        right = skill if question.answers[seat] == RIGHT else 0.0
        return right + noise[seat] + (setting.first_bias if place == 0 else 0.0)

    best_first = sorted(range(len(sheet.order)), key=worth, reverse=True)
    return read_paper(sheet, BallotPaper(tuple(sheet.labels[place] for place in best_first)))


def _verdict(question: Question, clusters: Sequence[Sequence[str]], decision: Decision) -> Verdict:
    return Verdict(
        question.answers[_seat(decision.winner)] == RIGHT,
        decision.winner,
        {seat: index for index, members in enumerate(clusters) for seat in members},
    )


def _seat(agent_id: str) -> int:
    return int(agent_id.removeprefix("seat"))


@cache
def _fingerprint(answer: int) -> Fingerprint:
    return fingerprint(str(answer))


def learn(asked: Sequence[Question], setting: Setting, skill: float) -> dict[str, Evidence]:
    """Weights after these runs, each scored by whether the delivered answer was right."""
    learnt: dict[str, Evidence] = {}
    for question in asked:
        verdict = conclave_verdict(question, setting, skill, learnt)
        found = evidence_of(float(verdict.right), verdict.clusters, verdict.winner)
        for seat, evidence in found.items():
            model = str(question.models[_seat(seat)])
            learnt[model] = learnt.get(model, Evidence()) + evidence
    return learnt


def accuracy(
    asked: Sequence[Question], setting: Setting, skill: float, learnt: Mapping[str, Evidence]
) -> float:
    """The share of questions that the panel gets right with these weights."""
    right = (conclave_verdict(question, setting, skill, learnt).right for question in asked)
    return sum(right) / len(asked)


def measure(bars: Bars, count: int) -> None:
    """Every setting with equal weights, and with weights learnt from runs of another seed."""
    correlation = fit_correlation()
    asked = questions(count, "judged", correlation)
    taught = questions(LEARNING_RUNS, "taught", correlation)
    for setting in SETTINGS:
        skill = fit_skill(setting, correlation)
        name = f"self-bias {setting.self_bias:g}, first-slot bias {setting.first_bias:g}"
        bars.note(f"selection: MassGen's rule, {name}", massgen_accuracy(asked, setting, skill))
        cold = accuracy(asked, setting, skill, {})
        bars.at_least(f"selection: cold, {name}", cold, COLD_BAR)
        learnt = learn(taught, setting, skill)
        bars.at_least(
            f"selection: {LEARNING_RUNS} scored runs, {name}",
            accuracy(asked, setting, skill, learnt),
            LEARNT_BAR,
        )


def measure_condorcet(bars: Bars, runs: int) -> None:
    """Independent agents, two possible answers, no ballots: plain majorities."""
    worst = max(_sigmas_off(p, n, runs) for p in (0.6, 0.7, 0.8) for n in (1, 3, 5, 7))
    bars.at_most("majority against the exact Condorcet value, worst", worst, 3.0, "sigma")


def _sigmas_off(p: float, n: int, runs: int) -> float:
    dice = random.Random(f"{p}/{n}")  # noqa: S311
    right = sum(_majority_is_right(dice, p, n, str(number)) for number in range(runs))
    exact = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n // 2 + 1, n + 1))
    return abs(right / runs - exact) / math.sqrt(exact * (1 - exact) / runs)


def _majority_is_right(dice: random.Random, p: float, n: int, seed: str) -> bool:
    answers = {f"a{i}": "right" if dice.random() < p else "wrong" for i in range(n)}
    clusters = tuple(form_clusters({agent: fingerprint(a) for agent, a in answers.items()}))
    election = Election(clusters, dict.fromkeys(answers, 1.0), (), "weighted", BORDA_WEIGHT, seed)
    return answers[decide(election).winner] == "right"
