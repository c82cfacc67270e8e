"""One service kept running: started, watched until ready, restarted after a crash, stopped."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conclave_cli.errors import ServiceFailedError
from conclave_cli.processes import ChildProcess, Command, child_process, ending

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conclave_cli.backoff import Backoff
    from conclave_cli.console import Console
    from conclave_cli.health import ReadinessProbe


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """What to start and how to see that it is there. `migrate`: its database must come first."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    ready_url: str
    migrate: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()


class SupervisedService:
    """`keep_running` owns the process; `stop` asks it to end and is idempotent."""

    def __init__(
        self,
        plan: ServicePlan,
        *,
        console: Console,
        probe: ReadinessProbe,
        backoff: Backoff,
        stop_grace_s: float,
    ) -> None:
        self.plan = plan
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self.ended.set()  # until it starts
        self._console = console
        self._probe = probe
        self._backoff = backoff
        self._stop_grace_s = stop_grace_s
        self._stopping = asyncio.Event()
        self._child: ChildProcess | None = None
        self._was_ready = False

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    @property
    def tail(self) -> tuple[str, ...]:
        return tuple(self._child.tail) if self._child is not None else ()

    def stop(self) -> None:
        self._stopping.set()

    def kill(self) -> None:
        """At once and without a word: the operator has no patience left."""
        self._stopping.set()
        if self._child is not None and self._child.returncode is None:
            self._child.kill_group()

    async def keep_running(self) -> None:
        """Until `stop`.

        Raises:
            ServiceFailedError: the process ended before it was ready for the first time; a
                restart would only hide why.
        """
        self.ended.clear()
        try:
            while not self._stopping.is_set():
                started_s = time.monotonic()
                returncode = await self._run_once()
                if not self._stopping.is_set():
                    await self._recover(returncode, time.monotonic() - started_s)
        finally:
            self.ended.set()

    async def _run_once(self) -> int | None:
        command = Command(self.plan.arguments, self.plan.environment, self._stop_grace_s)
        async with child_process(command, self._tell) as child:
            self._child = child
            async with asyncio.TaskGroup() as tasks:
                watching = [
                    tasks.create_task(child.wait()),
                    tasks.create_task(self._stopping.wait()),
                ]
                ready = tasks.create_task(self._become_ready())
                await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
                for task in (*watching, ready):
                    task.cancel()
        return child.returncode

    async def _become_ready(self) -> None:
        started_s = time.monotonic()
        await self._probe.wait_ready(self.plan.ready_url)
        self.ready.set()
        if self._was_ready:
            took_s = time.monotonic() - started_s
            self._console.say(f"{self.name} is ready again after {took_s:.1f} s")
        self._was_ready = True

    async def _recover(self, returncode: int | None, lived_s: float) -> None:
        self.ready.clear()
        if not self._was_ready:
            raise ServiceFailedError(f"{self.name} {ending(returncode)} while starting", self.tail)
        delay_s = self._backoff.next_delay_s(lived_s)
        self._console.say(
            f"{self.name} {ending(returncode)} after {lived_s:.0f} s; "
            f"starting it again in {delay_s:g} s"
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._stopping.wait()

    def _tell(self, line: str) -> None:
        self._console.line(self.name, line)
