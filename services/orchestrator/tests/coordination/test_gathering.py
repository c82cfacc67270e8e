"""Hedged calls: twins of calls that take longer than they usually do."""

import pytest

from orchestrator.coordination.commands import StartCall
from orchestrator.coordination.events import CallCut, CallRequested
from orchestrator.coordination.plan import PlannedAgent
from services.orchestrator.tests.coordination.virtual_panel import (
    Act,
    Behaviour,
    Fails,
    Hangs,
    Outcome,
    Says,
    plan_for,
    run,
)


def hedged(behaviour: Behaviour) -> Outcome:
    agents = [PlannedAgent(agent_id=a, answer_p95_ms=3_000) for a in ("ada", "bob")]
    return run(plan_for(*agents, hedge=True), behaviour)


def twin_of_bob(first: Act, twin: Act) -> Behaviour:
    def behave(start: StartCall) -> Act:
        if start.agent_id == "ada":
            return Says("42")
        return first if start.call == 2 else twin

    return behave


@pytest.mark.requirement("coordination:hedge")
def test_a_call_past_its_p95_gets_a_twin_and_the_first_back_counts() -> None:
    outcome = hedged(twin_of_bob(Hangs(), Says("42", 1_000)))

    assert [fact.hedge_of for fact in outcome.facts(CallRequested)] == [None, None, 2]
    assert [cut.call for cut in outcome.facts(CallCut)] == [2]
    assert (outcome.delivered, outcome.ended_ms) == ("42", 4_000)


@pytest.mark.requirement("coordination:hedge")
def test_a_twin_that_comes_second_is_cut() -> None:
    outcome = hedged(twin_of_bob(Says("42", 3_500), Says("42", 1_000)))

    assert [cut.call for cut in outcome.facts(CallCut)] == [3]
    assert outcome.ended_ms == 3_500


def test_an_agent_fails_only_when_both_of_its_calls_have() -> None:
    slow_failure = twin_of_bob(Fails(ms=3_200), Says("42", 1_000))
    both_fail = twin_of_bob(Fails(ms=3_200), Fails(ms=1_000))

    assert hedged(slow_failure).session.board.failures == {}
    assert list(hedged(both_fail).session.board.failures) == ["bob"]


def test_a_call_within_its_p95_gets_no_twin() -> None:
    outcome = hedged(twin_of_bob(Says("42", 2_900), Hangs()))

    assert len(outcome.calls) == 2
