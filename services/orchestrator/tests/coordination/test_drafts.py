"""Answers that outlive the turn they were made in."""

import pytest

from orchestrator.coordination.commands import StartCall
from orchestrator.coordination.drafts import drafts_of, leader_of, leaves_something
from orchestrator.coordination.events import BallotIssued, DecisionMade
from orchestrator.coordination.plan import Draft
from orchestrator.coordination.replay import encode_log, replay
from services.orchestrator.tests.coordination.answer_texts import PROSE
from services.orchestrator.tests.coordination.virtual_panel import (
    USAGE,
    Behaviour,
    Fails,
    Says,
    Votes,
    plan_for,
    run,
    scripted,
)
from wire.conversation import ToolCall

THREE = ("ada", "bob", "cyd")
CALL = Says(tools=(ToolCall("call-1", "look", "{}"),), finish="tool_calls")
DRAFT = Draft("cyd", PROSE["cyd"], usage=USAGE)


def saying(text_of: dict[str, str], best: str) -> Behaviour:
    def behave(start: StartCall) -> Says | Votes:
        if start.brief.phase == "ballot":
            return Votes(rank=lambda text: float(text == best))
        return Says(text_of[start.agent_id])

    return behave


@pytest.mark.requirement("coordination:tools:resume")
def test_what_was_written_while_others_called_a_tool_is_left_behind() -> None:
    script = {"ada": CALL, "bob": CALL, "cyd": Says(PROSE["cyd"])}

    board = run(plan_for(*THREE, tools="vote"), scripted(script)).session.board

    assert drafts_of(board) == (DRAFT,)
    assert leader_of(board) in {"ada", "bob"}
    assert leaves_something(board)


@pytest.mark.requirement("coordination:tools:resume")
def test_a_draft_stands_for_election_and_its_author_votes_without_being_asked_again() -> None:
    plan = plan_for(*THREE, tools="vote", drafts=(DRAFT,), early_stop=False)

    outcome = run(plan, saying(PROSE, best=PROSE["cyd"]))

    assert sorted(call.agent_id for call in outcome.calls_of("answer")) == ["ada", "bob"]
    assert {issued.voter_id for issued in outcome.facts(BallotIssued)} == set(THREE)
    assert outcome.facts(DecisionMade)[0].winner == "cyd"
    assert outcome.delivered == PROSE["cyd"]


@pytest.mark.requirement("coordination:tools:resume")
def test_a_draft_has_no_say_on_further_calls() -> None:
    script = {"ada": CALL, "bob": Fails()}

    outcome = run(plan_for(*THREE, tools="vote", drafts=(DRAFT,)), scripted(script))

    assert outcome.finish.status == "completed"
    assert leader_of(outcome.session.board) == "ada"
    assert drafts_of(outcome.session.board) == (DRAFT,)


@pytest.mark.requirement("coordination:tools:resume")
def test_where_everybody_else_fails_the_draft_is_the_answer() -> None:
    plan = plan_for(*THREE, tools="vote", drafts=(DRAFT,))

    outcome = run(plan, scripted({"ada": Fails(), "bob": Fails()}))

    assert outcome.finish.status == "completed"
    assert outcome.delivered == PROSE["cyd"]


def test_a_run_with_drafts_is_recomputed_from_its_log() -> None:
    plan = plan_for(*THREE, tools="vote", drafts=(DRAFT,))
    lines = encode_log(run(plan, saying(PROSE, best=PROSE["ada"])).session.log)

    assert encode_log(replay(lines).log) == lines


def test_a_turn_of_one_mind_leaves_nothing() -> None:
    board = run(plan_for(*THREE, tools="vote"), scripted(dict.fromkeys(THREE, CALL))).session.board

    assert not leaves_something(board)
    assert drafts_of(board) == ()


def test_a_lead_that_failed_is_worth_knowing() -> None:
    script = {"ada": Fails(), "bob": CALL}

    board = run(plan_for(*THREE, tools="lead"), scripted(script)).session.board

    assert leaves_something(board)
    assert leader_of(board) == "bob"
