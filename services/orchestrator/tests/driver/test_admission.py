"""How a run begins: anew, or where another process left it."""

import msgspec
import pytest

from orchestrator.coordination.commands import StartCall
from orchestrator.coordination.events import CallFinished, RunResumed
from orchestrator.coordination.replay import LogMismatchError, encode_log
from orchestrator.driver.admission import Abandoned, Admission, Preparation, admitted, resumed
from orchestrator.driver.latencies import Latencies
from services.orchestrator.tests.driver.test_planning import started
from wire.conversation import TextDelta, Usage
from wire.coordination import CallRecord, RunEvent


def new(preparation: Preparation | None = None) -> Admission:
    return admitted(
        started(),
        seed="s",
        time_left_s=100,
        latencies=Latencies(),
        unix_s=7.0,
        preparation=preparation or Preparation(),
    )


def calls_of(admission: Admission) -> list[tuple[int, str]]:
    starts = [command for command in admission.commands if isinstance(command, StartCall)]
    return [(start.call, start.agent_id) for start in starts]


def abandoned(
    before: Admission, *, fence: int = 2, outputs: list[RunEvent] | None = None
) -> Abandoned:
    return Abandoned(
        start=msgspec.json.encode(before.start),
        log=encode_log(before.session.log),
        outputs=[msgspec.json.encode(event) for event in outputs or []],
        calls=[made(before, 1)],
        created_unix_s=7.0,
        fence=fence,
    )


def made(admission: Admission, call: int) -> CallRecord:
    """The record of a call, under the id that it had there."""
    return CallRecord(
        call_id=admission.call_id(call),
        attempt=1,
        agent_id="ada",
        phase="answer",
        provider="p",
        model="m",
        upstream_model="m",
        status="completed",
        usage=Usage(1, 1),
        basis="reported",
        started_ms=0,
        ended_ms=5,
    )


def test_a_new_run_asks_everybody() -> None:
    admission = new()

    assert calls_of(admission) == [(1, "ada"), (2, "bob")]
    assert (admission.at_ms, admission.fence, admission.earlier) == (0, 1, None)


def test_what_was_done_before_counts_as_the_runs_time() -> None:
    opening = (TextDelta("first"),)

    admission = new(Preparation(took_s=1.5, opening=opening))

    assert admission.at_ms == 1500
    assert admission.opening == opening


def test_ids_of_calls_differ_by_run_call_and_process() -> None:
    one, after = new(), resumed(abandoned(new()))

    ids = {one.call_id(1), one.call_id(2), after.call_id(1)}

    assert len(ids) == 3
    assert one.call_id(1) == new().call_id(1)


def test_an_abandoned_run_makes_only_the_calls_that_were_under_way() -> None:
    before = new()
    before.session.handle(CallFinished(5, 1, "an answer"))

    after = resumed(abandoned(before, outputs=[TextDelta("said")]))

    assert calls_of(after) == [(2, "bob")]
    assert after.at_ms == 5
    assert after.earlier is not None
    assert after.earlier.texts == {1: "an answer"}
    assert after.earlier.call_ids == {1: before.call_id(1)}
    assert list(after.earlier.said) == [TextDelta("said")]
    assert any(isinstance(entry, RunResumed) for entry in after.session.log)


def test_a_log_that_does_not_follow_from_itself_is_refused() -> None:
    whole = abandoned(new())
    forged = Abandoned(
        start=whole.start,
        log=[whole.log[0], *reversed(whole.log[1:])],
        outputs=(),
        calls=(),
        created_unix_s=7.0,
        fence=2,
    )

    with pytest.raises(LogMismatchError):
        resumed(forged)


def test_a_run_of_which_nothing_was_stored_cannot_go_on() -> None:
    whole = abandoned(new())
    empty = Abandoned(start=whole.start, log=(), outputs=(), calls=(), created_unix_s=7.0, fence=2)

    with pytest.raises(ValueError, match="nothing"):
        resumed(empty)
