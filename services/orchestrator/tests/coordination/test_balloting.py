"""The ballot: issued, cast, repaired, cut short."""

from collections.abc import Mapping

import pytest

from orchestrator.coordination.commands import StartCall
from orchestrator.coordination.events import (
    BallotIssued,
    BallotPaper,
    BallotReturned,
    BallotSkipped,
    CallCut,
    DecisionMade,
    VoteCast,
    VoteInvalid,
)
from orchestrator.coordination.plan import CallLimits
from services.orchestrator.tests.coordination.answer_texts import ICE, PROSE, SEA, SKY
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
    scripted,
)

THREE = ("ada", "bob", "cyd")
ANSWERS: dict[str, Act] = {agent: Says(PROSE[agent]) for agent in THREE}


def prefers(text: str) -> Votes:
    return Votes(rank=lambda candidate: float(candidate == text))


def with_ballots(ballots: Mapping[str, Act], **options: object) -> Outcome:
    def behave(start: StartCall) -> Act:
        return ballots[start.agent_id] if start.brief.phase == "ballot" else ANSWERS[start.agent_id]

    return run(plan_for(*THREE, **options), behave)


def voting(act: Act) -> Behaviour:
    return scripted(ANSWERS, act)


@pytest.mark.requirement("coordination:rule:weighted")
def test_the_answer_that_the_judges_prefer_is_delivered() -> None:
    outcome = run(plan_for(*THREE), voting(prefers(SEA)))

    assert outcome.delivered == SEA
    assert outcome.facts(DecisionMade)[0].agreement == "majority"
    assert len(outcome.calls) <= 6


@pytest.mark.requirement("coordination:rule:weighted")
def test_a_majority_that_is_wrong_at_first_is_overruled_by_its_own_judges() -> None:
    script: dict[str, Act] = {"ada": Says("41"), "bob": Says("41"), "cyd": Says("42")}

    outcome = run(plan_for(*THREE), scripted(script, prefers("42")))

    assert outcome.delivered == "42"
    assert outcome.facts(BallotIssued)
    assert outcome.facts(VoteCast)


@pytest.mark.requirement("coordination:ballots:own-answer")
def test_a_voter_is_shown_every_other_answer_and_its_revision() -> None:
    outcome = run(plan_for(*THREE, early_stop=False), voting(Votes()))

    for issued in outcome.facts(BallotIssued):
        assert set(issued.order) == set(THREE) - {issued.voter_id}
        assert issued.revisions == dict.fromkeys(issued.order, 1)
    shown = {c.text for call in outcome.calls_of("ballot") for c in call.brief.candidates}
    assert shown == {SKY, SEA, ICE}


@pytest.mark.requirement("coordination:early-stop")
def test_ballots_that_cannot_change_the_outcome_are_cut() -> None:
    late = {"ada": Hangs(), "bob": prefers(SKY), "cyd": prefers(SKY)}

    outcome = with_ballots(late)

    assert outcome.delivered == SKY
    assert outcome.ended_ms == 200
    assert [cut.reason for cut in outcome.facts(CallCut)] == ["the leader cannot be overtaken"]


@pytest.mark.requirement("coordination:early-stop")
def test_without_early_stop_every_ballot_is_heard() -> None:
    late = {"ada": Votes(ms=900), "bob": prefers(SKY), "cyd": prefers(SKY)}

    outcome = with_ballots(late, early_stop=False)

    assert len(outcome.facts(VoteCast)) == 3


@pytest.mark.requirement("coordination:ballots:repair")
def test_an_unusable_ballot_is_asked_for_once_more() -> None:
    tries = iter([Garbles(), prefers(ICE)])

    def behave(start: StartCall) -> Act:
        if start.brief.phase != "ballot":
            return ANSWERS[start.agent_id]
        return next(tries) if start.agent_id == "ada" else prefers(ICE)

    outcome = run(plan_for(*THREE, early_stop=False), behave)

    repairs = [call.brief.repair for call in outcome.calls if call.brief.repair]
    assert [repair.problem for repair in repairs] == ["not JSON"]
    assert len(outcome.facts(VoteCast)) == 3


@pytest.mark.requirement("coordination:ballots:repair")
def test_a_voter_whose_repair_fails_abstains_and_the_others_decide() -> None:
    outcome = with_ballots(
        {"ada": Garbles(), "bob": prefers(SKY), "cyd": prefers(SKY)}, early_stop=False
    )

    assert [fact.repair for fact in outcome.facts(VoteInvalid)] == [True, False]
    assert outcome.delivered == SKY


@pytest.mark.requirement("coordination:fail-k-of-n")
@pytest.mark.parametrize("act", [Garbles(), Fails()])
def test_without_a_single_vote_the_clusters_decide(act: Act) -> None:
    script: dict[str, Act] = {"ada": Says("42"), "bob": Says("41"), "cyd": Says("42")}

    outcome = run(plan_for(*THREE), scripted(script, act))

    assert outcome.delivered == "42"
    assert outcome.finish.status == "completed"


def test_a_ballot_that_ranks_a_strange_label_is_not_counted() -> None:
    session_outcome = run(
        plan_for(*THREE),
        voting(Hangs()),
        *[BallotReturned(150, call, BallotPaper(("ZZZZ",)), None) for call in (4, 5, 6)],
    )

    assert session_outcome.facts(VoteCast) == []
    assert len(session_outcome.facts(VoteInvalid)) >= 3


@pytest.mark.requirement("coordination:grace")
def test_a_voter_that_hangs_is_cut_after_its_grace() -> None:
    outcome = with_ballots(
        {"ada": prefers(SEA), "bob": prefers(SKY), "cyd": Hangs()}, early_stop=False
    )

    assert [fact.problem for fact in outcome.facts(VoteInvalid)] == ["too slow"]
    assert outcome.finish.status == "completed"
    assert outcome.ended_ms < 60_000


@pytest.mark.requirement("coordination:budgets")
def test_a_budget_without_ballots_decides_by_clusters_and_says_so() -> None:
    outcome = run(plan_for(*THREE, limits=CallLimits(max_calls=3)), voting(Votes()))

    assert outcome.finish.status == "completed"
    assert [skip.reason for skip in outcome.facts(BallotSkipped)] == ["budget: calls"]
    assert outcome.delivered in {SKY, SEA, ICE}


def test_running_short_of_time_decides_with_the_votes_that_are_there() -> None:
    ballots = {"ada": prefers(SEA), "bob": Hangs(), "cyd": Hangs()}

    outcome = with_ballots(ballots, wrap_up_ms=1_000, deadline_ms=2_000, early_stop=False)

    assert outcome.ended_ms == 1_000
    assert outcome.delivered == SEA


def test_plurality_follows_first_choices() -> None:
    outcome = run(plan_for(*THREE, rule="plurality"), voting(prefers(ICE)))

    assert outcome.delivered == ICE
    assert outcome.facts(DecisionMade)[0].rule == "plurality"
