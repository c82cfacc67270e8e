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
from orchestrator.coordination.events import (
    CancelRequested,
    ClientGone,
    DeadlineReached,
    Input,
    RunAdmitted,
    TimerFired,
)
from orchestrator.coordination.replay import encode_log
from orchestrator.coordination.session import Session
from orchestrator.driver.call_ledger import CallLedger
from orchestrator.driver.call_runner import CallRunner, RunScope
from orchestrator.driver.delivery import deliver
from orchestrator.driver.output import RunOutput
from orchestrator.driver.planning import NOTHING_LEARNT, Learnt, make_plan
from orchestrator.driver.progress import ProgressFeed
from orchestrator.driver.records import (
    RunSummary,
    delivered_call,
    delivered_usage,
    run_details,
    run_record,
)
from orchestrator.driver.run_metrics import count_run
from orchestrator.driver.spans import RunSpans
from orchestrator.store.writer import DuplicateRowError
from orchestrator.store.writes import LoggedEvent, OutputSaid, RunClosed, RunOpened
from service_kit.logging import get_logger
from wire.conversation import GenerationRequest
from wire.coordination import RunEnded, RunStarted
from wire.deadline import Deadline
from wire.errors import CallerError, PlatformError, PlatformFaultError, PlatformInterruptedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.agents.answer_checks import AnswerCheck
    from orchestrator.coordination.commands import Command
    from orchestrator.coordination.events import LogEntry
    from orchestrator.driver.call_runner import Models
    from orchestrator.driver.latencies import Latencies
    from orchestrator.metrics import OrchestratorMetrics
    from orchestrator.store.writer import StoreWriter
    from service_kit.clock import Clock
    from service_kit.internal_server import CallContext
    from service_kit.tracing import Tracer
    from wire.conversation import AnswerEvent
    from wire.coordination import RunRecord, RunStatus, StartRun
    from wire.errors import ErrorInfo

_INBOX_SIZE = 4096  # far above what the call limit of a run can produce at once
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
    """What a process's runs share."""

    models: Models
    writer: StoreWriter
    clock: Clock
    metrics: OrchestratorMetrics
    latencies: Latencies
    tracer: Tracer
    store_answers: bool = True


class Run:
    """`execute` is a task of the supervisor's; everything else may be called at any time."""

    def __init__(
        self,
        start: StartRun,
        context: CallContext,
        services: RunServices,
        *,
        seed: str,
        check: AnswerCheck | None,
        learnt: Learnt = NOTHING_LEARNT,
    ) -> None:
        self.start = start
        self.output = RunOutput()
        self.ended = asyncio.Event()
        self._services = services
        self._clock = services.clock
        self._admitted_s = self._clock.monotonic_s()
        self._admitted_unix_s = self._clock.unix_s()
        self._session = Session()
        self._inbox: asyncio.Queue[Input] = asyncio.Queue(_INBOX_SIZE)
        self._timers: list[asyncio.TimerHandle] = []
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._status: RunStatus = "in_progress"
        self._error: ErrorInfo | None = None
        self._duration_ms: int | None = None
        self._progress = ProgressFeed(self.output, self._clock)
        self._shows_progress = start.progress and start.panel.progress and _is_panel(start)
        self._ledger = CallLedger(start, services.writer, self._admitted_s)
        self._plan = make_plan(
            start,
            seed=seed,
            time_left_s=context.deadline.left_s(now_s=self._admitted_s),
            latencies=services.latencies,
            learnt=learnt,
        )
        self._first_commands = self._session.handle(RunAdmitted(0, self._plan))
        root = services.tracer.new_context(context.traceparent)
        self._spans = RunSpans(services.tracer, root, self._admitted_unix_s)
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
            ),
        )

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
        """If the run's own ending was cut short, still say that it has ended."""
        if self.ended.is_set():
            return
        self.output.close(RunEnded(status="failed", error=error.info(), keep_trace=True))
        self.ended.set()

    def record(self) -> RunRecord:
        """The run as far as it has come."""
        return run_record(self._session, self._summary(), with_seed=self.ended.is_set())

    def log(self) -> list[LogEntry]:
        """The core's log so far."""
        return self._session.log

    # ------------------------------------------------------------------------------- the run

    async def execute(self) -> None:
        """Run to the end. Raises nothing but the cancellation of the process itself."""
        self.output.push(RunStarted(self.start.run_id))
        try:
            opened = self._open()
            async with asyncio.TaskGroup() as group:
                # No call leaves before this is known: the first one's row waits behind it.
                group.create_task(self._services.writer.confirm(opened))
                await self._drive(group)
                await self._drain()
        except asyncio.CancelledError:
            self._fail(PlatformInterruptedError("The orchestrator was shut down."))
            raise
        except Exception as error:  # noqa: BLE001 - a run ends with a typed error, whatever it met
            self._fail(self._platform_error(error))
        finally:
            self._stop_timers()
            await self._close()

    def _open(self) -> asyncio.Future[None]:
        """The run's row is on its way to the store before its first call's is."""
        start = self.start
        self._set_timer(self._plan.deadline_ms, DeadlineReached(self._plan.deadline_ms))
        return self._services.writer.submit(
            RunOpened(
                run_id=start.run_id,
                tenant_id=start.tenant_id,
                request_id=start.request_id,
                key_id=start.key_id,
                public_model=start.public_model,
                panel=start.panel.name,
                detached=start.detached,
                created_unix_s=self._admitted_unix_s,
                spec=_encode(start.panel),
            )
        )

    async def _drive(self, group: asyncio.TaskGroup) -> None:
        self._perform_all(self._first_commands, group)
        while self._session.finished is None:
            event = await self._inbox.get()
            self._perform_all(self._session.handle(event), group)

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
                    self.output.append(event)
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
        self.output.push(event)

    def _set_timer(self, at_ms: int, event: Input) -> None:
        delay_s = max(0, at_ms - self._now_ms()) / 1000
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(delay_s, self._post, event))

    def _stop_timers(self) -> None:
        self._progress.finish()
        for timer in self._timers:
            timer.cancel()

    def _post(self, event: Input) -> None:
        if not self.ended.is_set():
            self._inbox.put_nowait(event)

    def _now_ms(self) -> int:
        return int((self._clock.monotonic_s() - self._admitted_s) * 1000)

    # ---------------------------------------------------------------------------------- the end

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
        calls = ended.calls
        stored = await self._store_end(duration_ms)
        keep = not stored or self._status == "failed"
        self._spans.record(self.start, self._status, calls, duration_ms, keep=keep)
        panel = self.start.panel.name
        count_run(self._services.metrics, panel, ended, duration_ms, self._session.log)
        self.output.close(msgspec.structs.replace(ended, keep_trace=keep))
        self.ended.set()
        self._log_end(duration_ms, len(calls))
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
        )

    def _summary(self) -> RunSummary:
        number = delivered_call(self._session)
        call_id = None if number is None else self._runner.call_id(number)
        return RunSummary(
            start=self.start,
            status=self._status,
            created_unix_s=self._admitted_unix_s,
            duration_ms=self._duration_ms,
            calls=self._ledger.records(call_id),
            calls_in_flight=self._ledger.open_calls,
            error=self._error,
        )

    async def _store_end(self, duration_ms: int) -> bool:
        """Keep the record. A store that fails costs the record, not the client's answer."""
        start, writer = self.start, self._services.writer
        if self._error is not None and self._error.code == RunConflictError.code:
            return True  # the record under this id is another run's
        record = run_record(self._session, self._summary(), with_seed=True)
        writes: list[RunClosed | OutputSaid] = [
            RunClosed(
                run_id=start.run_id,
                tenant_id=start.tenant_id,
                status=self._status,
                ended_unix_s=self._admitted_unix_s + duration_ms / 1000,
                record=_encode(record),
                log=self._kept_log(),
            )
        ]
        if start.detached:
            writes += self._kept_output()
        try:
            await writer.commit(*writes)
        except PlatformError as error:
            log.warning("run_record_lost", error=error, run_id=start.run_id)
            return False
        return True

    def _kept_log(self) -> list[LoggedEvent]:
        if not self._services.store_answers:
            return []
        entries = self._session.log
        return [
            LoggedEvent(seq, entry.at_ms, str(entry.__struct_config__.tag), line)
            for seq, (entry, line) in enumerate(zip(entries, encode_log(entries), strict=True))
        ]

    def _kept_output(self) -> list[OutputSaid]:
        return [
            OutputSaid(
                run_id=self.start.run_id,
                tenant_id=self.start.tenant_id,
                seq=number,
                payload=_encode(event),
            )
            for number, event in enumerate([*self.output.events, self._ending()], start=1)
        ]

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
