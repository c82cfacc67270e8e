from orchestrator.coordination.ballots import Ballot
from orchestrator.coordination.decision import Election, decide
from orchestrator.coordination.refinement import refinements, strongest_objection


def ballot(voter: str, ranking: str, reason: str, approved: str = "") -> Ballot:
    return Ballot(voter, tuple(ranking), tuple(ranking), tuple(approved), reason)


def election(*ballots: Ballot) -> Election:
    weights = dict.fromkeys("abc", 1.0)
    return Election((("a",), ("b",), ("c",)), weights, ballots, "weighted", 2.0, "s")


def test_the_authors_of_the_top_two_clusters_refine_against_each_other() -> None:
    held = election(ballot("a", "bc", "x"), ballot("b", "ac", "y"), ballot("c", "ab", "z"))

    tasks = refinements(held, decide(held))

    assert [(task.author, task.rival) for task in tasks] == [("a", "b"), ("b", "a")]


def test_one_cluster_has_nothing_to_refine_against() -> None:
    lone = Election((("a", "b"),), {"a": 1.0, "b": 1.0}, (), "weighted", 2.0, "s")

    assert refinements(lone, decide(lone)) == ()


def test_the_strongest_objection_is_of_who_disapproves_and_ranks_lowest() -> None:
    ballots = (
        ballot("b", "ac", "mild", approved="a"),
        ballot("c", "ba", "harsh"),
        ballot("d", "abc", "lukewarm"),
    )

    assert strongest_objection(ballots, "a", "b") == "harsh"


def test_ones_own_reason_is_no_objection() -> None:
    ballots = (Ballot("a", ("b", "a"), ("b", "a"), (), "I am fine"),)

    assert strongest_objection(ballots, "a", "b") is None
