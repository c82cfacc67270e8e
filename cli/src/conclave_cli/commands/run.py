"""`conclave run`: the whole of Conclave on this machine, until Ctrl-C.

Order: configuration, ports, state, migrations, services. What a person must mend is said before
anything has started.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from conclave_cli.banner import Offer, OfferedModel, banner
from conclave_cli.configuration import ChosenConfiguration, choose_configuration
from conclave_cli.foreground import supervise
from conclave_cli.ports import LOOPBACK, PortBlock, require_free
from conclave_cli.settings import inherited_environment, load_settings
from conclave_cli.state_directory import StateDirectory, read_secret
from conclave_cli.supervisor import Timing
from conclave_cli.topology import Installation, service_plans

if TYPE_CHECKING:
    from catalogue import Catalogue

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

        notes = [f"warning: {problem}" for problem in chosen.catalogue.warnings]
        return asyncio.run(supervise(service_plans(installation), timing, greeting, notes))


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
