import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.coordination.ballots import Ballot
from orchestrator.coordination.decision import Election, borda, decide
from wire.specs import Rule


def election(
    *clusters: tuple[str, ...],
    ballots: tuple[Ballot, ...] = (),
    weights: dict[str, float] | None = None,
    rule: Rule = "weighted",
    borda_weight: float = 2.0,
    seed: str = "seed",
) -> Election:
    agents = [agent for cluster in clusters for agent in cluster]
    return Election(
        clusters, weights or dict.fromkeys(sorted(agents), 1.0), ballots, rule, borda_weight, seed
    )


def ballot(voter: str, ranking: str, approved: str = "") -> Ballot:
    return Ballot(voter, tuple(ranking), tuple(ranking), tuple(approved))


@pytest.mark.requirement("coordination:rule:weighted")
def test_the_score_is_the_clusters_weight_plus_pooled_borda() -> None:
    cast = (ballot("a", "bc"), ballot("b", "ac"), ballot("c", "ba"))

    decision = decide(election(("a", "b"), ("c",), ballots=cast))

    # a: seen by b (1) and c (0): .5; b: by a (1) and c (1): 1; c: by a (0) and b (0): 0
    assert decision.scores == pytest.approx((2 + 2 * 0.75, 1.0))
    assert decision.winner == "b"


@pytest.mark.requirement("coordination:rule:weighted")
def test_a_minority_that_all_judges_prefer_beats_a_wrong_majority() -> None:
    cast = (ballot("a", "cb"), ballot("b", "ca"), ballot("c", "ab"))

    assert decide(election(("a", "b"), ("c",), ballots=cast)).winner == "c"


def test_weights_move_the_decision() -> None:
    weights = {"a": 1.0, "b": 1.0, "c": 2.5}

    assert decide(election(("a", "b"), ("c",))).winner in {"a", "b"}
    assert decide(election(("a", "b"), ("c",), weights=weights)).winner == "c"


def test_places_left_open_share_their_points() -> None:
    partial = Ballot("v", ("a", "b", "c", "d"), ("c",))

    points = borda(election(("a",), ("b",), ("c",), ("d",), ballots=(partial,)))

    assert points == {"a": 1.0, "b": 1.0, "c": 3.0, "d": 1.0}


def test_an_answer_that_nobody_judged_stands_in_the_middle() -> None:
    points = borda(election(("a",), ("b",), ("c",), ballots=(ballot("a", "bc"),)))

    assert points == {"a": 0.5, "b": 1.0, "c": 0.0}


@pytest.mark.requirement("coordination:rule:ties")
def test_a_tie_goes_to_whom_more_judges_prefer_then_to_the_more_approved() -> None:
    # a and b have equal points; two of three prefer b to a.
    copeland = (ballot("x", "bac"), ballot("y", "bac"), ballot("z", "acb"))
    tied = election(("a",), ("b",), ("c",), ballots=copeland, weights={"a": 1, "b": 1, "c": 0})
    assert decide(tied).scores[0] == pytest.approx(decide(tied).scores[1])
    assert decide(tied).winner == "b"

    approval = (ballot("x", "ab", "a"), ballot("y", "ba", ""))
    assert decide(election(("a",), ("b",), ballots=approval)).winner == "a"


@pytest.mark.requirement("coordination:rule:ties")
def test_a_full_tie_is_drawn_by_the_seed_and_not_by_registration() -> None:
    winners = [decide(election(("a",), ("b",), seed=f"{n}")).winner for n in range(400)]

    again = [decide(election(("a",), ("b",), seed=f"{n}")).winner for n in range(400)]
    assert winners == again
    assert 140 < winners.count("a") < 260


@pytest.mark.requirement("coordination:rule:plurality")
def test_plurality_counts_first_choices_and_gives_ties_to_the_first_registered() -> None:
    cast = (ballot("a", "bc"), ballot("b", "ca"), ballot("c", "ba"))
    assert decide(election(("a",), ("b",), ("c",), ballots=cast, rule="plurality")).winner == "b"

    tie = (ballot("a", "bc"), ballot("b", "cb"))
    registered = {"c": 1.0, "b": 1.0, "a": 1.0}
    tied = election(("a",), ("b",), ("c",), ballots=tie, rule="plurality", weights=registered)
    assert decide(tied).winner == "c"


@given(data=st.data(), size=st.integers(2, 5))
def test_renaming_the_agents_renames_the_winner(data: st.DataObject, size: int) -> None:
    agents = "abcde"[:size]
    orders = data.draw(st.lists(st.permutations(agents), min_size=1, max_size=5))
    cast = tuple(ballot(f"v{n}", "".join(order)) for n, order in enumerate(orders))
    plain = election(*((agent,) for agent in agents), ballots=cast)
    scores = decide(plain).scores
    turned = str.maketrans(agents, agents[1:] + agents[0])
    moved = tuple(ballot(b.voter_id, "".join(b.ranking).translate(turned)) for b in cast)

    renamed = decide(election(*((a.translate(turned),) for a in agents), ballots=moved))

    assert renamed.scores == pytest.approx(scores)


@pytest.mark.requirement("coordination:condorcet")
@pytest.mark.parametrize("runs", [1_000, pytest.param(20_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("p", [0.6, 0.7, 0.8])
@pytest.mark.parametrize("n", [1, 3, 5, 7])
def test_the_majority_of_independent_agents_meets_the_exact_condorcet_value(
    p: float, n: int, runs: int
) -> None:
    dice = random.Random(n * 10 + int(p * 10))  # noqa: S311 - a simulation
    names = [f"a{i}" for i in range(n)]
    weights = dict.fromkeys(names, 1.0)
    right = 0
    for number in range(runs):
        good = tuple(name for name in names if dice.random() < p)
        bad = tuple(name for name in names if name not in good)
        clusters = tuple(group for group in (good, bad) if group)
        winner = decide(Election(clusters, weights, (), "weighted", 2.0, str(number))).winner
        right += winner in good

    exact = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n // 2 + 1, n + 1))
    sigma = math.sqrt(exact * (1 - exact) / runs)
    assert abs(right / runs - exact) <= 3 * sigma
