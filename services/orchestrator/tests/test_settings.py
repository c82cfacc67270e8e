import pytest

from orchestrator.settings import OrchestratorSettings
from service_kit.settings import SettingsError, load_settings


def test_every_setting_is_described() -> None:
    for name, field in OrchestratorSettings.model_fields.items():
        assert field.description, name


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_MAX_CONCURRENT_RUNS", "7")
    monkeypatch.setenv("PROVIDER_KEY", "sk")

    settings = load_settings(OrchestratorSettings)

    assert settings.max_concurrent_runs == 7
    assert settings.environment()["PROVIDER_KEY"] == "sk"


def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_RETENTION_DAYS", "-1")

    with pytest.raises(SettingsError, match="ORCHESTRATOR_RETENTION_DAYS"):
        load_settings(OrchestratorSettings)
