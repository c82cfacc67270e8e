"""The services of one machine: which there are, who needs whom, what each is told.

What is told here overrides the environment; everything else a service reads from it (proxies,
provider keys, GATEWAY_*, ORCHESTRATOR_*, COMPACTOR_*) is passed on as it is.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conclave_cli.ports import LOOPBACK, PortBlock
from conclave_cli.supervised_service import ServicePlan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from conclave_cli.state_directory import StateDirectory

_PREFIXES = ("GATEWAY", "ORCHESTRATOR", "COMPACTOR")
_DIRECT_HOSTS = f"{LOOPBACK},localhost"


@dataclass(frozen=True, slots=True)
class Installation:
    """What `conclave run` has decided before it starts anything."""

    ports: PortBlock
    state: StateDirectory
    config_path: Path
    with_sim: bool
    log_level: str
    log_format: str
    shutdown_grace_s: float
    inherited: Mapping[str, str]


def sim_base_url(ports: PortBlock) -> str:
    """Where provider-sim speaks OpenAI's wire."""
    return f"{_url(ports.provider_sim)}/v1"


def service_plans(installation: Installation) -> list[ServicePlan]:
    """The gateway needs all others; those start together."""
    plans = [_compactor(installation), _orchestrator(installation)]
    if installation.with_sim:
        plans.append(_provider_sim(installation))
    names = frozenset(plan.name for plan in plans)
    return [*plans, _gateway(installation, needs=names)]


def _gateway(installation: Installation, needs: frozenset[str]) -> ServicePlan:
    ports, state = installation.ports, installation.state
    told = {
        "GATEWAY_PORT": str(ports.gateway),
        "GATEWAY_ADMIN_PORT": str(ports.gateway_admin),
        "GATEWAY_METRICS_PORT": str(ports.gateway_metrics),
        "GATEWAY_DATABASE_URL": state.database_url("gateway"),
        "GATEWAY_CONFIG_PATH": str(installation.config_path),
        "GATEWAY_ORCHESTRATOR_URL": _url(ports.orchestrator),
        "GATEWAY_COMPACTOR_URL": _url(ports.compactor),
        "GATEWAY_KEY_PEPPER_FILE": str(state.pepper_file),
        "GATEWAY_BOOTSTRAP_KEY_FILE": str(state.api_key_file),
        "GATEWAY_ADMIN_KEY_FILE": str(state.admin_key_file),
    }
    return ServicePlan(
        name="gateway",
        arguments=_module("api_gateway"),
        environment=_environment(installation, "GATEWAY", told),
        ready_url=_ready_url(ports.gateway_metrics),
        migrate=_module("api_gateway", "migrate"),
        needs=needs,
    )


def _orchestrator(installation: Installation) -> ServicePlan:
    ports = installation.ports
    told = {
        "ORCHESTRATOR_PORT": str(ports.orchestrator),
        "ORCHESTRATOR_METRICS_PORT": str(ports.orchestrator_metrics),
        "ORCHESTRATOR_DATABASE_URL": installation.state.database_url("orchestrator"),
        "ORCHESTRATOR_CONFIG_PATH": str(installation.config_path),
        "ORCHESTRATOR_COMPACTOR_URL": _url(ports.compactor),
    }
    return ServicePlan(
        name="orchestrator",
        arguments=_module("orchestrator"),
        environment=_environment(installation, "ORCHESTRATOR", told),
        ready_url=_ready_url(ports.orchestrator_metrics),
        migrate=_module("orchestrator", "migrate"),
    )


def _compactor(installation: Installation) -> ServicePlan:
    ports = installation.ports
    told = {
        "COMPACTOR_PORT": str(ports.compactor),
        "COMPACTOR_METRICS_PORT": str(ports.compactor_metrics),
        "COMPACTOR_CONFIG_PATH": str(installation.config_path),
        "COMPACTOR_SEALING_KEYS_FILE": str(installation.state.sealing_keys_file),
        "COMPACTOR_BLOB_DIR": str(installation.state.compactor_blob_dir),
    }
    return ServicePlan(
        name="compactor",
        arguments=_module("compactor"),
        environment=_environment(installation, "COMPACTOR", told),
        ready_url=_ready_url(ports.compactor_metrics),
    )


def _provider_sim(installation: Installation) -> ServicePlan:
    port = installation.ports.provider_sim
    return ServicePlan(
        name="provider-sim",
        arguments=_module("provider_sim", "--host", LOOPBACK, "--port", str(port)),
        environment=dict(installation.inherited) | {"PYTHONUNBUFFERED": "1"},
        ready_url=f"{_url(port)}/healthz",
    )


def _environment(
    installation: Installation, prefix: str, told: Mapping[str, str]
) -> dict[str, str]:
    inherited = dict(installation.inherited)
    # A setting meant for one service beats the one meant for all.
    inherited.setdefault(f"{prefix}_LOG_LEVEL", installation.log_level)
    inherited.setdefault(f"{prefix}_LOG_FORMAT", installation.log_format)
    return {
        **inherited,
        f"{prefix}_HOST": LOOPBACK,
        f"{prefix}_INSTALLATION_TOKEN_FILE": str(installation.state.installation_token_file),
        f"{prefix}_SHUTDOWN_GRACE_S": f"{installation.shutdown_grace_s:g}",
        **told,
        **_without_proxy_for_loopback(inherited),
        "PYTHONUNBUFFERED": "1",
        "PYTHONOPTIMIZE": "2",  # no docstrings in memory: some 5 MB less for each service
    }


def _without_proxy_for_loopback(inherited: Mapping[str, str]) -> dict[str, str]:
    """Services honour proxies towards vendors; each other they reach directly."""
    return {
        name: f"{inherited[name]},{_DIRECT_HOSTS}" if inherited.get(name) else _DIRECT_HOSTS
        for name in ("NO_PROXY", "no_proxy")
    }


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *arguments)


def _url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def _ready_url(metrics_port: int) -> str:
    return f"{_url(metrics_port)}/readyz"
