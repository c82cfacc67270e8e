"""What an operator can set."""

from __future__ import annotations

from pathlib import Path

import pytest

from compactor.settings import CompactorSettings
from service_kit.settings import SettingsError, load_settings


def test_variables_are_read_with_their_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPACTOR_SEALING_KEYS_FILE", "/run/secrets/keys")
    monkeypatch.setenv("COMPACTOR_SUMMARY_TIMEOUT_S", "12.5")

    settings = load_settings(CompactorSettings)

    assert settings.sealing_keys_file == Path("/run/secrets/keys")
    assert settings.summary_timeout_s == 12.5
    assert settings.port == 8020


def test_a_bad_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPACTOR_BLOB_TTL_S", "-1")

    with pytest.raises(SettingsError, match="COMPACTOR_BLOB_TTL_S"):
        load_settings(CompactorSettings)


def test_provider_keys_are_looked_up_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "s")

    assert CompactorSettings().environment()["SOME_KEY"] == "s"
