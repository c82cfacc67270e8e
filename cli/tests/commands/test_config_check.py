from pathlib import Path

import pytest

from catalogue import render_embedded
from conclave_cli import exit_codes
from conclave_cli.commands.config_check import check_config


@pytest.mark.requirement("cli:config-check")
def test_a_right_file_passes_and_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "conclave.yaml"
    file.write_text(render_embedded("sim", SIM_BASE_URL="http://127.0.0.1:1/v1"))

    assert check_config(file) == exit_codes.OK
    assert "right; 1 providers, 2 models, 1 panels" in capsys.readouterr().out


@pytest.mark.requirement("cli:config-check")
def test_every_problem_stands_at_its_place_with_its_fix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "conclave.yaml"
    text = render_embedded("sim", SIM_BASE_URL="http://127.0.0.1:1/v1")
    file.write_text(text.replace("provider: sim", "provider: smi").replace("aliases:", "alias:"))

    status = check_config(file)

    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert status == exit_codes.FAILED
    assert all(line.startswith(f"{file}:") for line in lines)
    assert any("models.sim.provider" in line for line in lines)
    assert any("aliases" in line and "alias" in line for line in lines)
    assert f"{len(lines)} problems" in printed.err


def test_an_unset_key_is_a_warning_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    file = tmp_path / "conclave.yaml"
    file.write_text(render_embedded("openai"))

    assert check_config(file) == exit_codes.OK
    assert "OPENAI_API_KEY" in capsys.readouterr().out
