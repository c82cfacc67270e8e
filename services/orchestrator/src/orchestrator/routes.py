"""The internal endpoints of runs: start and follow, read, cancel, score."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from orchestrator.coordination.outcomes import cancelled
from orchestrator.coordination.replay import decode_log, encode_log
from orchestrator.driver.admission import UNPREPARED, Preparation
from orchestrator.driver.call_ledger import sum_usage
from orchestrator.driver.records import with_texts
from orchestrator.driver.resumption import Resumptions
from wire.coordination import RunCancellation, RunRecord, RunStatus
from wire.endpoints import (
    CANCEL_RUN,
    GET_RUN,
    GET_RUN_BY_REQUEST,
    LEARNT_WEIGHTS,
    RUN_EVENTS,
    SCORE_RUN,
    START_RUN,
)
from wire.errors import (
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    PlatformInterruptedError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from orchestrator.context_budget import ContextBudget
    from orchestrator.driver.learning import Learning
    from orchestrator.driver.run import Run
    from orchestrator.driver.runs_elsewhere import RunsElsewhere
    from orchestrator.driver.supervisor import RunSupervisor
    from orchestrator.store.reader import StoredRun, StoreReader
    from service_kit.internal_server import CallContext, InternalApp
    from wire.coordination import (
        CancelRun,
        LearntWeights,
        RunEvent,
        ScoredRun,
        ScoreRun,
        StartRun,
    )
    from wire.errors import ErrorInfo

CANCEL_TIMEOUT_S = 5.0
_YES = frozenset({"1", "true"})

_decode_record = msgspec.json.Decoder(RunRecord).decode


class AnswersNotShownError(PermissionDeniedError):
    """The operator shows nobody what agents have answered."""

    def __init__(self) -> None:
        super().__init__(
            "Run records are shown without answers here (ORCHESTRATOR_SHOW_ANSWERS). Leave out "
            "`answers`.",
            param="answers",
        )


class RunRoutes:
    """Handlers. The tenant comes from the call's context; a foreign run is not found."""

    def __init__(
        self,
        supervisor: RunSupervisor,
        reader: StoreReader,
        learning: Learning,
        elsewhere: RunsElsewhere,
        budget: ContextBudget | None = None,
        *,
        show_answers: bool = True,
    ) -> None:
        self._supervisor = supervisor
        self._budget = budget
        self._show_answers = show_answers
        self._reader = reader
        self._elsewhere = elsewhere
        self._learning = learning
        self._resumptions = Resumptions(supervisor, reader)

    def register(self, app: InternalApp) -> None:
        """Add every endpoint of this room."""
        app.add_stream(START_RUN, self.start)
        app.add_stream(RUN_EVENTS, self.events)
        app.add(GET_RUN, self.get)
        app.add(GET_RUN_BY_REQUEST, self.get_by_request)
        app.add(CANCEL_RUN, self.cancel)
        app.add(SCORE_RUN, self.score)
        app.add(LEARNT_WEIGHTS, self.weights)

    async def start(
        self, request: StartRun, context: CallContext, _params: dict[str, str]
    ) -> AsyncGenerator[RunEvent]:
        """Run, or join; the last reader of an attached run that leaves ends it."""
        if context.tenant_id != request.tenant_id:
            raise InvalidRequestError("The run's tenant is not the caller's.", param="tenant_id")
        if not request.panel.agents:
            raise InvalidRequestError("The panel has no agents.", param="panel.agents")
        if request.detached and await self._is_known(request):
            async with aclosing(self._elsewhere.follow(context.tenant_id, request.run_id)) as told:
                async for event in told:
                    yield event
            return
        learnt = await self._learning.for_run(request)
        resumption = await self._resumptions.of(request)
        request, preparation = await self._fit(request, context)
        run = self._supervisor.start(
            request, context, learnt=learnt, preparation=preparation, resumption=resumption
        )
        async with aclosing(self._to_the_end(run, 0)) as events:
            async for event in events:
                yield event

    async def _fit(self, request: StartRun, context: CallContext) -> tuple[StartRun, Preparation]:
        """The run with a conversation that its models can read."""
        is_here = self._supervisor.find(context.tenant_id, request.run_id) is not None
        if self._budget is None or is_here:
            return request, UNPREPARED
        fitted = await self._budget.fit(request, context)
        return fitted.start, Preparation(
            took_s=fitted.took_s, calls=fitted.calls, opening=fitted.handed_out
        )

    async def events(
        self, _request: None, context: CallContext, params: dict[str, str]
    ) -> AsyncGenerator[RunEvent]:
        """A run's events above `after`, then live; of a detached run whichever process has it."""
        tenant_id, run_id = context.tenant_id, params["run_id"]
        after = int(params.get("after", "0"))
        run = self._supervisor.find(tenant_id, run_id)
        follow = (
            self._elsewhere.follow(tenant_id, run_id, after)
            if run is None
            else self._to_the_end(run, after, joins=False)
        )
        async with aclosing(follow) as events:
            async for event in events:
                yield event

    async def get(self, _request: None, context: CallContext, params: dict[str, str]) -> RunRecord:
        """The record, from memory while the run is here."""
        run_id, answers = params["run_id"], self._wants_answers(params)
        run = self._supervisor.find(context.tenant_id, run_id)
        if run is not None:
            return _live_record(run, answers=answers)
        return await self._stored_record(
            await self._reader.run(context.tenant_id, run_id), answers=answers
        )

    async def get_by_request(
        self, _request: None, context: CallContext, params: dict[str, str]
    ) -> RunRecord:
        """The record of the newest run of a request."""
        request_id, answers = params["request_id"], self._wants_answers(params)
        run = self._supervisor.find_by_request(context.tenant_id, request_id)
        if run is not None:
            return _live_record(run, answers=answers)
        return await self._stored_record(
            await self._reader.run_of_request(context.tenant_id, request_id), answers=answers
        )

    async def cancel(
        self, request: CancelRun, context: CallContext, params: dict[str, str]
    ) -> RunCancellation:
        """End a run and say what became of it; idempotent."""
        tenant_id, run_id = context.tenant_id, params["run_id"]
        run = self._supervisor.find(tenant_id, run_id)
        if run is not None:
            if not run.ended.is_set():
                run.cancel(request.reason)
                await _wait_for_end(run)
            if not run.lost:
                return RunCancellation(run_id, run.status)
        status = await self._elsewhere.cancel(tenant_id, run_id, request.reason)
        return RunCancellation(run_id, status)

    async def score(
        self, request: ScoreRun, context: CallContext, params: dict[str, str]
    ) -> ScoredRun:
        """Take a score of an ended run; another key's run is not found."""
        record = await self.get(None, context, {"run_id": params["run_id"]})
        if params.get("key_id", record.key_id) != record.key_id:
            raise NotFoundError("There is no such run.")
        return await self._learning.score(record, request)

    async def weights(
        self, _request: None, context: CallContext, _params: dict[str, str]
    ) -> LearntWeights:
        """What the team's scores say of its models."""
        return await self._learning.weights(context.tenant_id)

    def _wants_answers(self, params: dict[str, str]) -> bool:
        wanted = params.get("answers", "") in _YES
        if wanted and not self._show_answers:
            raise AnswersNotShownError
        return wanted

    async def _is_known(self, start: StartRun) -> bool:
        """Whether a detached run of this id is another process's, or of an earlier time."""
        if self._supervisor.find(start.tenant_id, start.run_id) is not None:
            return False
        return await self._reader.run(start.tenant_id, start.run_id) is not None

    async def _to_the_end(
        self, run: Run, after: int, *, joins: bool = True
    ) -> AsyncGenerator[RunEvent]:
        """The run's events as long as it is here, and then from where it has gone."""
        told = after
        live = self._supervisor.follow(run) if joins else run.output.follow(after)
        async with aclosing(live) as events:
            async for event in events:
                told += 1
                yield event
        if run.output.complete:
            return
        start = run.start
        async with aclosing(self._elsewhere.follow(start.tenant_id, start.run_id, told)) as rest:
            async for event in rest:
                yield event

    async def _stored_record(self, stored: StoredRun | None, *, answers: bool) -> RunRecord:
        stored = _found(stored)
        if stored.record is None:
            return await self._unfinished_record(stored)
        record = _decode_record(stored.record)
        if not answers:
            return record
        lines = await self._reader.log(stored.tenant_id, stored.run_id)
        return with_texts(record, decode_log(lines), lines)

    async def _unfinished_record(self, stored: StoredRun) -> RunRecord:
        """A run of another process, or one that ended without its process."""
        calls = await self._reader.calls(stored.tenant_id, stored.run_id)
        return RunRecord(
            run_id=stored.run_id,
            request_id=stored.request_id,
            tenant_id=stored.tenant_id,
            key_id=stored.key_id,
            public_model=stored.public_model,
            panel=stored.panel,
            status=_status(stored),
            created_unix_s=stored.created_unix_s,
            detached=stored.detached,
            usage=sum_usage(calls),
            calls=calls,
            calls_in_flight=await self._reader.calls_in_flight(stored.tenant_id, stored.run_id),
            error=_error_without_record(stored),
        )


def _error_without_record(stored: StoredRun) -> ErrorInfo | None:
    if stored.status == "cancelled":
        return cancelled(stored.cancel_reason or "")
    if stored.status == "failed":
        return PlatformInterruptedError("The process that held the run died.").info()
    return None


def _live_record(run: Run, *, answers: bool) -> RunRecord:
    record = run.record()
    if not answers:
        return record
    log = run.log()
    return with_texts(record, log, encode_log(log))


def _found(stored: StoredRun | None) -> StoredRun:
    if stored is None:
        raise NotFoundError("There is no such run.")
    return stored


def _status(stored: StoredRun) -> RunStatus:
    return msgspec.convert(stored.status, RunStatus)


async def _wait_for_end(run: Run) -> None:
    try:
        async with asyncio.timeout(CANCEL_TIMEOUT_S):
            await run.ended.wait()
    except TimeoutError:
        raise ServiceUnavailableError("The run has not ended yet.") from None
