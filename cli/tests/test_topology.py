import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conclave_cli.ports import PortBlock
from conclave_cli.state_directory import StateDirectory
from conclave_cli.supervised_service import ServicePlan
from conclave_cli.supervisor import stages_by_need
from conclave_cli.topology import Installation, service_plans, sim_base_url


@pytest.fixture
def installation() -> Installation:
    return Installation(
        ports=PortBlock(9000),
        state=StateDirectory(Path("/state")),
        config_path=Path("/etc/conclave.yaml"),
        with_sim=True,
        log_level="info",
        log_format="text",
        shutdown_grace_s=1.5,
        inherited={"PATH": "/bin", "OPENAI_API_KEY": "sk-vendor"},
    )


def by_name(installation: Installation) -> dict[str, ServicePlan]:
    return {plan.name: plan for plan in service_plans(installation)}


def test_the_gateway_starts_when_all_others_are_ready(installation: Installation):
    stages = stages_by_need(service_plans(installation))

    assert [sorted(plan.name for plan in stage) for stage in stages] == [
        ["compactor", "orchestrator", "provider-sim"], ["gateway"]
    ]  # fmt: skip


def test_with_providers_of_ones_own_there_is_no_simulator(installation: Installation):
    plans = by_name(replace(installation, with_sim=False))

    assert sorted(plans) == ["compactor", "gateway", "orchestrator"]


def test_each_service_is_told_its_own_ports_files_and_neighbours(installation: Installation):
    plans = by_name(installation)

    gateway, orchestrator = plans["gateway"].environment, plans["orchestrator"].environment
    assert gateway["GATEWAY_PORT"] == "9000"
    assert gateway["GATEWAY_ORCHESTRATOR_URL"] == "http://127.0.0.1:9010"
    assert gateway["GATEWAY_DATABASE_URL"] == "sqlite+aiosqlite:////state/data/gateway.sqlite3"
    assert orchestrator["ORCHESTRATOR_DATABASE_URL"].endswith("/orchestrator.sqlite3")
    assert orchestrator["ORCHESTRATOR_CONFIG_PATH"] == "/etc/conclave.yaml"
    compactor = plans["compactor"]
    assert compactor.ready_url == "http://127.0.0.1:9022/readyz"
    assert compactor.environment["COMPACTOR_SEALING_KEYS_FILE"] == "/state/sealing-keys"
    assert compactor.environment["COMPACTOR_BLOB_DIR"] == "/state/data/compactor-blobs"
    assert orchestrator["ORCHESTRATOR_COMPACTOR_URL"] == "http://127.0.0.1:9020"
    assert gateway["GATEWAY_COMPACTOR_URL"] == "http://127.0.0.1:9020"
    assert plans["provider-sim"].arguments[-1] == "9090"


def test_only_services_with_a_database_migrate(installation: Installation):
    migrating = {plan.name: plan.migrate for plan in service_plans(installation) if plan.migrate}

    assert migrating == {
        "gateway": (sys.executable, "-m", "api_gateway", "migrate"),
        "orchestrator": (sys.executable, "-m", "orchestrator", "migrate"),
    }


def test_all_services_read_the_same_token_and_provider_keys(installation: Installation):
    plans = by_name(replace(installation, with_sim=False))

    tokens = {
        plan.environment[f"{name.upper()}_INSTALLATION_TOKEN_FILE"] for name, plan in plans.items()
    }
    assert tokens == {"/state/installation-token"}
    assert {plan.environment["OPENAI_API_KEY"] for plan in plans.values()} == {"sk-vendor"}


def test_a_setting_for_one_service_beats_the_one_for_all(installation: Installation):
    told = {"GATEWAY_LOG_LEVEL": "debug", "GATEWAY_PORT": "1"}

    plans = by_name(replace(installation, inherited=told))

    assert plans["gateway"].environment["GATEWAY_LOG_LEVEL"] == "debug"
    assert plans["orchestrator"].environment["ORCHESTRATOR_LOG_LEVEL"] == "info"
    assert plans["gateway"].environment["GATEWAY_PORT"] == "9000"


def test_a_proxy_is_for_vendors_and_not_for_the_neighbours(installation: Installation):
    told = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "intranet"}

    environment = by_name(replace(installation, inherited=told))["gateway"].environment

    assert environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert environment["no_proxy"] == "127.0.0.1,localhost"


def test_the_simulator_is_reached_where_it_listens(installation: Installation):
    assert sim_base_url(installation.ports) == "http://127.0.0.1:9090/v1"
