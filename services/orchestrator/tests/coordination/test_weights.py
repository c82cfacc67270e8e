import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.coordination.weights import (
    LEAST_WEIGHT,
    MOST_WEIGHT,
    Evidence,
    evidence_of,
    learnt_weight,
    panel_weights,
)

COUNTS = st.floats(0, 10_000)
SHARES = st.floats(0, 1)
SEATS = (("ada", "strong", 1.0), ("bob", "weak", 1.0))


@pytest.mark.requirement("coordination:weights:learnt")
def test_nothing_learnt_means_the_configured_weights() -> None:
    assert learnt_weight(Evidence()) == pytest.approx(1.0)
    assert panel_weights([("ada", "m", 1.5), ("bob", "n", 0.5)], {}) == {"ada": 1.5, "bob": 0.5}


@pytest.mark.requirement("coordination:weights:learnt")
def test_outcomes_move_weight_from_the_weak_to_the_strong_and_keep_the_mean() -> None:
    weights = panel_weights(SEATS, {"strong": Evidence(90, 10), "weak": Evidence(55, 45)})

    assert weights["ada"] > 1 > weights["bob"]
    assert sum(weights.values()) == pytest.approx(2.0, abs=1e-5)


@pytest.mark.requirement("coordination:weights:capped")
@given(COUNTS, COUNTS)
def test_no_outcomes_silence_a_model_or_make_it_a_dictator(right: float, wrong: float) -> None:
    assert LEAST_WEIGHT <= learnt_weight(Evidence(right, wrong)) <= MOST_WEIGHT


@pytest.mark.requirement("coordination:weights:learnt")
@given(COUNTS, COUNTS, SHARES)
def test_a_right_answer_never_lowers_a_weight(right: float, wrong: float, more: float) -> None:
    before, after = Evidence(right, wrong), Evidence(right, wrong) + Evidence(more, 0)

    assert learnt_weight(after) >= learnt_weight(before)


def test_a_right_answer_speaks_for_its_cluster_and_against_the_rest() -> None:
    found = evidence_of(1.0, {"ada": 0, "bob": 0, "cyd": 1}, "ada")

    assert found == {"ada": Evidence(1, 0), "bob": Evidence(1, 0), "cyd": Evidence(0, 1)}


def test_a_wrong_answer_says_nothing_of_those_who_answered_otherwise() -> None:
    found = evidence_of(0.0, {"ada": 0, "bob": 1}, "ada")

    assert found == {"ada": Evidence(0, 1), "bob": Evidence()}


def test_an_agents_own_score_says_more_than_the_runs() -> None:
    found = evidence_of(1.0, {"ada": 0, "bob": 1}, "ada", {"bob": 0.75})

    assert found["bob"] == Evidence(0.75, 0.25)
