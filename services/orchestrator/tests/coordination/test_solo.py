"""One agent: its words go out as they come."""

import pytest

from orchestrator.coordination.plan import CallLimits
from services.orchestrator.tests.coordination.virtual_panel import (
    Fails,
    Says,
    plan_for,
    run,
)
from wire.conversation import ToolCall


def test_one_agent_streams_live_and_has_no_ballot() -> None:
    outcome = run(plan_for("ada", kind="model"), lambda _: Says("hello"))

    (call,) = outcome.calls
    assert (call.brief.phase, call.brief.live, call.brief.tools) == ("single", "text", "client")
    assert outcome.delivered == "hello"


def test_an_empty_reply_of_a_model_is_its_reply() -> None:
    assert run(plan_for("ada", kind="model"), lambda _: Says("")).finish.status == "completed"


def test_its_failure_is_the_runs_failure_unchanged() -> None:
    outcome = run(plan_for("ada", kind="model"), lambda _: Fails())

    assert outcome.finish.error == Fails().error


@pytest.mark.requirement("orchestrator:structured-output")
def test_checked_words_are_held_asked_for_once_more_and_delivered_whole() -> None:
    tries = iter([Says("no", invalid="not JSON"), Says('{"a":1}')])

    outcome = run(plan_for("ada", kind="model", checked=True), lambda _: next(tries))

    assert [call.brief.live for call in outcome.calls] == ["no", "no"]
    assert outcome.delivered == '{"a":1}'


@pytest.mark.requirement("orchestrator:structured-output")
def test_words_that_break_the_format_twice_are_never_delivered() -> None:
    outcome = run(
        plan_for("ada", kind="model", checked=True), lambda _: Says("no", invalid="not JSON")
    )

    assert (outcome.finish.status, outcome.delivered) == ("failed", "")


def test_tool_calls_of_a_checked_model_are_delivered() -> None:
    call = ToolCall("c", "f", "{}")

    outcome = run(
        plan_for("ada", kind="model", tools="lead", checked=True), lambda _: Says(tools=(call,))
    )

    assert outcome.finish.status == "completed"


def test_no_budget_is_a_typed_error() -> None:
    outcome = run(plan_for("ada", limits=CallLimits(max_calls=0)), lambda _: Says("x"))

    assert outcome.finish.error is not None
    assert outcome.finish.error.status == 429
