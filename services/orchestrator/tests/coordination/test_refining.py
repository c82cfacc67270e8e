"""Refine rounds: who refines, how often, and what the next ballot is about."""

import pytest

from orchestrator.coordination.commands import StartCall
from orchestrator.coordination.events import BallotIssued, DecisionMade, RoundOpened
from orchestrator.coordination.plan import MAX_ROUNDS
from services.orchestrator.tests.coordination.answer_texts import PROSE, SEA, SKY
from services.orchestrator.tests.coordination.virtual_panel import (
    Act,
    Behaviour,
    Fails,
    Garbles,
    Hangs,
    Outcome,
    Says,
    Votes,
    plan_for,
    run,
)

THREE = ("ada", "bob", "cyd")
BETTER = "better, in other words than before and long enough to be compared as prose"
REJECTING = Votes(
    rank=lambda text: float(text.startswith(SKY)), approve=lambda _: False, reason="too thin"
)


def panel(refine: Act | None = None, ballot: Act | None = None) -> Behaviour:
    def behave(start: StartCall) -> Act:
        match start.brief.phase:
            case "ballot":
                return ballot or REJECTING
            case "refine":
                return refine or Says(BETTER)
            case _:
                return Says(PROSE[start.agent_id])

    return behave


def rounds(outcome: Outcome) -> list[tuple[int, str]]:
    return [(fact.round, fact.phase) for fact in outcome.facts(RoundOpened)]


@pytest.mark.requirement("coordination:refine")
def test_without_agreement_two_authors_refine_and_the_panel_votes_again() -> None:
    outcome = run(plan_for(*THREE, max_rounds=1), panel())

    assert rounds(outcome) == [(0, "answer"), (0, "ballot"), (1, "refine"), (1, "ballot")]
    assert len(outcome.calls_of("refine")) == 2
    assert len(outcome.calls) <= (1 + 1) * 2 * 3 + 1
    assert outcome.facts(DecisionMade)[0].agreement == "plurality"


@pytest.mark.requirement("coordination:refine")
def test_the_last_ballot_is_vote_only() -> None:
    outcome = run(plan_for(*THREE, max_rounds=1), panel())

    may_refine = {call.brief.round: call.brief.may_refine for call in outcome.calls_of("ballot")}
    assert may_refine == {0: True, 1: False}


@pytest.mark.requirement("coordination:refine")
@pytest.mark.parametrize("asked", [0, 1, 2, 3, 9])
def test_rounds_are_bounded_by_the_panel_and_by_three(asked: int) -> None:
    texts = (f"entirely new words {n} that share nothing with any before {n}" for n in range(99))

    def behave(start: StartCall) -> Act:
        return Says(next(texts)) if start.brief.phase == "refine" else panel()(start)

    outcome = run(plan_for(*THREE, max_rounds=asked), behave)

    allowed = min(asked, MAX_ROUNDS)
    assert [phase for _, phase in rounds(outcome)].count("refine") == allowed
    assert len(outcome.calls) <= (allowed + 1) * 2 * 3 + 1


@pytest.mark.requirement("coordination:refine")
def test_an_author_sees_its_answer_the_rivals_and_the_strongest_objection_and_no_tally() -> None:
    outcome = run(plan_for(*THREE), panel())

    for call in outcome.calls_of("refine"):
        brief = call.brief
        assert brief.own_answer == PROSE[call.agent_id]
        assert [candidate.text for candidate in brief.candidates] != [brief.own_answer]
        assert len(brief.candidates) == 1
        assert brief.objection == "too thin"


@pytest.mark.requirement("coordination:refine")
def test_votes_of_the_next_ballot_are_for_the_new_revisions() -> None:
    outcome = run(plan_for(*THREE), panel())

    authors = {call.agent_id for call in outcome.calls_of("refine")}
    for issued in outcome.facts(BallotIssued):
        expected = 2 if issued.round else 1
        assert all(issued.revisions[a] == expected for a in authors if a in issued.revisions)


def test_a_refined_answer_on_a_ballot_costs_no_call() -> None:
    refined = "a refined answer that came with the ballot and needs no call of its own at all"
    voting = Votes(approve=lambda _: False, refined=refined)

    outcome = run(plan_for(*THREE), panel(ballot=voting))

    assert outcome.calls_of("refine") == []
    assert outcome.delivered == refined


def test_refined_answers_that_agree_end_the_run() -> None:
    outcome = run(
        plan_for("ada", "bob"),
        panel(refine=Says("the same words from both of them, this time round")),
    )

    assert rounds(outcome)[-1] == (1, "refine")
    assert outcome.facts(DecisionMade)[0].agreement == "unanimous"


@pytest.mark.parametrize("act", [Fails(), Says("  "), Says("x", invalid="not JSON")])
def test_refining_that_fails_leaves_the_answers_and_the_vote_as_they_were(act: Act) -> None:
    outcome = run(plan_for(*THREE), panel(refine=act))

    assert rounds(outcome)[-1] == (1, "refine")
    assert outcome.delivered == SKY


def test_a_refiner_that_hangs_is_cut() -> None:
    hanging = Hangs()

    def behave(start: StartCall) -> Act:
        if start.brief.phase == "refine" and start.agent_id == "ada":
            return hanging
        return panel()(start)

    outcome = run(plan_for(*THREE), behave)

    assert outcome.finish.status == "completed"
    assert outcome.ended_ms < 60_000


def test_agreement_needs_no_refining() -> None:
    outcome = run(plan_for(*THREE), panel(ballot=Votes(rank=lambda t: float(t == SEA))))

    assert outcome.calls_of("refine") == []
    assert outcome.delivered == SEA


def test_no_vote_at_all_still_ends() -> None:
    outcome = run(plan_for(*THREE, max_rounds=3), panel(ballot=Garbles()))

    assert outcome.finish.status == "completed"
