"""Settings from the environment, and errors that name the variable and never its value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import Field

from service_kit.settings import ServiceSettings, SettingsError, load_settings

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "0123456789abcdef" * 4


class DemoSettings(ServiceSettings, env_prefix="DEMO_"):
    port: int = Field(default=1, description="Where to listen.")


def test_the_environment_is_read_under_the_services_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEMO_PORT", "8123")
    monkeypatch.setenv("DEMO_LOG_LEVEL", "warning")
    monkeypatch.setenv("OTHER_PORT", "9")

    settings = load_settings(DemoSettings)

    assert (settings.port, settings.log_level) == (8123, "warning")


@pytest.mark.requirement("service-kit:settings:errors")
def test_every_wrong_variable_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_PORT", "hunter2")
    monkeypatch.setenv("DEMO_LOG_FORMAT", "xml")

    with pytest.raises(SettingsError) as caught:
        load_settings(DemoSettings)

    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["DEMO_LOG_FORMAT", "DEMO_PORT"]
    assert "hunter2" not in str(caught.value)


def test_the_token_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")

    assert DemoSettings(installation_token_file=path).token() == TOKEN


def test_the_token_comes_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_INSTALLATION_TOKEN", TOKEN)

    settings = load_settings(DemoSettings)

    assert settings.token() == TOKEN
    assert TOKEN not in repr(settings)


@pytest.mark.requirement("service-kit:settings:errors")
def test_a_missing_token_names_the_variable_to_set() -> None:
    with pytest.raises(SettingsError, match="set DEMO_INSTALLATION_TOKEN_FILE"):
        DemoSettings().token()


@pytest.mark.requirement("service-kit:settings:errors")
def test_a_token_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"DEMO_INSTALLATION_TOKEN_FILE.*no-such-file"):
        DemoSettings(installation_token_file=tmp_path / "no-such-file").token()


@pytest.mark.parametrize("content", ["", "\n", "changeme"])
def test_a_placeholder_is_no_token(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)

    with pytest.raises(SettingsError, match="openssl rand -hex 32"):
        DemoSettings(installation_token_file=path).token()


def test_every_setting_has_a_description_for_the_documentation() -> None:
    undescribed = [
        name for name, field in DemoSettings.model_fields.items() if not field.description
    ]

    assert undescribed == []
