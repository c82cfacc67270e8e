"""`conclave run`: the whole of Conclave on this machine, until Ctrl-C.

Order: configuration, ports, state, migrations, services. What a person must mend is said before
anything has started.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from typing import TYPE_CHECKING

from conclave_cli import exit_codes
from conclave_cli.banner import Offer, OfferedModel, banner
from conclave_cli.configuration import ChosenConfiguration, choose_configuration
from conclave_cli.console import Console
from conclave_cli.health import ReadinessProbe, new_probe_session
from conclave_cli.ports import LOOPBACK, PortBlock, require_free
from conclave_cli.settings import inherited_environment, load_settings
from conclave_cli.state_directory import StateDirectory, read_secret
from conclave_cli.supervisor import Supervisor, Timing
from conclave_cli.topology import Installation, service_plans

if TYPE_CHECKING:
    from collections.abc import Callable

    from catalogue import Catalogue

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Services let streams end this long; the supervisor's own grace per stage is a little more.
_DRAIN_S = 1.5


def run_platform() -> int:
    """Everything from the settings to the last child's end; the exit status."""
    started_s = time.monotonic()
    settings = load_settings()
    state = StateDirectory(settings.state_dir.absolute())
    ports = PortBlock(settings.port)
    with state.locked():
        state.prepare()
        environment = inherited_environment()
        chosen = choose_configuration(settings, state, ports, environment)
        require_free(ports.named(with_sim=chosen.with_sim))
        installation = Installation(
            ports=ports,
            state=state,
            config_path=chosen.path,
            with_sim=chosen.with_sim,
            log_level=settings.log_level,
            log_format=settings.log_format,
            shutdown_grace_s=_DRAIN_S,
            inherited=environment,
        )
        timing = Timing(start_timeout_s=settings.start_timeout_s)

        def greeting() -> str:
            return banner(_offer(installation, chosen, time.monotonic() - started_s))

        return asyncio.run(supervise(installation, timing, greeting))


async def supervise(installation: Installation, timing: Timing, greeting: Callable[[], str]) -> int:
    """Run until a stop signal; a second one kills.

    Raises:
        ServiceFailedError: something did not start.
    """
    plans = service_plans(installation)
    names = [plan.name for plan in plans]
    console = Console(sys.stdout, colour=sys.stdout.isatty(), names=("conclave", *names))
    with console:
        async with new_probe_session() as session:
            supervisor = Supervisor(
                plans, console=console, probe=ReadinessProbe(session), timing=timing
            )
            console.say(f"starting {', '.join(names)}")
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


def _offer(
    installation: Installation, chosen: ChosenConfiguration, started_after_s: float
) -> Offer:
    ports, state = installation.ports, installation.state
    return Offer(
        base_url=f"http://{LOOPBACK}:{ports.gateway}/v1",
        api_key=read_secret(state.api_key_file),
        api_key_file=state.api_key_file,
        admin_url=f"http://{LOOPBACK}:{ports.gateway_admin}",
        admin_key_file=state.admin_key_file,
        metrics_url=f"http://{LOOPBACK}:{ports.gateway_metrics}/metrics",
        models=_offered(chosen.catalogue),
        providers=chosen.told_as,
        started_after_s=started_after_s,
    )


def _offered(catalogue: Catalogue) -> tuple[OfferedModel, ...]:
    def agents(name: str) -> int:
        panel = catalogue.panels.get(name)
        return len(panel.agents) if panel is not None else 0

    return tuple(OfferedModel(known.id, agents(known.id)) for known in catalogue.public_names())
