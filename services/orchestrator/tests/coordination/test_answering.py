"""Blind answers: who is heard, who is cut, what counts."""

import pytest

from orchestrator.coordination.events import (
    AgentFailed,
    AnswerRejected,
    BallotSkipped,
    CallCut,
    QuorumReached,
)
from orchestrator.coordination.plan import CallLimits, PlannedAgent
from services.orchestrator.tests.coordination.answer_texts import ICE, SEA, SKY
from services.orchestrator.tests.coordination.virtual_panel import (
    Fails,
    Hangs,
    Says,
    plan_for,
    run,
    scripted,
)
from wire.conversation import ToolCall
from wire.errors import UpstreamRateLimitedError, UpstreamTimeoutError

TOOL = (ToolCall("c", "f", "{}"),)


@pytest.mark.requirement("coordination:ballots:skipped")
def test_answers_that_agree_need_no_ballot_and_n_calls() -> None:
    outcome = run(
        plan_for("ada", "bob", "cyd"), scripted(dict.fromkeys(("ada", "bob", "cyd"), Says("42")))
    )

    assert outcome.delivered == "42"
    assert len(outcome.calls) == 3
    assert [skip.reason for skip in outcome.facts(BallotSkipped)] == ["one_cluster"]


@pytest.mark.requirement("coordination:fail-k-of-n")
def test_one_answer_left_is_delivered_without_a_ballot() -> None:
    script = {"ada": Fails(), "bob": Says(SEA), "cyd": Fails()}

    outcome = run(plan_for("ada", "bob", "cyd"), scripted(script))

    assert outcome.finish.status == "completed"
    assert outcome.delivered == SEA
    assert [skip.reason for skip in outcome.facts(BallotSkipped)] == ["one_answer"]


@pytest.mark.requirement("coordination:all-failing")
def test_when_all_fail_the_error_says_what_all_of_them_met() -> None:
    limited = Fails(UpstreamRateLimitedError("x", provider="p", retry_after_s=3).info())

    outcome = run(plan_for("ada", "bob"), scripted({"ada": limited, "bob": limited}))

    assert outcome.finish.status == "failed"
    assert outcome.finish.error is not None
    assert outcome.finish.error.status == 429
    assert outcome.finish.error.retry_after_s == 3


@pytest.mark.requirement("coordination:grace")
def test_a_straggler_past_its_grace_is_cut_and_the_others_decide() -> None:
    agents = [PlannedAgent(agent_id=a, answer_p95_ms=20_000) for a in ("ada", "bob", "cyd")]
    script = {"ada": Says("42", 10_000), "bob": Says("42", 16_000), "cyd": Hangs()}

    outcome = run(plan_for(*agents), scripted(script))

    assert [fact.waiting for fact in outcome.facts(QuorumReached)] == [{"cyd": 24_000}]
    assert outcome.ended_ms == 24_000
    assert outcome.delivered == "42"
    assert [cut.call for cut in outcome.facts(CallCut)] == [3]


@pytest.mark.requirement("coordination:slow-model-heard")
def test_a_model_known_to_be_four_times_slower_is_heard() -> None:
    agents = [
        PlannedAgent(agent_id="ada", answer_p95_ms=12_000),
        PlannedAgent(agent_id="bob", answer_p95_ms=12_000),
        PlannedAgent(agent_id="cyd", answer_p95_ms=45_000),
    ]
    script = {"ada": Says(SKY, 10_000), "bob": Says(SEA, 10_000), "cyd": Says(ICE, 40_000)}

    outcome = run(plan_for(*agents), scripted(script))

    assert set(outcome.session.board.answers) == {"ada", "bob", "cyd"}


@pytest.mark.requirement("orchestrator:structured-output")
def test_an_answer_that_breaks_the_format_is_asked_for_once_more() -> None:
    tries = iter([Says("no JSON", invalid="not JSON"), Says('{"a":1}')])
    script = scripted({"bob": Says('{"a":1}')})

    outcome = run(
        plan_for("ada", "bob", checked=True),
        lambda start: next(tries) if start.agent_id == "ada" else script(start),
    )

    assert [(fact.reason, fact.repair) for fact in outcome.facts(AnswerRejected)] == [
        ("not JSON", True)
    ]
    assert outcome.session.board.failures == {}
    assert outcome.delivered == '{"a":1}'


@pytest.mark.requirement("orchestrator:structured-output")
def test_an_answer_that_breaks_the_format_twice_is_a_failed_agent() -> None:
    script = {"ada": Says("no", invalid="not JSON"), "bob": Says('{"a":1}')}

    outcome = run(plan_for("ada", "bob", checked=True), scripted(script))

    assert [fact.agent_id for fact in outcome.facts(AgentFailed)] == ["ada"]
    assert outcome.delivered == '{"a":1}'
    assert len(outcome.calls) == 3


@pytest.mark.parametrize("act", [Says("  "), Says("", tools=TOOL)])
def test_an_empty_answer_and_a_withheld_tool_are_failures(act: Says) -> None:
    outcome = run(
        plan_for("ada", "bob", tools="withheld"), scripted({"ada": act, "bob": Says("42")})
    )

    assert list(outcome.session.board.failures) == ["ada"]
    assert outcome.delivered == "42"


def test_a_refusal_counts_only_where_nobody_answers() -> None:
    answered = {"ada": Says(refusal="I will not"), "bob": Says("42")}
    refused = {"ada": Says(refusal="I will not"), "bob": Fails()}

    assert run(plan_for("ada", "bob"), scripted(answered)).delivered == "42"
    only_refusal = run(plan_for("ada", "bob"), scripted(refused))
    assert only_refusal.finish.status == "completed"
    assert only_refusal.delivered == ""


@pytest.mark.requirement("coordination:budgets")
def test_agents_the_budget_refuses_are_left_out_and_the_rest_decides() -> None:
    plan = plan_for("ada", "bob", "cyd", limits=CallLimits(max_calls=2))

    outcome = run(plan, scripted(dict.fromkeys(("ada", "bob", "cyd"), Says("42"))))

    assert outcome.delivered == "42"
    assert outcome.session.board.failures["cyd"].error_type == "policy_budget"


@pytest.mark.requirement("coordination:budgets")
def test_a_budget_for_nothing_is_a_typed_error() -> None:
    plan = plan_for("ada", "bob", limits=CallLimits(max_output_tokens=10))

    outcome = run(plan, scripted({}))

    assert outcome.calls == []
    assert outcome.finish.error is not None
    assert outcome.finish.error.code == "run_budget_exceeded"


def test_an_agent_that_times_out_does_not_hold_the_others() -> None:
    timeout = Fails(UpstreamTimeoutError("x", provider="p").info(), ms=500)
    script = {"ada": Says("42"), "bob": timeout, "cyd": Says("42", 300)}

    outcome = run(plan_for("ada", "bob", "cyd"), scripted(script))

    assert outcome.delivered == "42"
    assert outcome.ended_ms == 500


def test_running_short_of_time_decides_with_what_is_there() -> None:
    plan = plan_for("ada", "bob", wrap_up_ms=5_000, deadline_ms=6_000)

    outcome = run(plan, scripted({"ada": Says(SKY), "bob": Hangs()}))

    assert (outcome.delivered, outcome.ended_ms) == (SKY, 5_000)


def test_no_answer_at_the_deadline_is_a_timeout() -> None:
    plan = plan_for("ada", "bob", wrap_up_ms=5_000, deadline_ms=6_000)

    outcome = run(plan, scripted({"ada": Hangs(), "bob": Hangs()}))

    assert outcome.ended_ms == 6_000
    assert outcome.finish.error is not None
    assert outcome.finish.error.status == 504
