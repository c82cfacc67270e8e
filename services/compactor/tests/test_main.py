"""`python -m compactor`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from compactor.__main__ import main


def test_an_unknown_command_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["fly"])


def test_a_process_without_a_token_says_what_to_set_and_stops() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "compactor"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={},
    )

    assert done.returncode == 2
    assert "COMPACTOR_INSTALLATION_TOKEN_FILE" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_idle_process_has_not_loaded_the_vendors_sdk() -> None:
    program = "import sys, compactor.app; print('openai' in sys.modules)"

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout.strip() == "False"
