"""Which configuration `conclave run` uses, and whether it is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalogue import Catalogue, ConfigurationError, load_catalogue, render_embedded
from conclave_cli.errors import ConfigurationRefusedError
from conclave_cli.topology import sim_base_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from conclave_cli.ports import PortBlock
    from conclave_cli.settings import CliSettings
    from conclave_cli.state_directory import StateDirectory

_RENDERED_NOTE = (
    "# Written by `conclave run` at each start; changes here are lost. To configure providers and\n"
    "# panels, copy this file to conclave.yaml and start with CONCLAVE_CONFIG=conclave.yaml.\n"
)


@dataclass(frozen=True, slots=True)
class ChosenConfiguration:
    """`told_as` says to a person where answers come from."""

    path: Path
    catalogue: Catalogue
    told_as: str
    with_sim: bool = False


def choose_configuration(
    settings: CliSettings,
    state: StateDirectory,
    ports: PortBlock,
    environment: Mapping[str, str],
) -> ChosenConfiguration:
    """CONCLAVE_CONFIG, else OpenAI when its key is set, else provider-sim.

    Raises:
        ConfigurationRefusedError: with every problem, one a line.
    """
    if settings.config is not None:
        path = settings.config.absolute()
        return ChosenConfiguration(path, _load(path, environment), f"as in {path}")
    if settings.openai_api_key is not None:
        path = state.write_config(_RENDERED_NOTE + render_embedded("openai"))
        told_as = "OpenAI, because OPENAI_API_KEY is set"
        return ChosenConfiguration(path, _load(path, environment), told_as)
    text = render_embedded("sim", SIM_BASE_URL=sim_base_url(ports))
    path = state.write_config(_RENDERED_NOTE + text)
    told_as = "provider-sim; simulated answers, until OPENAI_API_KEY or CONCLAVE_CONFIG is set"
    return ChosenConfiguration(path, _load(path, environment), told_as, with_sim=True)


def _load(path: Path, environment: Mapping[str, str]) -> Catalogue:
    try:
        return load_catalogue(path, environ=environment)
    except ConfigurationError as error:
        raise ConfigurationRefusedError(f"the configuration is refused:\n{error}") from None
