"""One attempt from opened to closed, and what it is booked as."""

import asyncio

import pytest

from model_providers.attempt_record import AnswerRecorder, AttemptRecord, OutputTally
from model_providers.calls import CallClosed, CallOpened
from model_providers.provider import SendProgress
from model_providers.testing import MonotonicClock, RecordingObserver
from model_providers.token_estimate import estimate_text
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    ItemDone,
    ReasoningDelta,
    ReasoningItem,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from wire.errors import PlatformFaultError, ServiceUnavailableError, UpstreamError
from wire.ids import new_call_id


def record_for(
    observer: RecordingObserver,
    *,
    sent: bool = True,
    refused: bool = False,
    reserved: int | None = None,
) -> AttemptRecord:
    opened = CallOpened(
        call_id=new_call_id(),
        attempt=1,
        provider="vendor",
        model="sim",
        upstream_model="sim-1",
        agent_id="ada",
        phase="answer",
        reserved_output_tokens=reserved,
        opened_at_s=1.0,
    )
    return AttemptRecord(
        opened,
        observer,
        MonotonicClock(),
        SendProgress(sent=sent, refused=refused),
        estimate_input=lambda: 50,
        estimate_output=lambda: 9,
    )


async def closed_with(
    record: AttemptRecord, observer: RecordingObserver, error: BaseException | None
) -> CallClosed:
    await record.open()
    await record.close(error)
    [closed] = observer.closed_calls
    return closed


@pytest.mark.parametrize(
    ("error", "status", "error_type"),
    [
        (None, "completed", None),
        (UpstreamError("x", provider="vendor"), "failed", "provider_error"),
        (KeyError("our defect"), "failed", "platform_internal"),
        (asyncio.CancelledError(), "cancelled", None),
        (GeneratorExit(), "cancelled", None),
    ],
)
async def test_the_status_says_what_ended_it(
    observer: RecordingObserver, error: BaseException | None, status: str, error_type: str | None
) -> None:
    closed = await closed_with(record_for(observer), observer, error)

    assert closed.status == status
    assert (closed.error and closed.error.error_type) == error_type
    assert "our defect" not in str(closed.error)


@pytest.mark.requirement("providers:usage")
@pytest.mark.parametrize(
    ("sent", "refused", "reserved", "expected"),
    [
        (False, False, None, Usage(estimated=True)),
        (True, True, None, Usage(estimated=True)),
        (True, False, None, Usage(50, 9, estimated=True)),
        (True, False, 4, Usage(50, 4, estimated=True)),
    ],
)
async def test_an_uncounted_call_costs_what_may_have_been_billed(
    observer: RecordingObserver,
    *,
    sent: bool,
    refused: bool,
    reserved: int | None,
    expected: Usage,
) -> None:
    record = record_for(observer, sent=sent, refused=refused, reserved=reserved)

    closed = await closed_with(record, observer, UpstreamError("x", provider="vendor"))

    assert (closed.usage, closed.basis) == (expected, "estimated")


async def test_closing_twice_tells_once_and_closing_the_unopened_tells_nothing(
    observer: RecordingObserver,
) -> None:
    await record_for(observer).close(None)
    record = record_for(observer)
    await record.open()

    await record.close(None)
    await record.close(asyncio.CancelledError())

    assert [closed.status for closed in observer.closed_calls] == ["completed"]


@pytest.mark.parametrize(
    ("event", "is_first_token"),
    [
        (TextDelta("a"), True),
        (ReasoningDelta("a"), True),
        (ToolCallStarted(0, "c1", "f"), True),
        (ToolArgumentsDelta(0, "{}"), True),
        (ItemDone(ReasoningItem()), True),
        (ChoiceFinished("stop"), False),
        (UsageReported(Usage(1, 2)), False),
    ],
)
async def test_content_is_the_first_token_and_nothing_else_is(
    observer: RecordingObserver, event: AnswerEvent, *, is_first_token: bool
) -> None:
    record = record_for(observer)
    await record.open()

    AnswerRecorder(record, OutputTally()).saw(event)

    assert len(observer.first_tokens) == is_first_token


async def test_leaving_after_the_answer_is_whole_cancels_nothing(
    observer: RecordingObserver,
) -> None:
    record = record_for(observer)
    AnswerRecorder(record, OutputTally()).saw(ChoiceFinished("stop"))

    closed = await closed_with(record, observer, GeneratorExit())

    assert closed.status == "completed"


async def test_an_observer_that_cannot_close_fails_a_good_call_but_hides_no_error() -> None:
    class Broken(RecordingObserver):
        async def closed(self, call: CallClosed, /) -> None:
            raise PlatformFaultError(call.status)

    for error in (UpstreamError("x", provider="vendor"), asyncio.CancelledError()):
        record = record_for(Broken())
        await record.open()
        await record.close(error)
    record = record_for(Broken())
    await record.open()

    with pytest.raises(PlatformFaultError):
        await record.close(None)


async def test_a_journal_that_does_not_answer_stops_the_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stuck(RecordingObserver):
        async def opened(self, call: CallOpened, /) -> None:
            await asyncio.Event().wait()
            await super().opened(call)

    monkeypatch.setattr("model_providers.attempt_record.OBSERVER_TIMEOUT_S", 0.01)

    with pytest.raises(ServiceUnavailableError):
        await record_for(Stuck()).open()


def test_a_tally_of_pieces_agrees_with_the_estimate_of_the_whole() -> None:
    pieces = [f"word {n} und Grüße " for n in range(2000)]
    tally = OutputTally()

    for piece in pieces:
        tally.add(piece)

    assert tally.tokens() == pytest.approx(estimate_text("".join(pieces)), rel=0.02)
