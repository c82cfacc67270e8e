"""Every run of this process: admitted within bounds, joined by id, ended with the process."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import aclosing
from typing import TYPE_CHECKING

from orchestrator.agents.answer_checks import AnswerCheck, UnusableSchemaError, answer_check
from orchestrator.driver.admission import UNPREPARED, admitted
from orchestrator.driver.planning import NOTHING_LEARNT, Learnt
from orchestrator.driver.resumption import NO_PAST, Resumption
from orchestrator.driver.run import Run, RunConflictError
from service_kit.call_context import NOT_STARTED
from service_kit.logging import get_logger
from wire.errors import (
    InvalidRequestError,
    OverloadedError,
    PlatformFaultError,
    PlatformInterruptedError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from orchestrator.driver.admission import Admission, Preparation
    from orchestrator.driver.run import RunServices
    from service_kit.internal_server import CallContext
    from service_kit.lifecycle import Lifecycle
    from wire.coordination import CallRecord, RunEvent, StartRun

log = get_logger(__name__)

_SEED_BYTES = 16
_RETRY_AFTER_S = 1.0


class RunSupervisor:
    """Owns the tasks of all runs; `run` lives as long as the process."""

    def __init__(
        self,
        services: RunServices,
        lifecycle: Lifecycle,
        *,
        max_concurrent_runs: int,
        ended_runs_kept_s: float,
    ) -> None:
        self._services = services
        self._lifecycle = lifecycle
        self._max_concurrent_runs = max_concurrent_runs
        self._ended_runs_kept_s = ended_runs_kept_s
        self._runs: dict[str, Run] = {}
        self._group: asyncio.TaskGroup | None = None
        self._forget_timers: dict[str, asyncio.TimerHandle] = {}
        self.active = 0

    async def run(self) -> None:
        """Hold the runs' tasks until cancelled, then end them."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.get_running_loop().create_future()
        finally:
            self._group = None
            for timer in self._forget_timers.values():
                timer.cancel()

    def start(
        self,
        start: StartRun,
        context: CallContext,
        *,
        learnt: Learnt = NOTHING_LEARNT,
        preparation: Preparation = UNPREPARED,
        resumption: Resumption = NO_PAST,
    ) -> Run:
        """Admit a run, or join the one that has this id. `learnt`: what its team's scores say.

        `resumption`: what the turn that it goes on from has left.

        Raises:
            RunConflictError: the id is another team's.
            ServiceUnavailableError: shutting down; nothing was started.
            OverloadedError: as many runs as allowed are under way.
            InvalidRequestError: the response format's schema cannot be used.
        """
        known = self._runs.get(start.run_id)
        if known is not None:
            return _joined(known, start)
        group = self._admitting_group()
        services = self._services
        now_s = services.clock.monotonic_s()
        admission = admitted(
            start,
            seed=secrets.token_hex(_SEED_BYTES),
            time_left_s=context.deadline.left_s(now_s=now_s) + preparation.took_s,
            latencies=services.latencies,
            unix_s=services.clock.unix_s() - preparation.took_s,
            learnt=learnt,
            traceparent=context.traceparent,
            preparation=preparation,
            resumption=resumption,
        )
        return self._begin(Run(admission, services, check=_check_for(start)), group)

    @property
    def has_room(self) -> bool:
        """Whether a run can be taken over now."""
        return (
            self._group is not None
            and not self._lifecycle.draining
            and self.active < self._max_concurrent_runs
        )

    def resume(self, admission: Admission) -> Run:
        """Go on with a run of a process that died.

        Raises:
            ServiceUnavailableError, OverloadedError, InvalidRequestError: as of `start`.
        """
        group = self._admitting_group()
        return self._begin(Run(admission, self._services, check=_check_for(admission.start)), group)

    def holds(self, run_id: str) -> bool:
        """Whether the run is under way here, or has just ended."""
        return run_id in self._runs

    def cancel(self, run_id: str, reason: str) -> None:
        """End a run that is here, whoever's it is."""
        run = self._runs.get(run_id)
        if run is not None and not run.ended.is_set():
            run.cancel(reason)

    def correct(self, run_id: str, calls: Sequence[CallRecord]) -> None:
        """Show what vendors told of a run's calls, if the run is still remembered here."""
        run = self._runs.get(run_id)
        if run is not None:
            run.correct(calls)

    def _begin(self, run: Run, group: asyncio.TaskGroup) -> Run:
        self._runs[run.start.run_id] = run
        self.active += 1
        group.create_task(self._hold(run), name=run.start.run_id)
        return run

    async def follow(self, run: Run, *, after: int = 0) -> AsyncGenerator[RunEvent]:
        """The run's events as its client sees them; an attached run ends with its last reader."""
        try:
            async with aclosing(run.output.follow(after)) as events:
                async for event in events:
                    yield event
        finally:
            if not run.start.detached and not run.output.readers:
                run.client_gone()

    def find(self, tenant_id: str, run_id: str) -> Run | None:
        """A run of this team that is under way or has just ended."""
        run = self._runs.get(run_id)
        return run if run is not None and run.start.tenant_id == tenant_id else None

    def find_by_request(self, tenant_id: str, request_id: str) -> Run | None:
        """The newest such run of a request."""
        return next(
            (
                run
                for run in reversed(self._runs.values())
                if run.start.tenant_id == tenant_id and run.start.request_id == request_id
            ),
            None,
        )

    def _admitting_group(self) -> asyncio.TaskGroup:
        if self._group is None or self._lifecycle.draining:
            raise ServiceUnavailableError(
                "The orchestrator is shutting down; the run was not started.",
                code=NOT_STARTED,
                retry_after_s=_RETRY_AFTER_S,
            )
        if self.active >= self._max_concurrent_runs:
            raise OverloadedError(
                "The orchestrator has as many runs under way as it may. Please try again.",
                retry_after_s=_RETRY_AFTER_S,
            )
        return self._group

    async def _hold(self, run: Run) -> None:
        """A run to its end, which it says even where its own ending fails."""
        try:
            await run.execute()
        except Exception:
            log.exception("run_end_failed", run_id=run.start.run_id)
            run.abandon(PlatformFaultError("The orchestrator had an error."))
        finally:
            run.abandon(PlatformInterruptedError("The orchestrator was shut down."))
            self._ended(run)

    def _ended(self, run: Run) -> None:
        self.active -= 1
        if run.lost:
            self._runs.pop(run.start.run_id, None)  # whoever asks for it finds it in the store
            return
        loop = asyncio.get_running_loop()
        run_id = run.start.run_id
        timer = loop.call_later(self._ended_runs_kept_s, self._forget, run_id)
        self._forget_timers[run_id] = timer

    def _forget(self, run_id: str) -> None:
        self._runs.pop(run_id, None)
        self._forget_timers.pop(run_id, None)


def _joined(known: Run, start: StartRun) -> Run:
    if known.start.tenant_id != start.tenant_id:
        raise RunConflictError("This run id is taken.")
    return known


def _check_for(start: StartRun) -> AnswerCheck | None:
    wanted = start.request.response_format
    if wanted.type == "text" or (wanted.type == "json_schema" and not wanted.strict):
        return None
    try:
        return answer_check(wanted)
    except UnusableSchemaError as error:
        raise InvalidRequestError(
            f"Invalid schema for response_format: {error}",
            param="response_format",
            code="invalid_json_schema",
        ) from None
