"""Starts the services in order of need, keeps them running, ends them in reverse order.

Whoever is needed by nobody ends first: the gateway finishes what it is serving while the
orchestrator still answers.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conclave_cli.backoff import Backoff
from conclave_cli.errors import ServiceFailedError
from conclave_cli.processes import Command, child_process, ending
from conclave_cli.supervised_service import ServicePlan, SupervisedService

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conclave_cli.console import Console
    from conclave_cli.health import ReadinessProbe


@dataclass(frozen=True, slots=True)
class Timing:
    """`stop_grace_s` is per stage; two stages and the kill stay below the promised 5 s."""

    start_timeout_s: float = 60.0
    stop_grace_s: float = 2.0
    first_restart_delay_s: float = 0.5
    stable_s: float = 60.0


class Supervisor:
    def __init__(
        self,
        plans: Sequence[ServicePlan],
        *,
        console: Console,
        probe: ReadinessProbe,
        timing: Timing,
    ) -> None:
        self._console = console
        self._probe = probe
        self._timing = timing
        self._stages = [
            [self._service(plan) for plan in stage] for stage in stages_by_need(list(plans))
        ]

    @property
    def services(self) -> list[SupervisedService]:
        return [service for stage in self._stages for service in stage]

    def kill(self) -> None:
        for service in self.services:
            service.kill()

    async def run(self, announce: Callable[[], None]) -> None:
        """Start everything, call `announce`, and go on until cancelled.

        Raises:
            ServiceFailedError: a migration failed, or a service did not become ready.
        """
        await self._migrate()
        failure: ServiceFailedError | None = None
        try:
            async with asyncio.TaskGroup() as owner:
                try:
                    await self._start(owner)
                    announce()
                    await asyncio.Event().wait()  # until cancelled, or a service gives up
                finally:
                    await self._stop()
        except* ServiceFailedError as group:
            failure = _first_failure(group)
        if failure is not None:
            raise failure

    async def _start(self, owner: asyncio.TaskGroup) -> None:
        try:
            async with asyncio.timeout(self._timing.start_timeout_s):
                for stage in self._stages:
                    for service in stage:
                        owner.create_task(service.keep_running(), name=service.name)
                    for service in stage:
                        await service.ready.wait()
        except TimeoutError:
            raise self._late() from None

    def _late(self) -> ServiceFailedError:
        """Name the first service that keeps the others waiting."""
        late = next(service for service in self.services if not service.ready.is_set())
        url = late.plan.ready_url
        return ServiceFailedError(
            f"{late.name} was not ready within {self._timing.start_timeout_s:g} s; "
            f"{url} said: {self._probe.last_detail(url)}",
            late.tail,
        )

    async def _stop(self) -> None:
        for stage in reversed(self._stages):
            for service in stage:
                service.stop()
            # Each ends itself within its grace; the second is for being reaped.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.stop_grace_s + 1):
                    for service in stage:
                        await service.ended.wait()

    async def _migrate(self) -> None:
        migrating = [service.plan for service in self.services if service.plan.migrate]
        failure: ServiceFailedError | None = None
        try:
            async with asyncio.timeout(self._timing.start_timeout_s), asyncio.TaskGroup() as tasks:
                for plan in migrating:
                    tasks.create_task(self._migrate_one(plan))
        except* ServiceFailedError as group:
            failure = _first_failure(group)
        except* TimeoutError:
            names = ", ".join(plan.name for plan in migrating)
            failure = ServiceFailedError(
                f"migrating the databases of {names} took more than "
                f"{self._timing.start_timeout_s:g} s"
            )
        if failure is not None:
            raise failure

    async def _migrate_one(self, plan: ServicePlan) -> None:
        def tell(line: str) -> None:
            self._console.line(plan.name, line)

        command = Command(plan.migrate, plan.environment)
        async with child_process(command, tell) as child:
            returncode = await child.wait()
        if returncode != 0:
            raise ServiceFailedError(
                f"migrating the database of {plan.name}: it {ending(returncode)}", tuple(child.tail)
            )

    def _service(self, plan: ServicePlan) -> SupervisedService:
        timing = self._timing
        return SupervisedService(
            plan,
            console=self._console,
            probe=self._probe,
            backoff=Backoff(first_s=timing.first_restart_delay_s, stable_s=timing.stable_s),
            stop_grace_s=timing.stop_grace_s,
        )


def stages_by_need(plans: list[ServicePlan]) -> list[list[ServicePlan]]:
    """Everything in a stage needs only what earlier stages hold.

    Raises:
        ValueError: plans need each other in a circle, or something that is not there.
    """
    stages: list[list[ServicePlan]] = []
    started: frozenset[str] = frozenset()
    waiting = plans
    while waiting:
        stage = [plan for plan in waiting if plan.needs <= started]
        if not stage:
            raise ValueError(f"cannot order {[plan.name for plan in waiting]}")
        stages.append(stage)
        started |= {plan.name for plan in stage}
        waiting = [plan for plan in waiting if plan.name not in started]
    return stages


def _first_failure(group: BaseExceptionGroup[ServiceFailedError]) -> ServiceFailedError:
    first = group.exceptions[0]
    return _first_failure(first) if isinstance(first, BaseExceptionGroup) else first
