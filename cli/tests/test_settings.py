from pathlib import Path

import pytest

from conclave_cli.errors import SettingsError
from conclave_cli.ports import HIGHEST_BASE
from conclave_cli.settings import inherited_environment, load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in inherited_environment():
        if name.startswith("CONCLAVE_") or name == "OPENAI_API_KEY":
            monkeypatch.delenv(name)


def test_without_variables_it_is_port_8000_and_the_folder_here():
    settings = load_settings()

    assert (settings.port, settings.state_dir) == (8000, Path(".conclave"))
    assert settings.config is None
    assert settings.openai_api_key is None


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONCLAVE_CONFIG", "")
    monkeypatch.setenv("OPENAI_API_KEY", "")

    settings = load_settings()

    assert settings.config is None
    assert settings.openai_api_key is None


@pytest.mark.parametrize("value", ["http", "0", str(HIGHEST_BASE + 1), "-5"])
def test_an_impossible_port_is_refused_by_the_variables_name(
    monkeypatch: pytest.MonkeyPatch, value: str
):
    monkeypatch.setenv("CONCLAVE_PORT", value)

    with pytest.raises(SettingsError, match=r"^CONCLAVE_PORT: Input should be"):
        load_settings()


def test_no_secret_stands_in_a_refusal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONCLAVE_PORT", "x")
    monkeypatch.setenv("CONCLAVE_API_KEY", "sk-very-secret")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other-secret")

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert "secret" not in refused.value.message


def test_children_inherit_a_copy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GATEWAY_LOG_LEVEL", "debug")

    assert inherited_environment()["GATEWAY_LOG_LEVEL"] == "debug"
