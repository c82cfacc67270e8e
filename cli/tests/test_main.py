from pathlib import Path

import pytest

from conclave_cli import exit_codes
from conclave_cli.__main__ import main


def test_an_error_is_one_message_and_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CONCLAVE_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("CONCLAVE_API_KEY", raising=False)

    status = main(["models"])

    assert status == exit_codes.FAILED
    assert capsys.readouterr().err.startswith("conclave: no API key:")


def test_a_wrong_variable_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CONCLAVE_PORT", "eighty")

    assert main(["status"]) == exit_codes.USAGE
    assert "conclave: CONCLAVE_PORT:" in capsys.readouterr().err
