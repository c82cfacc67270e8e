"""One mouth: the voted text, or one presenter's."""

import pytest

from orchestrator.coordination.answers import text_sha256
from orchestrator.coordination.commands import StartCall
from orchestrator.coordination.events import (
    AnswerAccepted,
    CallCut,
    DecisionMade,
    PresentFinished,
    PresentStarted,
)
from orchestrator.coordination.plan import CallLimits
from services.orchestrator.tests.coordination.answer_texts import PROSE, SEA
from services.orchestrator.tests.coordination.virtual_panel import (
    Act,
    Behaviour,
    Fails,
    Hangs,
    Says,
    Votes,
    plan_for,
    run,
)

THREE = ("ada", "bob", "cyd")
POLISHED = "The polished words."


def panel(presenter: Act | None = None) -> Behaviour:
    def behave(start: StartCall) -> Act:
        match start.brief.phase:
            case "ballot":
                return Votes(rank=lambda text: float(text == SEA))
            case "present":
                return presenter or Says(POLISHED)
            case _:
                return Says(PROSE[start.agent_id])

    return behave


@pytest.mark.requirement("coordination:present")
def test_verbatim_delivers_the_voted_revision_byte_for_byte_without_a_call() -> None:
    outcome = run(plan_for(*THREE), panel())

    decision = outcome.facts(DecisionMade)[0]
    voted = next(
        fact
        for fact in outcome.facts(AnswerAccepted)
        if (fact.agent_id, fact.revision) == (decision.winner, decision.revision)
    )
    assert outcome.calls_of("present") == []
    assert text_sha256(outcome.delivered) == voted.sha256
    assert outcome.facts(PresentFinished)[0].sha256 == voted.sha256


@pytest.mark.requirement("coordination:present")
@pytest.mark.parametrize(("mode", "shown"), [("polish", 1), ("synthesise", 3)])
def test_a_presenter_writes_alone_and_live(mode: str, shown: int) -> None:
    outcome = run(plan_for(*THREE, present=mode), panel())

    (call,) = outcome.calls_of("present")
    assert call.brief.live == "text"
    assert len(call.brief.candidates) == shown
    assert outcome.delivered == POLISHED
    assert len(outcome.calls) <= 7


def test_the_named_presenter_presents_unless_it_failed() -> None:
    named = run(plan_for(*THREE, present="polish", presenter="cyd"), panel())
    failed = run(
        plan_for(*THREE, present="polish", presenter="cyd"),
        lambda start: Fails() if start.agent_id == "cyd" else panel()(start),
    )

    assert named.facts(PresentStarted)[0].agent_id == "cyd"
    assert failed.facts(PresentStarted)[0].agent_id == failed.facts(DecisionMade)[0].winner


@pytest.mark.requirement("coordination:present")
@pytest.mark.parametrize("act", [Fails(), Says("  "), Says("")])
def test_a_presenter_that_fails_before_its_first_byte_is_replaced_by_the_voted_text(
    act: Act,
) -> None:
    outcome = run(plan_for(*THREE, present="polish"), panel(act))

    assert outcome.finish.status == "completed"
    assert outcome.delivered.strip() == SEA


@pytest.mark.requirement("coordination:present")
def test_a_presenter_that_fails_after_its_first_byte_fails_the_run() -> None:
    outcome = run(plan_for(*THREE, present="polish"), panel(Fails(after_first_byte=True)))

    assert outcome.finish.status == "failed"
    assert SEA not in outcome.delivered


def test_a_checked_presentation_is_held_and_falls_back_when_it_breaks_the_format() -> None:
    good = run(plan_for(*THREE, present="polish", checked=True), panel())
    bad = run(
        plan_for(*THREE, present="polish", checked=True), panel(Says("x", invalid="not JSON"))
    )

    assert (good.delivered, bad.delivered) == (POLISHED, SEA)


def test_a_presenter_that_hangs_gives_way_at_the_deadline() -> None:
    outcome = run(
        plan_for(*THREE, present="polish", wrap_up_ms=20_000, deadline_ms=30_000), panel(Hangs())
    )

    assert (outcome.delivered, outcome.ended_ms) == (SEA, 30_000)
    assert [cut.reason for cut in outcome.facts(CallCut)][-1] == "the run's time is used up"


@pytest.mark.requirement("coordination:budgets")
def test_a_budget_without_a_presenter_delivers_the_voted_text() -> None:
    outcome = run(
        plan_for(*THREE, present="polish", early_stop=False, limits=CallLimits(max_calls=6)),
        panel(),
    )

    assert outcome.delivered == SEA
