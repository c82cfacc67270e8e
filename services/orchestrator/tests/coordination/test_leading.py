"""The client's tools: one agent leads, the panel reviews its text."""

import pytest

from orchestrator.coordination.commands import StartCall
from orchestrator.coordination.events import AnswerRejected, BallotIssued, ToolsRequested
from orchestrator.coordination.plan import CallLimits
from services.orchestrator.tests.coordination.answer_texts import PROSE, SEA
from services.orchestrator.tests.coordination.virtual_panel import (
    Act,
    Behaviour,
    Fails,
    Says,
    Votes,
    plan_for,
    run,
)
from wire.conversation import ToolCall

THREE = ("ada", "bob", "cyd")
CALL = (ToolCall("call-1", "vote", '{"x":1}'),)
ASKS = Says("Let me look. ", tools=CALL, finish="tool_calls")


def panel(**leads: Act) -> Behaviour:
    def behave(start: StartCall) -> Act:
        match start.brief.phase:
            case "ballot":
                return Votes(rank=lambda text: float(text == SEA))
            case "tool":
                return leads[start.agent_id]
            case _:
                return Says(PROSE[start.agent_id])

    return behave


@pytest.mark.requirement("coordination:tools:lead")
def test_a_turn_that_ends_in_a_tool_call_costs_one_call_and_streams() -> None:
    outcome = run(plan_for(*THREE, tools="lead"), panel(ada=ASKS))

    (call,) = outcome.calls
    assert (call.brief.live, call.brief.tools) == ("tools", "client")
    assert outcome.finish.status == "completed"
    assert outcome.facts(ToolsRequested)[0].names == ("vote",)


@pytest.mark.requirement("coordination:tools:lead")
def test_the_leads_text_is_one_answer_and_the_others_answer_without_tools() -> None:
    outcome = run(plan_for(*THREE, tools="lead", early_stop=False), panel(ada=Says(PROSE["ada"])))

    answers = outcome.calls_of("answer")
    assert [call.agent_id for call in answers] == ["bob", "cyd"]
    assert all(call.brief.tools == "withheld" for call in outcome.calls[1:])
    assert len(outcome.facts(BallotIssued)) == 3
    assert outcome.delivered == SEA


def test_the_named_lead_leads() -> None:
    outcome = run(plan_for(*THREE, tools="lead", lead="cyd"), panel(cyd=ASKS))

    assert outcome.calls[0].agent_id == "cyd"


@pytest.mark.requirement("coordination:fail-k-of-n")
def test_the_next_agent_leads_where_one_fails() -> None:
    outcome = run(plan_for(*THREE, tools="lead"), panel(ada=Fails(), bob=Says(""), cyd=ASKS))

    assert [call.agent_id for call in outcome.calls] == ["ada", "bob", "cyd"]
    assert outcome.finish.status == "completed"


@pytest.mark.requirement("coordination:all-failing")
def test_when_no_agent_can_lead_the_error_is_typed() -> None:
    outcome = run(plan_for(*THREE, tools="lead"), panel(ada=Fails(), bob=Fails(), cyd=Fails()))

    assert outcome.finish.error is not None
    assert outcome.finish.error.status == 502


def test_a_lead_that_fails_after_its_first_byte_fails_the_run() -> None:
    broken = Fails(after_first_byte=True)

    outcome = run(plan_for(*THREE, tools="lead"), lambda _: broken)

    assert len(outcome.calls) == 1
    assert outcome.finish.status == "failed"


def test_text_where_a_tool_call_is_required_passes_the_lead_on() -> None:
    outcome = run(
        plan_for(*THREE, tools="lead", tool_call_required=True), panel(ada=Says("no"), bob=ASKS)
    )

    assert [call.agent_id for call in outcome.calls] == ["ada", "bob"]
    assert outcome.facts(ToolsRequested)


def test_a_lead_whose_text_breaks_the_format_is_asked_once_more() -> None:
    tries = iter([Says("no", invalid="not JSON"), Says('{"a":1}')])

    def behave(start: StartCall) -> Act:
        return next(tries) if start.brief.phase == "tool" else Says('{"a":1}')

    outcome = run(plan_for("ada", "bob", tools="lead", checked=True), behave)

    assert [fact.repair for fact in outcome.facts(AnswerRejected)] == [True]
    assert outcome.delivered == '{"a":1}'


@pytest.mark.requirement("coordination:tools:off")
def test_tools_that_are_off_are_shown_to_nobody() -> None:
    outcome = run(
        plan_for(*THREE, tools="dropped"),
        lambda start: Votes() if start.brief.phase == "ballot" else Says(PROSE[start.agent_id]),
    )

    assert {call.brief.tools for call in outcome.calls} == {"dropped"}


@pytest.mark.requirement("coordination:tools:vote")
def test_with_tools_vote_the_largest_cluster_of_calls_is_made() -> None:
    other = (ToolCall("call-2", "vote", '{"x":2}'),)
    proposals = {
        "ada": Says(tools=other),
        "bob": Says(tools=CALL),
        "cyd": Says(tools=(ToolCall("call-3", "vote", '{ "x": 1 }'),)),
    }

    outcome = run(plan_for(*THREE, tools="vote"), lambda start: proposals[start.agent_id])

    assert len(outcome.calls) == 3
    assert outcome.facts(ToolsRequested)[0].agent_id == "bob"


@pytest.mark.requirement("coordination:budgets")
def test_a_lead_the_budget_refuses_is_a_typed_error() -> None:
    outcome = run(plan_for(*THREE, tools="lead", limits=CallLimits(max_calls=0)), panel())

    assert outcome.finish.error is not None
    assert outcome.finish.error.code == "run_budget_exceeded"
