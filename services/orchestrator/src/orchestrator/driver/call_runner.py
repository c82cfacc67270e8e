"""Performs one run's calls: request out, events back, and one event to the core at the end."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from model_providers.provider import ModelCall
from orchestrator.agents.answer_checks import AnswerCheck, InvalidAnswerError
from orchestrator.agents.ballot_parsing import BallotParseError, parse_ballot
from orchestrator.agents.prompts import Seat, build_request
from orchestrator.coordination.events import (
    BallotPaper,
    BallotReturned,
    CallCancelled,
    CallFailed,
    CallFinished,
    DeliveryBegan,
    Input,
)
from orchestrator.driver.answer_collector import AnswerCollector, LiveTap
from service_kit.logging import get_logger
from wire.conversation import GenerationRequest
from wire.errors import ContextLengthExceededError, PlatformError, PlatformFaultError
from wire.ids import CallId, derived_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from model_providers.calls import CallObserver
    from orchestrator.coordination.commands import StartCall
    from orchestrator.driver.admission import Earlier
    from orchestrator.driver.call_ledger import CallLedger
    from orchestrator.driver.overflow import OverflowRelief
    from wire.conversation import AnswerEvent, TextDelta
    from wire.coordination import StartRun
    from wire.deadline import Deadline

log = get_logger(__name__)


class Models(Protocol):
    """What a run needs of `model_providers.registry.ModelClient`."""

    def stream(
        self, call: ModelCall, *, observer: CallObserver | None = None
    ) -> AsyncGenerator[AnswerEvent]: ...


@dataclass(frozen=True, slots=True)
class RunScope:
    """What all calls of a run share. `now_ms`: since admission. `post`: an event to the core.

    `call_id` names a new call of the core's number. `relief`: what may be done where a backend
    finds the conversation too long.
    """

    start: StartRun
    deadline: Deadline
    check: AnswerCheck | None
    traceparent: str | None
    now_ms: Callable[[], int]
    post: Callable[[Input], None]
    push: Callable[[AnswerEvent], None]
    call_id: Callable[[int], CallId]
    relief: OverflowRelief | None = None


class CallRunner:
    def __init__(
        self, models: Models, ledger: CallLedger, scope: RunScope, earlier: Earlier | None = None
    ) -> None:
        self._models = models
        self._ledger = ledger
        self._scope = scope
        agents = scope.start.panel.agents
        self._seats = {
            agent.agent_id: Seat(scope.start.panel, agent, index)
            for index, agent in enumerate(agents)
        }
        self._call_ids: dict[int, CallId] = dict(earlier.call_ids) if earlier else {}
        self._texts: dict[int, str] = dict(earlier.texts) if earlier else {}
        self._logprobs: dict[int, list[TextDelta]] = {}

    def call_id(self, call: int) -> CallId | None:
        """The id under which the vendor and the ledger know a call of the core."""
        return self._call_ids.get(call)

    def deltas_with_logprobs(self, call: int) -> list[TextDelta]:
        """A finished call's pieces as they came, where the client asked for log probabilities."""
        return self._logprobs.get(call, [])

    def forget(self) -> None:
        """Let go of the conversation, of what the calls said, and of the run itself.

        So that an ended run goes as soon as nobody asks for it, not when the collector comes by.
        """
        self._converse(GenerationRequest(items=()))
        self._scope = dataclasses.replace(
            self._scope, now_ms=_no_time, post=_to_nobody, push=_to_nobody, relief=None
        )
        self._texts.clear()
        self._logprobs.clear()

    async def perform(self, start: StartCall) -> None:
        """Make the call; whatever happens, exactly one event about its end is posted."""
        call_id = self._call_ids[start.call] = self._scope.call_id(start.call)
        seat = self._seats[start.agent_id]
        collector = AnswerCollector(start.max_output_tokens, seat.agent.model.provider.name)
        try:
            await self._stream_fitting(start, seat, call_id, collector)
        except asyncio.CancelledError:
            usage, attempts = self._ledger.of_call(self._call_ids[start.call])
            self._scope.post(CallCancelled(self._scope.now_ms(), start.call, usage, attempts))
            raise
        except PlatformError as error:
            self._fail(start, error)
        except Exception:
            log.exception("call_crashed", run_id=self._scope.start.run_id, call_id=call_id)
            self._fail(start, PlatformFaultError("The orchestrator had an error."))
        else:
            self._finish(start, collector)

    async def _stream_fitting(
        self, start: StartCall, seat: Seat, call_id: CallId, collector: AnswerCollector
    ) -> None:
        """Once more, with a smaller conversation, where the backend finds it too long."""
        try:
            await self._stream(start, seat, call_id, collector)
        except ContextLengthExceededError:
            relief = self._scope.relief
            smaller = await relief.smaller() if relief is not None else None
            if smaller is None:
                raise
            self._converse(smaller)
            again = self._call_ids[start.call] = CallId(derived_id("ccall_", call_id, 1))
            await self._stream(start, seat, again, collector)

    async def _stream(
        self, start: StartCall, seat: Seat, call_id: CallId, collector: AnswerCollector
    ) -> None:
        tap = LiveTap(
            start.brief.live,
            self._scope.push,
            lambda: self._scope.post(DeliveryBegan(self._scope.now_ms(), start.call)),
            unconditional=start.brief.phase == "single",
        )
        call = self._model_call(start, seat, call_id)
        async with aclosing(self._models.stream(call, observer=self._ledger)) as events:
            async for event in events:
                collector.take(event)
                tap.take(event)

    def _model_call(self, start: StartCall, seat: Seat, call_id: CallId) -> ModelCall:
        repair = start.brief.repair
        previous = self._texts.get(repair.call, "") if repair else ""
        return ModelCall(
            call_id=call_id,
            model=seat.agent.model,
            request=build_request(self._scope.start.request, seat, start, previous=previous),
            deadline=self._scope.deadline,
            agent_id=start.agent_id,
            phase=start.brief.phase,
            traceparent=self._scope.traceparent,
            stream=_streams(start, seat),
        )

    def _converse(self, request: GenerationRequest) -> None:
        """What is asked from now on, by every call of the run."""
        start = msgspec.structs.replace(self._scope.start, request=request)
        self._scope = dataclasses.replace(self._scope, start=start)

    def _fail(self, start: StartCall, error: PlatformError) -> None:
        usage, attempts = self._ledger.of_call(self._call_ids[start.call])
        self._scope.post(
            CallFailed(self._scope.now_ms(), start.call, error.info(), usage, attempts)
        )

    def _finish(self, start: StartCall, collector: AnswerCollector) -> None:
        text = collector.text
        self._texts[start.call] = text
        if start.brief.phase == "ballot":
            self._scope.post(self._ballot(start, text))
        else:
            self._scope.post(self._answer(start, text, collector))

    def _ballot(self, start: StartCall, text: str) -> BallotReturned:
        usage, attempts = self._ledger.of_call(self._call_ids[start.call])
        paper, problem = self._parse(text)
        return BallotReturned(self._scope.now_ms(), start.call, paper, problem, usage, attempts)

    def _parse(self, text: str) -> tuple[BallotPaper | None, str | None]:
        try:
            paper = parse_ballot(text)
        except BallotParseError as error:
            return None, str(error)
        if paper.refined_answer and self._checked(paper.refined_answer)[1] is not None:
            return BallotPaper(paper.ranking, paper.approve, paper.reason), None
        return paper, None

    def _answer(self, start: StartCall, text: str, collector: AnswerCollector) -> CallFinished:
        if collector.deltas_with_logprobs:
            self._logprobs[start.call] = collector.deltas_with_logprobs
        invalid = None
        if not collector.tool_calls and collector.finish_reason == "stop" and not collector.refusal:
            text, invalid = self._checked(text)
        usage, attempts = self._ledger.of_call(self._call_ids[start.call])
        return CallFinished(
            self._scope.now_ms(),
            start.call,
            text,
            collector.finish_reason,
            collector.refusal,
            collector.tool_calls,
            invalid,
            usage,
            attempts,
        )

    def _checked(self, text: str) -> tuple[str, str | None]:
        """The text as it may be delivered, or what is wrong with it."""
        if self._scope.check is None:
            return text, None
        try:
            return self._scope.check(text), None
        except InvalidAnswerError as error:
            return text, str(error)


def _no_time() -> int:
    return 0


def _to_nobody(_event: object) -> None:
    pass


def _streams(start: StartCall, seat: Seat) -> bool:
    """A ballot is short and nobody reads along: whole, it costs a tenth of the CPU.

    A reasoning model may think for longer than a silent connection is left open.
    """
    return start.brief.phase != "ballot" or seat.agent.model.capabilities.reasoning
