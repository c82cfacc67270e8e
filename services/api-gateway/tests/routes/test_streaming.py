"""An answer as a stream: progress paced, wholeness required, usage counted."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.routes.streaming import AnswerAccount, ProgressPacer
from service_kit.testing import FakeClock
from wire.conversation import ChoiceFinished, TextDelta, Usage, UsageReported
from wire.coordination import RunDetails, RunEnded, RunProgress
from wire.errors import PlatformInterruptedError


def told(pacer: ProgressPacer, *, now: bool = False) -> str | None:
    delta = pacer.take(now=now)
    return delta.text if delta is not None else None


@pytest.mark.requirement("run:progress")
def test_progress_is_told_at_most_four_times_a_second() -> None:
    clock = FakeClock()
    pacer = ProgressPacer(clock)

    pacer.add("one")
    first = told(pacer)
    pacer.add("two")
    pacer.add("three")
    early, due_in_s = told(pacer), pacer.due_in_s()
    clock.advance(0.25)

    assert (first, early, due_in_s) == ("one\n", None, 0.25)
    assert told(pacer) == "two\nthree\n"
    assert pacer.due_in_s() is None


def test_the_answer_does_not_overtake_progress() -> None:
    pacer = ProgressPacer(FakeClock())
    pacer.add("one")
    told(pacer)
    pacer.add("two")

    assert told(pacer, now=True) == "two\n"


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60))
def test_however_it_comes_no_line_is_lost_and_no_second_holds_more_than_four(
    steps: list[tuple[float, bool]],
) -> None:
    clock = FakeClock()
    pacer = ProgressPacer(clock)
    times: list[float] = []
    heard = ""

    for number, (wait_s, speaks) in enumerate(steps):
        clock.advance(wait_s)
        if speaks:
            pacer.add(str(number))
        text = told(pacer)
        if text is not None:
            times.append(clock.monotonic_s())
            heard += text
    heard += told(pacer, now=True) or ""

    assert heard.split() == [str(n) for n, (_, speaks) in enumerate(steps) if speaks]
    assert all(later - earlier >= 0.25 - 1e-9 for earlier, later in itertools.pairwise(times))


def test_an_answer_is_whole_when_every_choice_has_finished() -> None:
    account = AnswerAccount(2)
    account.take(ChoiceFinished("stop", 1))

    with pytest.raises(PlatformInterruptedError):
        account.require_whole()

    account.take(ChoiceFinished("length", 0))
    account.require_whole()


def test_only_what_clients_see_is_handed_on() -> None:
    account = AnswerAccount(1)
    details = RunDetails(run_id="run_1", rule="weighted")

    assert account.take(TextDelta("a")) == TextDelta("a")
    assert account.take(RunProgress("b")) is None
    assert account.take(RunEnded("completed", details=details)) is None
    assert account.details == [details]


def test_a_models_usage_is_its_calls() -> None:
    account = AnswerAccount(2)
    account.take(UsageReported(Usage(3, 1)))
    account.take(UsageReported(Usage(3, 2)))

    assert account.usage == Usage(6, 3)


def test_a_runs_usage_is_all_it_spent_whatever_it_reports() -> None:
    account = AnswerAccount(1)
    account.take(UsageReported(Usage(100, 10)))
    account.take(RunEnded("completed", usage=Usage(300, 30)))

    assert account.usage == Usage(300, 30)


def test_details_stand_in_the_order_of_their_choices() -> None:
    account = AnswerAccount(3)
    for run_id in ("run_a-1", "run_a", "run_a-2"):
        account.take(RunEnded("completed", details=RunDetails(run_id=run_id, rule="weighted")))

    assert [each.run_id for each in account.details] == ["run_a", "run_a-1", "run_a-2"]
