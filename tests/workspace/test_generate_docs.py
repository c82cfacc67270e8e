"""The configuration page is made from what the code says, and drift fails."""

import sys
from pathlib import Path

import generate_docs
import pytest
from generate_docs import document, find_settings, main
from workspace import Package

SETTINGS = """
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Base(BaseSettings):
    shared: int = 1


class OvenSettings(Base, env_prefix="OVEN_"):
    heat_s: float = Field(default=2, gt=0, description="How long it heats.", examples=[3])
    key: SecretStr | None = Field(default=None, validation_alias="BAKER_KEY", description="A key.")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    source = tmp_path / "services" / "oven" / "src" / "oven_for_docs"
    source.mkdir(parents=True)
    (source / "__init__.py").touch()
    (source / "settings.py").write_text(SETTINGS)
    monkeypatch.setattr(sys, "path", [str(source.parent), *sys.path])
    monkeypatch.setattr(generate_docs, "ROOT", tmp_path)
    monkeypatch.delitem(sys.modules, "oven_for_docs", raising=False)
    monkeypatch.delitem(sys.modules, "oven_for_docs.settings", raising=False)
    return Package(tmp_path / "services" / "oven", "conclave-oven", ())


@pytest.mark.requirement("catalogue:documented")
def test_each_setting_is_documented_by_its_variable(package: Package) -> None:
    page = document([package], "version: 1\n").splitlines()

    assert "### services/oven" in page
    assert "| `OVEN_SHARED` | whole number | `1` |  |  |  | `1` |" in page
    assert "| `OVEN_HEAT_S` | number | `2` | s | > 0 | How long it heats. | `3` |" in page
    assert "| `BAKER_KEY` | text, secret | none |  |  | A key. |  |" in page


def test_a_base_class_without_a_prefix_is_not_a_section(package: Package) -> None:
    assert [kind.__name__ for kind in find_settings(package)] == ["OvenSettings"]


def test_a_package_without_settings_has_no_section(package: Package) -> None:
    (package.source / "settings.py").unlink()

    assert find_settings(package) == []


@pytest.mark.requirement("catalogue:documented")
def test_the_check_fails_on_drift_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "configuration.md"
    monkeypatch.setattr(generate_docs, "ROOT", tmp_path)
    monkeypatch.setattr(generate_docs, "OUTPUT", page)
    monkeypatch.setattr(generate_docs, "packages", list[Package])
    monkeypatch.setattr(sys, "argv", ["generate_docs.py"])
    assert main() == 0
    written = page.read_text()

    monkeypatch.setattr(sys, "argv", ["generate_docs.py", "--check"])
    unchanged = main()
    page.write_text("something else")
    drifted = main()

    assert (unchanged, drifted) == (0, 1)
    assert "## Example" in written
    assert page.read_text() == "something else"
    assert "is out of date; run:" in capsys.readouterr().err
