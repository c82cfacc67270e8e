"""What a lane that speaks the neutral form must offer, and several of its answers as one."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from service_kit.logging import get_logger
from wire.conversation import AnswerEvent, GenerationRequest, ItemDone, UsageReported
from wire.coordination import RunEnded, RunProgress
from wire.errors import PlatformError, PlatformFaultError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from api_gateway.admission.auth import Caller
    from wire.deadline import Deadline

# Beyond this many events a slow reader holds back the source, not our memory.
_QUEUE_EVENTS = 64

AnswerItem = AnswerEvent | RunProgress | RunEnded

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One answer that is wanted. `run_id` names it towards the orchestrator and in its record.

    `compact_threshold_tokens`: past this the client wants its conversation compacted, and the
    sealed item with the answer.
    """

    request: GenerationRequest
    request_id: str
    run_id: str
    caller: Caller
    public_model: str
    deadline: Deadline
    traceparent: str | None = None
    wants_progress: bool = False
    wants_details: bool = False
    compact_threshold_tokens: int | None = None


class AnswerSource(Protocol):
    """Produces the events of one answer, and with a run its progress and its end.

    Closing the generator cancels everything upstream. Failures are typed.
    """

    def stream(self, turn: Turn) -> AsyncGenerator[AnswerItem]: ...


@dataclass(frozen=True, slots=True)
class _Ended:
    """One source is exhausted; `error` says why if it did not end well."""

    error: PlatformError | None = None


class Answers:
    """The events of one or several answers as they come. See `answering`."""

    def __init__(self, sources: int) -> None:
        self._queue: asyncio.Queue[AnswerItem | _Ended] = asyncio.Queue(_QUEUE_EVENTS)
        self._running = sources
        self._failure: PlatformError | None = None

    @property
    def ended(self) -> bool:
        """Whether every event has been handed out and nothing failed."""
        return not self._running and self._queue.empty() and self._failure is None

    async def put(self, item: AnswerItem | _Ended) -> None:
        await self._queue.put(item)

    async def next(self, timeout_s: float | None = None) -> list[AnswerItem] | None:
        """What has come, at least one event; None at the end, nothing when the time is over.

        Raises:
            PlatformError: one of the answers failed, and what came before has been handed out.
        """
        items: list[AnswerItem] = []
        while not items:
            if self._failure is not None:
                raise self._failure
            if not self._running:
                return None
            try:
                async with asyncio.timeout(timeout_s):
                    self._sort(await self._queue.get(), items)
            except TimeoutError:
                return []
            while not self._queue.empty() and self._failure is None:
                self._sort(self._queue.get_nowait(), items)
        return items

    def _sort(self, item: AnswerItem | _Ended, items: list[AnswerItem]) -> None:
        if not isinstance(item, _Ended):
            items.append(item)
        elif item.error is not None:
            self._failure = item.error
        else:
            self._running -= 1


@asynccontextmanager
async def answering(source: AnswerSource, turns: Sequence[Turn]) -> AsyncGenerator[Answers]:
    """Ask for each turn at once; the n-th turn's events belong to choice n.

    Leaving the context cancels what is still running.
    """
    answers = Answers(len(turns))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_pump(source, turn, choice, answers), name=turn.run_id)
                for choice, turn in enumerate(turns)
            ]
            try:
                yield answers
            finally:
                for task in tasks:
                    task.cancel()
    except BaseExceptionGroup as errors:
        if len(errors.exceptions) == 1:  # the body's own; the pumps hand theirs over
            raise errors.exceptions[0] from None
        raise


async def _pump(source: AnswerSource, turn: Turn, choice: int, answers: Answers) -> None:
    try:
        async with aclosing(source.stream(turn)) as items:
            async for item in items:
                await answers.put(_of_choice(item, choice) if choice else item)
    except PlatformError as error:
        await answers.put(_Ended(error))
    except Exception:
        log.exception("answer_crashed", request_id=turn.request_id, run_id=turn.run_id)
        fault = PlatformFaultError("The server had an error. Please try again.")
        await answers.put(_Ended(fault))
    else:
        await answers.put(_Ended())


def _of_choice(item: AnswerItem, choice: int) -> AnswerItem:
    match item:
        case RunProgress() | RunEnded() | UsageReported() | ItemDone():
            return item
        case _:
            return msgspec.structs.replace(item, choice=choice)
