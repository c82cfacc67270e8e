"""One run under way: the core's commands performed, its events fed back, one end on every path."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import msgspec

from orchestrator.coordination.commands import (
    CancelCall,
    Deliver,
    Finish,
    Report,
    SetTimer,
    StartCall,
)
from orchestrator.coordination.drafts import leaves_something
from orchestrator.coordination.events import (
    CancelRequested,
    ClientGone,
    DeadlineReached,
    Input,
    TimerFired,
)
from orchestrator.driver.call_ledger import CallLedger, adopted_rows
from orchestrator.driver.call_runner import CallRunner, RunScope
from orchestrator.driver.delivery import deliver
from orchestrator.driver.fenced_writer import FencedWriter
from orchestrator.driver.journal import RunJournal, logged_events
from orchestrator.driver.output import RunOutput
from orchestrator.driver.overflow import OverflowRelief
from orchestrator.driver.progress import ProgressFeed
from orchestrator.driver.records import (
    RunSummary,
    delivered_call,
    delivered_usage,
    run_details,
    run_record,
)
from orchestrator.driver.resumption import tool_call_id
from orchestrator.driver.retelling import Retelling
from orchestrator.driver.run_metrics import count_run
from orchestrator.driver.spans import RunSpans
from orchestrator.store.writer import DuplicateRowError, FenceLostError, StoreUnavailableError
from orchestrator.store.writes import LogForgotten, RunClosed, RunOpened, RunReleased
from service_kit.logging import get_logger
from wire.conversation import GenerationRequest, ToolCallStarted
from wire.coordination import RunEnded, RunStarted
from wire.deadline import Deadline
from wire.errors import CallerError, PlatformError, PlatformFaultError, PlatformInterruptedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orchestrator.agents.answer_checks import AnswerCheck
    from orchestrator.context_budget import ContextBudget, Fitted
    from orchestrator.coordination.board import Board
    from orchestrator.coordination.commands import Command
    from orchestrator.coordination.events import LogEntry
    from orchestrator.driver.admission import Admission
    from orchestrator.driver.call_runner import Models
    from orchestrator.driver.fenced_writer import RunWriter
    from orchestrator.driver.latencies import Latencies
    from orchestrator.driver.usage_look_ups import UsageLookUps
    from orchestrator.metrics import OrchestratorMetrics
    from orchestrator.store.writer import StoreWriter
    from orchestrator.store.writes import Write
    from service_kit.clock import Clock
    from service_kit.tracing import Tracer
    from wire.conversation import AnswerEvent
    from wire.coordination import CallRecord, RunEvent, RunRecord, RunStatus, StartRun
    from wire.errors import ErrorInfo

_INBOX_SIZE = 4096  # far above what the call limit of a run can produce at once
_LET_GO_TIMEOUT_S = 2.0
_DRAIN_TIMEOUT_S = 2.0  # for calls that were cut to tell what they had used

log = get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class RunConflictError(CallerError):
    """The run id is taken: by another team's run, or by one that has ended."""

    status = 409
    code = "run_conflict"
    error_type = "caller_conflict"


@dataclass(frozen=True, slots=True)
class RunServices:
    """What a process's runs share. `owner` is the process's name in their rows."""

    models: Models
    writer: StoreWriter
    clock: Clock
    metrics: OrchestratorMetrics
    latencies: Latencies
    tracer: Tracer
    owner: str = ""
    store_answers: bool = True
    budget: ContextBudget | None = None
    look_ups: UsageLookUps | None = None


class Run:
    """`execute` is a task of the supervisor's; everything else may be called at any time."""

    def __init__(
        self, admission: Admission, services: RunServices, *, check: AnswerCheck | None
    ) -> None:
        start, earlier = admission.start, admission.earlier
        self.start = start
        self.ended = asyncio.Event()
        self.lost = False
        self._admission = admission
        self._services = services
        self._clock = services.clock
        # The run's own time stands still while no process holds it.
        self._admitted_s = self._clock.monotonic_s() - admission.at_ms / 1000
        self._session = admission.session
        self._plan = admission.plan
        self._inbox: asyncio.Queue[Input] = asyncio.Queue(_INBOX_SIZE)
        self._timers: list[asyncio.TimerHandle] = []
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._status: RunStatus = "in_progress"
        self._error: ErrorInfo | None = None
        self._duration_ms: int | None = None
        said = earlier.said if earlier else ()
        self.output = RunOutput(said if start.detached else None)
        self._retelling = Retelling(said)
        self._progress = ProgressFeed(self.output, self._clock)
        self._shows_progress = start.progress and start.panel.progress and _is_panel(start)
        self._writer = self._writer_of(services.writer)
        self._journal = self._make_journal()
        self._ledger = CallLedger(
            start, self._writer, self._admitted_s, earlier.calls if earlier else admission.calls
        )
        root = services.tracer.new_context(admission.traceparent)
        self._spans = RunSpans(services.tracer, root, admission.created_unix_s)
        self._runner = CallRunner(
            services.models,
            self._ledger,
            RunScope(
                start=start,
                deadline=Deadline(self._admitted_s + self._plan.deadline_ms / 1000),
                check=check if self._plan.checked else None,
                traceparent=services.tracer.traceparent(root),
                now_ms=self._now_ms,
                post=self._post,
                push=self._push_answer,
                call_id=admission.call_id,
                relief=self._relief(services.tracer.traceparent(root)),
            ),
            earlier,
        )

    def _relief(self, traceparent: str | None) -> OverflowRelief | None:
        budget = self._services.budget
        if budget is None:
            return None
        deadline = Deadline(self._admitted_s + self._plan.deadline_ms / 1000)
        return OverflowRelief(budget, lambda: self.start, deadline, traceparent, self._relieved)

    async def _relieved(self, fitted: Fitted) -> None:
        self.start = fitted.start
        await self._ledger.adopt(fitted.calls)

    def _writer_of(self, writer: StoreWriter) -> RunWriter:
        if not self.start.detached:
            return writer
        return FencedWriter(writer, self.start.run_id, self._admission.fence)

    def _make_journal(self) -> RunJournal | None:
        if not self.start.detached:
            return None
        earlier = self._admission.earlier
        stored, session = (earlier.stored_entries if earlier else 0), self._session
        return RunJournal(self.start, self._writer, self.output, lambda: session.log, stored=stored)

    @property
    def status(self) -> RunStatus:
        return self._status

    # ------------------------------------------------------------------------ from other tasks

    def client_gone(self) -> None:
        """Nobody listens any more: stop at once."""
        self._post(ClientGone(self._now_ms()))

    def cancel(self, reason: str) -> None:
        """Somebody asked for the end; calls are cut at once."""
        self._post(CancelRequested(self._now_ms(), reason))

    def abandon(self, error: PlatformError) -> None:
        """If the run's own ending was cut short, still say that it has ended.

        A detached run has not: another process goes on with it.
        """
        if self.ended.is_set():
            return
        if self.start.detached:
            self._lose()
            return
        self.output.close(RunEnded(status="failed", error=error.info(), keep_trace=True))
        self.ended.set()

    def correct(self, calls: Sequence[CallRecord]) -> None:
        """Vendors have told what calls of this run cost, which has ended."""
        self._ledger.correct(calls)

    def record(self) -> RunRecord:
        """The run as far as it has come."""
        return run_record(self._session, self._summary(), with_seed=self.ended.is_set())

    @property
    def board(self) -> Board:
        """Answers, failures and plan, for a turn that goes on from this one."""
        return self._session.board

    def log(self) -> list[LogEntry]:
        """The core's log so far."""
        return self._session.log

    # ------------------------------------------------------------------------------- the run

    async def execute(self) -> None:
        """Run to the end. Raises nothing but the cancellation of the process itself."""
        try:
            await self._run()
        except asyncio.CancelledError:
            await self._let_go()
            raise
        except Exception as error:  # noqa: BLE001 - a run ends with a typed error, whatever it met
            if self._is_lost(error):
                self._lose()
            else:
                self._fail(self._platform_error(error))
        finally:
            self._stop_timers()
            if not self.lost:
                await self._close()

    async def _run(self) -> None:
        if self._admission.earlier is None:
            self.output.push(RunStarted(self.start.run_id))
            for event in self._admission.opening:
                self.output.append(event)
        self._set_deadline()
        async with asyncio.TaskGroup() as group:
            # No call leaves before this is known: the first one's row waits behind it.
            group.create_task(self._keep())
            await self._drive(group)
            await self._drain()
            if self._journal is not None:
                self._journal.stop()

    async def _keep(self) -> None:
        """The run's row first; of a detached run, then all that it decides and says."""
        opening = () if self._admission.earlier else self._first_rows()
        if self._journal is not None:
            await self._journal.open(*opening)
            await self._journal.run()
        else:
            await self._writer.commit(*opening)

    def _first_rows(self) -> tuple[Write, ...]:
        return (self._opening(), *adopted_rows(self.start, self._admission.calls))

    def _opening(self) -> RunOpened:
        start = self.start
        return RunOpened(
            run_id=start.run_id,
            tenant_id=start.tenant_id,
            request_id=start.request_id,
            key_id=start.key_id,
            public_model=start.public_model,
            panel=start.panel.name,
            detached=start.detached,
            created_unix_s=self._admission.created_unix_s,
            spec=_encode(start.panel),
            owner=self._services.owner,
            start=_encode(start) if start.detached else None,
        )

    def _set_deadline(self) -> None:
        earlier = self._admission.earlier
        if earlier is None or not earlier.deadline_reached:
            self._set_timer(self._plan.deadline_ms, DeadlineReached(self._plan.deadline_ms))

    async def _drive(self, group: asyncio.TaskGroup) -> None:
        self._perform_all(self._admission.commands, group)
        while self._session.finished is None:
            event = await self._inbox.get()
            self._perform_all(self._session.handle(event), group)
            if self._journal is not None:
                self._journal.note()

    async def _drain(self) -> None:
        """Calls that were cut say what they had used before the run says that it has ended."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=_DRAIN_TIMEOUT_S)
        while not self._inbox.empty():
            self._session.handle(self._inbox.get_nowait())

    # ------------------------------------------------------------------------------- commands

    def _perform_all(self, commands: list[Command], group: asyncio.TaskGroup) -> None:
        for command in commands:
            self._perform(command, group)

    def _perform(self, command: Command, group: asyncio.TaskGroup) -> None:
        match command:
            case StartCall():
                self._start_call(command, group)
            case CancelCall(call=call):
                self._cut_call(call)
            case SetTimer(timer=timer, at_ms=at_ms):
                self._set_timer(at_ms, TimerFired(at_ms, timer))
            case Report():
                if self._shows_progress:
                    self._progress.say(command)
            case Deliver(call=call):
                self._progress.finish()
                for event in deliver(command, self._runner.deltas_with_logprobs(call)):
                    self._say(event, self.output.append)
            case Finish(status=status, error=error):
                self._status, self._error = status, error

    def _start_call(self, command: StartCall, group: asyncio.TaskGroup) -> None:
        task = group.create_task(self._runner.perform(command))
        self._tasks[command.call] = task
        task.add_done_callback(lambda _: self._tasks.pop(command.call, None))

    def _cut_call(self, call: int) -> None:
        task = self._tasks.get(call)
        if task is not None:
            task.cancel()

    def _push_answer(self, event: AnswerEvent) -> None:
        self._progress.finish()
        self._say(event, self.output.push)

    def _say(self, event: AnswerEvent, say: Callable[[RunEvent], None]) -> None:
        if isinstance(event, ToolCallStarted):
            event = self._referring(event)
        news = self._retelling.take(event)
        if news is not None:
            say(news)

    def _referring(self, event: ToolCallStarted) -> ToolCallStarted:
        """The call under an id that leads back here, if there is something to come back for.

        Otherwise under the vendor's own: some vendors take no other.
        """
        if not _is_panel(self.start) or not leaves_something(self._session.board):
            return event
        call_id = tool_call_id(self.start.run_id, event.index)
        return event if call_id is None else msgspec.structs.replace(event, call_id=call_id)

    def _set_timer(self, at_ms: int, event: Input) -> None:
        delay_s = max(0, at_ms - self._now_ms()) / 1000
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(delay_s, self._post, event))

    def _stop_timers(self) -> None:
        self._progress.finish()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _post(self, event: Input) -> None:
        if not self.ended.is_set():
            self._inbox.put_nowait(event)

    def _now_ms(self) -> int:
        return int((self._clock.monotonic_s() - self._admitted_s) * 1000)

    # ---------------------------------------------------------------------------------- the end

    async def _let_go(self) -> None:
        """The process ends: an attached run with it, a detached one goes on elsewhere."""
        if self._journal is None or not self._journal.opened:
            self._fail(PlatformInterruptedError("The orchestrator was shut down."))
            return
        try:
            async with asyncio.timeout(_LET_GO_TIMEOUT_S):
                await self._journal.store()
            await self._writer.enqueue(RunReleased(self.start.run_id))
        except (TimeoutError, StoreUnavailableError, FenceLostError, DuplicateRowError) as error:
            log.warning("run_not_released", error=error, run_id=self.start.run_id)
        self._lose()

    def _is_lost(self, error: Exception) -> bool:
        """Whether another process has the run, or the store could not follow it."""
        if self._journal is None or not self._journal.opened:
            return False
        return any(
            isinstance(cause, FenceLostError | StoreUnavailableError | DuplicateRowError)
            for cause in _causes(error)
        )

    def _lose(self) -> None:
        """The run has not ended, but here it has: its readers look for it in the store."""
        log.warning("run_let_go", run_id=self.start.run_id)
        self.lost = True
        self.output.break_off()
        self.ended.set()

    def _fail(self, error: PlatformError) -> None:
        if self._session.finished is None:
            self._status, self._error = "failed", error.info()

    def _platform_error(self, error: Exception) -> PlatformError:
        """What to tell: the typed error inside, or that something of ours is broken."""
        for cause in _causes(error):
            if isinstance(cause, PlatformError):
                return cause
            if isinstance(cause, DuplicateRowError):
                return RunConflictError("A run with this id has ended already.")
        log.error("run_crashed", error=error, run_id=self.start.run_id)
        return PlatformFaultError("The orchestrator had an error.")

    async def _close(self) -> None:
        duration_ms = self._duration_ms = self._now_ms()
        ended = self._ending()
        stored = await self._store_end(duration_ms, ended)
        if not stored and self._journal is not None and self._journal.opened:
            self._lose()
            return
        keep = not stored or ended.keep_trace
        self._spans.record(self.start, self._status, ended.calls, duration_ms, keep=keep)
        panel = self.start.panel.name
        count_run(self._services.metrics, panel, ended, duration_ms, self._session.log)
        self.output.close(msgspec.structs.replace(ended, keep_trace=keep))
        self.ended.set()
        self._log_end(duration_ms, len(ended.calls))
        if stored and self._services.look_ups is not None:
            look_ups, panel = self._services.look_ups, self.start.panel
            look_ups.run_ended(self.start.run_id, panel, ended.calls)
        self._forget_conversation()

    def _forget_conversation(self) -> None:
        """What an ended run is still asked for needs none of it, and it may hold images."""
        self.start = msgspec.structs.replace(self.start, request=GenerationRequest(items=()))
        self._runner.forget()

    def _ending(self) -> RunEnded:
        summary = self._summary()
        return RunEnded(
            status=self._status,
            usage=self._ledger.usage(),
            delivered_usage=delivered_usage(self._session, summary.calls),
            calls=summary.calls,
            error=self._error,
            details=run_details(self._session, summary) if self.start.details else None,
            keep_trace=self._status == "failed",
            ended_unix_s=self._clock.unix_s(),
            compacted=self.start.compacted,
        )

    def _summary(self) -> RunSummary:
        number = delivered_call(self._session)
        call_id = None if number is None else self._runner.call_id(number)
        return RunSummary(
            start=self.start,
            status=self._status,
            created_unix_s=self._admission.created_unix_s,
            duration_ms=self._duration_ms,
            calls=self._ledger.records(call_id),
            calls_in_flight=self._ledger.open_calls,
            error=self._error,
        )

    async def _store_end(self, duration_ms: int, ended: RunEnded) -> bool:
        """Keep the record. A store that fails costs the record, not an attached client's answer."""
        if self._error is not None and self._error.code == RunConflictError.code:
            return True  # the record under this id is another run's
        try:
            await self._writer.commit(*self._last_writes(duration_ms, ended))
        except (PlatformError, FenceLostError, DuplicateRowError) as error:
            log.warning("run_record_lost", error=error, run_id=self.start.run_id)
            return False
        return True

    def _last_writes(self, duration_ms: int, ended: RunEnded) -> Iterator[Write]:
        start = self.start
        record = run_record(self._session, self._summary(), with_seed=True)
        attached = self._journal is None and self._services.store_answers
        yield RunClosed(
            run_id=start.run_id,
            tenant_id=start.tenant_id,
            status=self._status,
            ended_unix_s=self._admission.created_unix_s + duration_ms / 1000,
            record=_encode(record),
            log=logged_events(self._session.log, first=0) if attached else [],
        )
        if self._journal is not None:
            yield self._journal.last_words(ended)
            if not self._services.store_answers:
                yield LogForgotten(start.run_id)

    def _log_end(self, duration_ms: int, calls: int) -> None:
        log.info(
            "run_ended",
            run_id=self.start.run_id,
            request_id=self.start.request_id,
            panel=self.start.panel.name,
            status=self._status,
            duration_ms=duration_ms,
            calls=calls,
            error_type=self._error.error_type if self._error else None,
        )


def _causes(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _causes(inner)
    else:
        yield error


def _is_panel(start: StartRun) -> bool:
    return start.panel.kind == "panel" and len(start.panel.agents) > 1
