"""`python -m api_gateway`."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from api_gateway.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s" * 40
# What most gateways never use, some 30 MB in all: whoever needs one first imports it.
_LATER = (
    "alembic",
    "fastapi",
    "jsonschema",
    "opentelemetry",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.orm",
)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "conclave.yaml").write_text("version: 1\n")
    for name, value in {
        "PORT": "0",
        "ADMIN_PORT": "0",
        "METRICS_PORT": "0",
        "CONFIG_PATH": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'gateway.sqlite3'}",
        "INSTALLATION_TOKEN": SECRET,
        "KEY_PEPPER_FILE": str(tmp_path / "secret"),
    }.items():
        monkeypatch.setenv(f"GATEWAY_{name}", value)
    return tmp_path


@pytest.mark.requirement("gateway:memory:imports")
def test_a_start_imports_nothing_that_most_gateways_never_use() -> None:
    program = (
        "import sys, api_gateway.__main__;"
        f"print([name for name in {_LATER} if name in sys.modules])"
    )

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


def test_migrating_makes_the_database(environment: Path) -> None:
    assert main(["migrate"]) == 0
    assert (environment / "gateway.sqlite3").exists()


def test_migrating_back_undoes_what_is_newer(
    environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate"]) == 0
    assert main(["migrate", "--back-to", "0001"]) == 0
    (environment / "conclave.yaml").write_text(
        "version: 1\nproviders: {p: {kind: openai-compatible, base_url: 'http://127.0.0.1:9/v1'}}\n"
        "models: {m: {provider: p}}\n"
    )
    assert main(["serve"]) == 2
    assert "is at revision 0001" in capsys.readouterr().err
    assert main(["migrate", "--back-to", "nope"]) == 2
    assert "cannot go back to nope" in capsys.readouterr().err


def test_serving_without_a_migrated_database_says_what_to_run(
    environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (environment / "conclave.yaml").write_text(
        "version: 1\nproviders: {p: {kind: openai-compatible, base_url: 'http://127.0.0.1:9/v1'}}\n"
        "models: {m: {provider: p}}\n"
    )

    assert main([]) == 2
    assert "python -m api_gateway migrate" in capsys.readouterr().err


def test_a_bad_configuration_is_told_by_file_and_field(
    environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (environment / "conclave.yaml").write_text("version: 1\nmodels: {m: {provider: nobody}}\n")

    assert main(["serve"]) == 2
    assert "conclave.yaml:2" in capsys.readouterr().err


def test_a_missing_pepper_is_told_by_its_variable(
    environment: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GATEWAY_KEY_PEPPER_FILE")
    test_serving = environment / "conclave.yaml"
    test_serving.write_text(
        "version: 1\nproviders: {p: {kind: openai-compatible, base_url: 'http://127.0.0.1:9/v1'}}\n"
        "models: {m: {provider: p}}\n"
    )

    assert main(["serve"]) == 2
    assert "GATEWAY_KEY_PEPPER_FILE" in capsys.readouterr().err
