import base64
import multiprocessing
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from conclave_cli.errors import AlreadyRunningError, StateDirectoryError
from conclave_cli.state_directory import StateDirectory, read_secret


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "state")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.requirement("cli:state-private")
def test_only_the_user_can_read_it(state: StateDirectory):
    state.prepare()

    secrets = [
        state.api_key_file, state.admin_key_file, state.installation_token_file, state.pepper_file
    ]  # fmt: skip
    assert mode(state.root) == 0o700
    assert [mode(path) for path in secrets] == [0o600] * 4
    assert len({read_secret(path) for path in secrets}) == 4


@pytest.mark.requirement("cli:state-kept")
def test_secrets_are_kept_over_starts(state: StateDirectory):
    state.prepare()
    first = read_secret(state.api_key_file)

    state.prepare()

    assert read_secret(state.api_key_file) == first


def test_the_compactor_gets_a_ring_of_one_key_that_is_kept(state: StateDirectory):
    state.prepare()
    first = read_secret(state.sealing_keys_file)

    state.prepare()

    key_id, key = first.split()
    assert (key_id, len(base64.b64decode(key, validate=True))) == ("k1", 32)
    assert read_secret(state.sealing_keys_file) == first
    assert mode(state.sealing_keys_file) == 0o600


def test_too_open_a_mode_is_mended(state: StateDirectory):
    state.prepare()
    state.api_key_file.chmod(0o644)

    state.prepare()

    assert mode(state.api_key_file) == 0o600


def test_a_file_emptied_by_a_full_disk_gets_a_new_secret(state: StateDirectory):
    state.prepare()
    state.pepper_file.write_text("")

    state.prepare()

    assert len(read_secret(state.pepper_file)) == 64


@pytest.mark.requirement("cli:one-run-per-state")
def test_a_second_run_on_the_same_directory_is_refused_by_process_id(state: StateDirectory):
    with state.locked(), pytest.raises(AlreadyRunningError) as refused, state.locked():
        pytest.fail("locked twice")

    assert f"process {multiprocessing.current_process().pid}" in refused.value.message
    assert "CONCLAVE_STATE_DIR=" in refused.value.message


def test_the_lock_goes_with_a_process_that_died(state: StateDirectory):
    script = (
        "import os, sys, pathlib; from conclave_cli.state_directory import StateDirectory\n"
        "with StateDirectory(pathlib.Path(sys.argv[1])).locked(): os._exit(9)"
    )
    died = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script, str(state.root)], check=False, timeout=30
    )

    with state.locked():
        assert died.returncode == 9


def test_a_place_that_cannot_be_written_is_named_with_the_remedy(tmp_path: Path):
    (tmp_path / "file").write_text("")
    state = StateDirectory(tmp_path / "file" / "state")

    with pytest.raises(StateDirectoryError, match=r"cannot keep state in .*CONCLAVE_STATE_DIR"):
        state.prepare()
    with pytest.raises(StateDirectoryError), state.locked():
        pytest.fail("locked a place that is no directory")


def test_the_rendered_configuration_is_replaced_whole(state: StateDirectory):
    state.prepare()
    state.write_config("version: 1\nold: true\n")

    path = state.write_config("version: 1\n")

    assert path.read_text() == "version: 1\n"
    assert [file.name for file in path.parent.iterdir()] == ["conclave.yaml"]


def test_databases_have_absolute_urls(state: StateDirectory):
    assert state.database_url("gateway") == (
        f"sqlite+aiosqlite:///{state.root}/data/gateway.sqlite3"
    )
