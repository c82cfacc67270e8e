"""The run as a whole: admission, cancellation, what comes after the end."""

import pytest

from orchestrator.coordination.commands import CancelCall, Finish
from orchestrator.coordination.events import (
    CallCancelled,
    CallFinished,
    CancelRequested,
    ClientGone,
    RunAdmitted,
    TimerFired,
)
from orchestrator.coordination.session import NotAdmittedError, Session
from services.orchestrator.tests.coordination.answer_texts import PROSE
from services.orchestrator.tests.coordination.virtual_panel import (
    Hangs,
    Says,
    Votes,
    plan_for,
    run,
    scripted,
)

ANSWERS = {agent: Says(PROSE[agent]) for agent in ("ada", "bob", "cyd")}


def test_nothing_happens_before_admission() -> None:
    session = Session()

    assert session.state == "ADMITTED"
    with pytest.raises(NotAdmittedError):
        session.handle(TimerFired(0, "x"))


def test_a_run_is_admitted_once() -> None:
    session = Session()
    session.handle(RunAdmitted(0, plan_for("ada")))

    with pytest.raises(NotAdmittedError):
        session.handle(RunAdmitted(0, plan_for("ada")))


@pytest.mark.requirement("orchestrator:runs:hang-up")
@pytest.mark.parametrize("at_ms", [0, 50, 150, 220])
def test_a_client_that_leaves_ends_the_run_and_cuts_every_open_call(at_ms: int) -> None:
    outcome = run(
        plan_for("ada", "bob", "cyd", present="polish"),
        scripted({**ANSWERS}, Votes(ms=100)),
        ClientGone(at_ms),
    )

    assert outcome.session.state == "CANCELLED"
    assert outcome.ended_ms == at_ms
    assert outcome.delivered == ""


def test_a_cancellation_says_why() -> None:
    outcome = run(
        plan_for("ada", "bob"),
        scripted({"ada": Hangs(), "bob": Hangs()}),
        CancelRequested(70, "by the operator"),
    )

    assert outcome.finish.status == "cancelled"
    assert outcome.finish.error is not None
    assert "by the operator" in outcome.finish.error.message


@pytest.mark.requirement("orchestrator:runs:one-end")
def test_events_after_the_end_are_booked_and_move_nothing() -> None:
    session = Session()
    session.handle(RunAdmitted(0, plan_for("ada", "bob")))
    commands = session.handle(ClientGone(5))

    late = session.handle(CallFinished(6, 1, "late")) + session.handle(CallCancelled(7, 2))

    assert [type(command) for command in commands] == [CancelCall, CancelCall, Finish]
    assert late == []
    assert session.board.open_calls == {}
    assert session.state == "CANCELLED"
