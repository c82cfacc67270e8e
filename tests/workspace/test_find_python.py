"""Which interpreter carries Conclave, and what a person without one is told."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "find-python.sh"

GOOD = "exit 0"
TOO_OLD = 'case "$1" in -V) echo "Python 3.9.2" ;; *) exit 1 ;; esac'
NO_VENV = """case "$*" in
  -V) echo "Python 3.11.2" ;;
  *ensurepip*) exit 1 ;;
esac"""


def install(folder: Path, **programs: str) -> None:
    for name, body in programs.items():
        program = folder / name.replace("_", ".")
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)


def find(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  our own script, fixed arguments
        ["/bin/sh", str(SCRIPT)],
        env={"PATH": str(folder), **environment},
        text=True,
        capture_output=True,
        check=False,
        timeout=5,
    )


def test_python3_is_taken_when_it_is_new_enough(tmp_path: Path) -> None:
    install(tmp_path, python3=GOOD, python3_13=GOOD)

    assert find(tmp_path).stdout.strip() == str(tmp_path / "python3")


def test_an_old_python3_gives_way_to_the_newest_other_one(tmp_path: Path) -> None:
    install(tmp_path, python3=TOO_OLD, python3_12=GOOD, python3_11=GOOD)

    assert find(tmp_path).stdout.strip() == str(tmp_path / "python3.12")


@pytest.mark.requirement("workspace:python-named")
def test_too_old_a_python_is_named_with_the_remedy(tmp_path: Path) -> None:
    install(tmp_path, python3=TOO_OLD)

    result = find(tmp_path)

    assert result.returncode == 1
    assert "Python 3.9.2" in result.stderr
    assert "apt install python3 python3-venv" in result.stderr
    assert "PYTHON=" in result.stderr


@pytest.mark.requirement("workspace:python-named")
def test_a_missing_venv_module_is_named_with_the_remedy(tmp_path: Path) -> None:
    install(tmp_path, python3=NO_VENV)

    result = find(tmp_path)

    assert result.returncode == 1
    assert "no venv module" in result.stderr
    assert "apt install python3-venv" in result.stderr


def test_the_callers_choice_wins_over_python3(tmp_path: Path) -> None:
    install(tmp_path, python3=GOOD, mine=GOOD)

    result = find(tmp_path, PYTHON=str(tmp_path / "mine"))

    assert result.stdout.strip() == str(tmp_path / "mine")


def test_a_choice_that_is_too_old_is_refused_and_not_replaced(tmp_path: Path) -> None:
    install(tmp_path, python3=GOOD, mine=TOO_OLD)

    result = find(tmp_path, PYTHON=str(tmp_path / "mine"))

    assert result.returncode == 1
    assert "needs Python 3.11 or newer" in result.stderr
