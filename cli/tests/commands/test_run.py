import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue import render_embedded
from conclave_cli import exit_codes
from conclave_cli.__main__ import main
from conclave_cli.ports import HIGHEST_BASE
from conclave_cli.state_directory import StateDirectory


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateDirectory:
    for name in ("CONCLAVE_CONFIG", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CONCLAVE_STATE_DIR", str(tmp_path / "state"))
    return StateDirectory(tmp_path / "state")


@pytest.fixture
def taken_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
        if port > HIGHEST_BASE:
            pytest.skip(f"the system gave port {port}, above the highest base")
        listener.listen()
        monkeypatch.setenv("CONCLAVE_PORT", str(port))
        yield port


@pytest.mark.requirement("cli:port-taken")
def test_a_taken_port_ends_it_before_anything_has_started(
    state: StateDirectory, taken_port: int, capfd: pytest.CaptureFixture[str]
):
    status = main(["run"])

    said = capfd.readouterr()
    assert status == exit_codes.PORT_TAKEN
    assert f"127.0.0.1:{taken_port} (the public endpoint)" in said.err
    assert said.out == ""
    assert not list((state.root / "data").iterdir())


@pytest.mark.requirement("cli:one-run-per-state")
def test_a_second_run_is_refused(state: StateDirectory, capfd: pytest.CaptureFixture[str]):
    with state.locked():
        status = main(["run"])

    assert status == exit_codes.ALREADY_RUNNING
    assert "another `conclave run`" in capfd.readouterr().err


def test_a_bad_configuration_is_refused_with_place_and_fix(
    state: StateDirectory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    file = tmp_path / "conclave.yaml"
    text = render_embedded("sim", SIM_BASE_URL="http://127.0.0.1:1/v1")
    file.write_text(text.replace("provider: sim", "provider: smi"))
    monkeypatch.setenv("CONCLAVE_CONFIG", str(file))

    status = main(["run"])

    said = capfd.readouterr().err
    assert status == exit_codes.FAILED
    assert f"\n{file}:" in said
    assert "smi" in said
    assert not list((state.root / "data").iterdir())
