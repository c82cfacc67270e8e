"""An answer as an event stream, whatever the dialect: when it begins, what keeps it alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wire.conversation import AnswerEvent, ChoiceFinished, ReasoningDelta, Usage, UsageReported
from wire.coordination import RunDetails, RunEnded, RunProgress
from wire.errors import ErrorInfo, PlatformInterruptedError
from wire.sse import comment_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from api_gateway.lanes.answers import AnswerItem, Answers
    from api_gateway.routes.exchange import Exchange
    from service_kit.clock import Clock

# 4 a second: enough to follow, few enough to read.
PROGRESS_INTERVAL_S = 0.25
HEARTBEAT = comment_frame("keep-alive")


class StreamEncoder(Protocol):
    """Frames of one dialect."""

    def opening(self) -> bytes: ...

    def encode(self, event: AnswerEvent) -> bytes: ...

    def finish(self, details: Sequence[RunDetails]) -> bytes: ...

    def failure(self, info: ErrorInfo) -> bytes: ...


class AnswerAccount:
    """What an answer amounts to: whether it is whole, what it used, how it came about."""

    def __init__(self, choices: int) -> None:
        self._unfinished = set(range(choices))
        self._of_calls = Usage()
        self._of_runs: Usage | None = None
        self._details: list[RunDetails] = []

    @property
    def usage(self) -> Usage:
        """Of all upstream calls; what a run reports to the client may be less."""
        return self._of_calls if self._of_runs is None else self._of_runs

    @property
    def details(self) -> list[RunDetails]:
        """In the order of the choices, whichever run was over first."""
        return sorted(self._details, key=lambda details: (len(details.run_id), details.run_id))

    def take(self, item: AnswerItem) -> AnswerEvent | None:
        """Note an item; the event in it for the client, if there is one."""
        match item:
            case RunEnded():
                self._of_runs = (self._of_runs or Usage()) + item.usage
                if item.details is not None:
                    self._details.append(item.details)
                return None
            case RunProgress():
                return None
            case ChoiceFinished():
                self._unfinished.discard(item.choice)
            case UsageReported():
                self._of_calls += item.usage
            case _:
                pass
        return item

    def has_finished(self, choice: int) -> bool:
        return choice not in self._unfinished

    def require_whole(self) -> None:
        """Every choice has said why it ended.

        Raises:
            PlatformInterruptedError: one has not.
        """
        if self._unfinished:
            raise PlatformInterruptedError(
                "The answer ended before it was complete. Please try again."
            )


class ProgressPacer:
    """What a panel is doing, at most `1 / PROGRESS_INTERVAL_S` times a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[str] = []
        self._next_at_s = float("-inf")

    def add(self, text: str) -> None:
        self._waiting.append(text)

    def due_in_s(self) -> float | None:
        """When `take` has something; None: nothing waits."""
        if not self._waiting:
            return None
        return max(0.0, self._next_at_s - self._clock.monotonic_s())

    def take(self, *, now: bool = False) -> ReasoningDelta | None:
        """What has gathered, if it is time, or `now`."""
        if not self._waiting or not (now or self.due_in_s() == 0.0):
            return None
        text = "".join(f"{line}\n" for line in self._waiting)
        self._waiting.clear()
        self._next_at_s = self._clock.monotonic_s() + PROGRESS_INTERVAL_S
        return ReasoningDelta(text)


async def collect(
    answers: Answers, account: AnswerAccount, add: Callable[[AnswerEvent], object]
) -> None:
    """The events of a whole answer.

    Raises:
        PlatformError: the answer failed, or stopped in the middle.
    """
    while (items := await answers.next()) is not None:
        for event in filter(None, map(account.take, items)):
            add(event)
    account.require_whole()


@dataclass(frozen=True, slots=True)
class StreamPace:
    """`hold_s`: longest wait of the first frame. `heartbeat_s`: longest silence after it."""

    clock: Clock
    hold_s: float
    heartbeat_s: float


class StreamDelivery:
    """Delivers one stream. Until the first frame a failure can still be an HTTP status.

    The first frame waits for the answer's first word, but not for ever.
    """

    def __init__(
        self,
        exchange: Exchange,
        encoder: StreamEncoder,
        account: AnswerAccount,
        pace: StreamPace,
    ) -> None:
        self._exchange = exchange
        self._encoder = encoder
        self._account = account
        self._clock = pace.clock
        self._hold_s = pace.hold_s
        self._heartbeat_s = pace.heartbeat_s
        self._progress = ProgressPacer(pace.clock)
        self._written_at_s = pace.clock.monotonic_s()

    async def deliver(self, answers: Answers) -> bytes:
        """Write the stream; what is returned is the last of it, not yet written.

        Raises:
            PlatformError: the answer failed, before or after its first frame.
        """
        frames = self._frames(await self._hold(answers))
        if answers.ended:
            self._account.require_whole()
        self._exchange.failure_frame = self._encoder.failure
        await self._send(self._encoder.opening() + frames)
        while (items := await answers.next(self._patience_s())) is not None:
            await self._write(items)
        self._account.require_whole()
        return self._encoder.finish(self._account.details)

    async def _hold(self, answers: Answers) -> list[AnswerItem]:
        held: list[AnswerItem] = []
        until_s = self._clock.monotonic_s() + self._hold_s
        while (left_s := until_s - self._clock.monotonic_s()) > 0:
            items = await answers.next(left_s)
            if not items:
                break
            held += items
            if not all(isinstance(item, RunProgress) for item in items):
                break
        return held

    async def _write(self, items: list[AnswerItem]) -> None:
        """Events that this dialect has no frames for are silence too."""
        frames = self._frames(items)
        if not frames and self._silent_for_s() >= self._heartbeat_s:
            frames = HEARTBEAT
        if frames:
            await self._send(frames)

    async def _send(self, frames: bytes) -> None:
        await self._exchange.write(frames)
        self._written_at_s = self._clock.monotonic_s()

    def _silent_for_s(self) -> float:
        return self._clock.monotonic_s() - self._written_at_s

    def _frames(self, items: list[AnswerItem]) -> bytes:
        frames: list[bytes] = []
        for item in items:
            if isinstance(item, RunProgress):
                self._note_progress(item)
                continue
            event = self._account.take(item)
            if event is not None:
                frames += self._progress_frame(now=True), self._encoder.encode(event)
        frames.append(self._progress_frame())
        return b"".join(frames)

    def _note_progress(self, progress: RunProgress) -> None:
        """Progress belongs to the first choice, and nothing follows a choice's finish reason."""
        if not self._account.has_finished(0):
            self._progress.add(progress.text)

    def _progress_frame(self, *, now: bool = False) -> bytes:
        progress = self._progress.take(now=now)
        return self._encoder.encode(progress) if progress is not None else b""

    def _patience_s(self) -> float:
        heartbeat_s = max(0.0, self._heartbeat_s - self._silent_for_s())
        due_s = self._progress.due_in_s()
        return heartbeat_s if due_s is None else min(due_s, heartbeat_s)
