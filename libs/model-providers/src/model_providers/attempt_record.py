"""What one attempt used, and the one place that tells its observer how it ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from model_providers import uncancelled
from model_providers.calls import (
    NOTHING_USED,
    CallClosed,
    CallObserver,
    CallOpened,
    never_waits,
)
from model_providers.token_estimate import estimate_text
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from wire.errors import ErrorInfo, PlatformError, PlatformFaultError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from model_providers.provider import Clock, SendProgress
    from wire.coordination import CallStatus

OBSERVER_TIMEOUT_S = 5.0  # a journal that takes longer must not hold the request for ever
_TALLY_CHARS = 4096
_TEXTUAL = (TextDelta, ToolArgumentsDelta, ReasoningDelta, RefusalDelta)


class OutputTally:
    """Counts the tokens of an answer from its pieces, in bounded memory."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._chars = 0
        self._tokens = 0

    def add(self, text: str) -> None:
        self._pieces.append(text)
        self._chars += len(text)
        if self._chars >= _TALLY_CHARS:
            self._tokens = self.tokens()
            self._pieces, self._chars = [], 0

    def tokens(self) -> int:
        return self._tokens + estimate_text("".join(self._pieces))


class AttemptRecord:
    """From `opened` to `closed`, which is told exactly once and survives cancellation.

    `estimate_input` and `estimate_output` are asked only when the vendor reported no usage.
    """

    def __init__(
        self,
        opened: CallOpened,
        observer: CallObserver,
        clock: Clock,
        progress: SendProgress,
        *,
        estimate_input: Callable[[], int],
        estimate_output: Callable[[], int],
    ) -> None:
        self.opened = opened
        self._observer = observer
        self._never_waits = never_waits(observer)
        self._clock = clock
        self._progress = progress
        self._estimate_input = estimate_input
        self._estimate_output = estimate_output
        self._first_token_at_s: float | None = None
        self._reported: Usage | None = None
        self._is_complete = False
        self._announced = False
        self._closed = False

    async def open(self) -> None:
        """Announce the attempt; nothing may leave before this has returned.

        A cancellation that comes meanwhile is raised afterwards, with the attempt closed.

        Raises:
            ServiceUnavailableError: the observer did not answer in time.
        """
        if self._never_waits:
            uncancelled.at_once(self._announce())
            return
        try:
            await uncancelled.finish(self._announce(), timeout_s=OBSERVER_TIMEOUT_S)
        except TimeoutError as error:
            raise ServiceUnavailableError("the call journal does not answer") from error
        except asyncio.CancelledError as error:
            if self._announced:
                await self.close(error)
            raise

    def token_arrived(self) -> None:
        """The vendor's first content is here; later calls do nothing."""
        if self._first_token_at_s is None:
            self._first_token_at_s = self._clock.monotonic_s()
            self._observer.first_token(self.opened, self._first_token_at_s)

    def report(self, usage: Usage) -> None:
        self._reported = usage

    def complete(self) -> None:
        """The answer is whole: whoever stops listening now has cancelled nothing."""
        self._is_complete = True

    async def close(self, error: BaseException | None) -> None:
        """Tell how it ended; `error` is what ended it, None a regular end. Later calls do nothing.

        An observer's own failure is raised only after a regular end: it must not hide `error`.

        Raises:
            ServiceUnavailableError: the observer did not answer in time.
        """
        if self._closed or not self._announced:
            return
        self._closed = True
        closed = self._observer.closed(self._ending(self._status(error), error))
        try:
            if self._never_waits:
                uncancelled.at_once(closed)
            else:
                await uncancelled.finish(closed, timeout_s=OBSERVER_TIMEOUT_S)
        except Exception as failure:
            if error is not None:
                return
            if isinstance(failure, TimeoutError):
                raise ServiceUnavailableError("the call journal does not answer") from failure
            raise

    async def _announce(self) -> None:
        await self._observer.opened(self.opened)
        self._announced = True

    def _status(self, error: BaseException | None) -> CallStatus:
        if error is None:
            return "completed"
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            return "completed" if self._is_complete else "cancelled"
        return "failed"

    def _ending(self, status: CallStatus, error: BaseException | None) -> CallClosed:
        usage = self._usage()
        return CallClosed(
            opened=self.opened,
            status=status,
            usage=usage,
            basis="estimated" if usage.estimated else "reported",
            first_token_at_s=self._first_token_at_s,
            closed_at_s=self._clock.monotonic_s(),
            error=_info(error) if status == "failed" else None,
        )

    def _usage(self) -> Usage:
        if self._reported is not None:
            return self._reported
        if not self._progress.may_be_billed:
            return NOTHING_USED
        output_tokens = self._estimate_output()
        reserved = self.opened.reserved_output_tokens
        if reserved is not None:
            output_tokens = min(output_tokens, reserved)
        return Usage(
            input_tokens=self._estimate_input(), output_tokens=output_tokens, estimated=True
        )


class AnswerRecorder:
    """Notes an answer's events in its record, on their way to the caller."""

    def __init__(self, record: AttemptRecord, tally: OutputTally) -> None:
        self._record = record
        self._tally = tally

    def saw(self, event: AnswerEvent) -> None:
        if isinstance(event, _TEXTUAL):
            self._record.token_arrived()
            self._tally.add(event.text)
        elif isinstance(event, ChoiceFinished):
            self._record.complete()
        elif isinstance(event, UsageReported):
            self._record.report(event.usage)
        else:
            self._record.token_arrived()
            self._tally.add(event.name if isinstance(event, ToolCallStarted) else "")


def _info(error: BaseException | None) -> ErrorInfo:
    """A defect of ours has no words for others; the log of who catches it has."""
    if isinstance(error, PlatformError):
        return error.info()
    return PlatformFaultError("an internal fault ended the call").info()
