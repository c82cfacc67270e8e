"""Settings: secrets from files, faults told by the variable's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api_gateway.settings import GatewaySettings
from service_kit.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from pathlib import Path


def settings(**members: object) -> GatewaySettings:
    return GatewaySettings.model_validate(members)


def test_the_environment_is_read_under_our_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "18000")
    monkeypatch.setenv("GATEWAY_MAX_BODY_BYTES", "4096")
    monkeypatch.setenv("GATEWAY_ORCHESTRATOR_URL", "http://a:1, http://b:2")

    loaded = load_settings(GatewaySettings)

    assert (loaded.port, loaded.max_body_bytes) == (18000, 4096)
    assert loaded.orchestrator_urls() == ["http://a:1", "http://b:2"]


def test_secrets_come_from_files_without_their_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s" * 40 + "\n")

    loaded = settings(key_pepper_file=file, bootstrap_key_file=file, admin_key_file=file)

    assert loaded.pepper() == b"s" * 40
    assert loaded.bootstrap_key() == loaded.admin_key() == "s" * 40


@pytest.mark.parametrize("content", ["", "short", None])
def test_a_secret_that_is_none_is_told_by_its_variable(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)

    with pytest.raises(SettingsError, match="GATEWAY_KEY_PEPPER_FILE"):
        settings(key_pepper_file=file).pepper()


def test_what_cannot_be_done_without_is_told_by_its_variable() -> None:
    with pytest.raises(SettingsError, match="GATEWAY_KEY_PEPPER_FILE"):
        settings().pepper()
    with pytest.raises(SettingsError, match="GATEWAY_CONFIG_PATH"):
        settings().catalogue_path()


def test_optional_secrets_may_be_absent() -> None:
    assert settings().bootstrap_key() is None
    assert settings().admin_key() is None


def test_origins_of_web_pages_are_checked_when_they_are_read() -> None:
    named = settings(cors_origins="https://a.example, http://localhost:3000,tauri://localhost,*")

    assert named.allowed_origins() == [
        "https://a.example",
        "http://localhost:3000",
        "tauri://localhost",
        "*",
    ]
    assert settings().allowed_origins() == []


@pytest.mark.parametrize("origin", ["example.com", "https://a.example/path", "https://", "**"])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        settings(cors_origins=origin)
