import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.coordination.ballots import Ballot, draw_sheets
from orchestrator.coordination.decision import Election, decide
from orchestrator.coordination.early_stop import is_agreed, leader_is_safe
from wire.specs import Rule


def every_outcome(sheets: list[tuple[str, tuple[str, ...]]]) -> list[list[Ballot]]:
    """All ways in which open ballots can still come: every ranking, or an abstention."""
    choices = [
        [None, *(Ballot(voter, seen, ranking) for ranking in itertools.permutations(seen))]
        for voter, seen in sheets
    ]
    return [
        [ballot for ballot in combination if ballot is not None]
        for combination in itertools.product(*choices)
    ]


@pytest.mark.requirement("coordination:early-stop")
@given(data=st.data(), size=st.integers(2, 4), rule=st.sampled_from(["weighted", "plurality"]))
def test_a_leader_called_safe_wins_whatever_the_open_ballots_say(
    data: st.DataObject, size: int, rule: Rule
) -> None:
    agents = tuple("abcd"[:size])
    sheets = draw_sheets(agents, self_vote="exclude", seed="s", round_no=0)
    cast_count = data.draw(st.integers(max(0, size - 2), size))
    cast = tuple(
        Ballot(s.voter_id, s.order, tuple(data.draw(st.permutations(s.order))))
        for s in sheets[:cast_count]
    )
    cut = data.draw(st.integers(1, size))
    clusters = (agents[:cut], *((agent,) for agent in agents[cut:]))
    weights = {a: data.draw(st.sampled_from([0.5, 1.0, 2.0])) for a in agents}
    share = data.draw(st.sampled_from([0.0, 1.0, 2.0]))

    def election(ballots: tuple[Ballot, ...]) -> Election:
        return Election(clusters, weights, ballots, rule, share, "seed")

    still_open = sheets[cast_count:]
    safe = leader_is_safe(election(cast), still_open)

    if safe:
        leader = decide(election(cast)).cluster
        for more in every_outcome([(s.voter_id, s.order) for s in still_open]):
            assert decide(election((*cast, *more))).cluster == leader


@pytest.mark.requirement("coordination:early-stop")
def test_two_judges_of_three_for_one_answer_settle_it() -> None:
    sheets = draw_sheets(("a", "b", "c"), self_vote="exclude", seed="s", round_no=0)
    cast = (Ballot("b", ("a", "c"), ("a", "c")), Ballot("c", ("a", "b"), ("a", "b")))
    weights = dict.fromkeys("abc", 1.0)
    election = Election((("a",), ("b",), ("c",)), weights, cast, "weighted", 2.0, "s")

    assert leader_is_safe(election, [sheet for sheet in sheets if sheet.voter_id == "a"])


def test_one_judge_of_three_settles_nothing() -> None:
    sheets = draw_sheets(("a", "b", "c"), self_vote="exclude", seed="s", round_no=0)
    cast = (Ballot("b", ("a", "c"), ("a", "c")),)
    weights = dict.fromkeys("abc", 1.0)
    election = Election((("a",), ("b",), ("c",)), weights, cast, "weighted", 2.0, "s")

    assert not leader_is_safe(election, [s for s in sheets if s.voter_id != "b"])


@pytest.mark.parametrize(
    ("approved_by", "voters", "agreed"),
    [("", 2, False), ("b", 2, True), ("", 3, False), ("b", 3, True), ("b", 4, False)],
)
def test_agreement_is_a_strict_majority_of_authors_and_approvers(
    approved_by: str, voters: int, *, agreed: bool
) -> None:
    cast = tuple(Ballot(voter, ("a",), ("a",), ("a",)) for voter in approved_by)
    election = Election((("a",),), {"a": 1.0}, cast, "weighted", 2.0, "s")

    assert is_agreed(election, 0, voters) is agreed
