"""A supervisor in the foreground of a terminal: Ctrl-C asks it to stop, a second one kills."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from typing import TYPE_CHECKING

from conclave_cli import exit_codes
from conclave_cli.console import Console
from conclave_cli.health import ReadinessProbe, new_probe_session
from conclave_cli.supervisor import Supervisor, Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conclave_cli.supervised_service import ServicePlan

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def supervise(
    plans: Sequence[ServicePlan],
    timing: Timing,
    greeting: Callable[[], str],
    notes: Sequence[str] = (),
) -> int:
    """Run until a stop signal; the exit status. `greeting` is shown once all are ready.

    Raises:
        ServiceFailedError: something did not start.
    """
    names = [plan.name for plan in plans]
    console = Console(sys.stdout, colour=sys.stdout.isatty(), names=("conclave", *names))
    with console:
        async with new_probe_session() as session:
            supervisor = Supervisor(
                plans, console=console, probe=ReadinessProbe(session), timing=timing
            )
            for note in (*notes, f"starting {', '.join(names)}"):
                console.say(note)
            return await _until_stopped(supervisor, console, lambda: console.plain(greeting()))


async def _until_stopped(
    supervisor: Supervisor, console: Console, announce: Callable[[], None]
) -> int:
    loop = asyncio.get_running_loop()
    stop = StopRequest(asyncio.current_task(), supervisor, console)
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stop.signalled)
    try:
        await supervisor.run(announce)
    except asyncio.CancelledError:
        if not stop.asked:
            raise
    finally:
        for number in _STOP_SIGNALS:
            loop.remove_signal_handler(number)
    return stop.exit_code()


class StopRequest:
    """The first signal asks, the second kills."""

    def __init__(
        self, running: asyncio.Task[object] | None, supervisor: Supervisor, console: Console
    ) -> None:
        self._running = running
        self._supervisor = supervisor
        self._console = console
        self._asked_s: float | None = None
        self._killed = False

    @property
    def asked(self) -> bool:
        return self._asked_s is not None

    def signalled(self) -> None:
        if self._asked_s is None:
            self._asked_s = time.monotonic()
            self._console.say("stopping; once more to kill")
            if self._running is not None:
                self._running.cancel()
        else:
            self._killed = True
            self._supervisor.kill()

    def exit_code(self) -> int:
        if self._killed:
            self._console.say("killed")
            return exit_codes.KILLED
        took_s = time.monotonic() - (self._asked_s or time.monotonic())
        self._console.say(f"stopped after {took_s:.1f} s")
        return exit_codes.OK
