"""The manifest refuses to contradict itself, and tests that name what is not in it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirements import Requirement, RequirementError, collect, load

ROOT = Path(__file__).parents[2]


def test_the_manifest_of_this_checkout_loads() -> None:
    assert "workspace:requirements-known" in load()


@pytest.mark.requirement("workspace:requirements-known")
def test_an_id_in_two_parts_is_an_error_that_names_both() -> None:
    twice = [Requirement("a:b", "page", "It does.")]

    with pytest.raises(RequirementError, match="'a:b' is in both one and two"):
        collect([("one", twice), ("two", twice)])


@pytest.mark.parametrize("entry", [Requirement("", "p", "s."), Requirement("a:b", "p", "")])
def test_an_entry_with_an_empty_field_is_an_error(entry: Requirement) -> None:
    with pytest.raises(RequirementError, match="leaves a field empty"):
        collect([("one", [entry])])


@pytest.fixture
def small_checkout(tmp_path: Path) -> Path:
    """The manifest's own files, what the conftest loads, and nothing to collect yet."""
    shutil.copy(ROOT / "conftest.py", tmp_path)
    shutil.copy(ROOT / "scripts" / "postgresql_programs.py", tmp_path)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\npythonpath = .\naddopts = --import-mode=importlib -p no:cacheprovider\n"
        "markers =\n    requirement(id): its requirement\n    postgres: needs a server\n"
    )
    entries = tmp_path / "tests" / "requirement_entries"
    entries.mkdir(parents=True)
    for name in (
        "__init__.py",
        "postgresql.py",
        "requirements.py",
        "requirement_entries/__init__.py",
    ):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests" / name)
    (entries / "here.py").write_text(
        "from tests.requirements import Requirement\n"
        'ENTRIES = [Requirement("known:thing", "page", "It does.")]\n'
    )
    return tmp_path


def run_with_marker(checkout: Path, name: str) -> subprocess.CompletedProcess[str]:
    (checkout / "test_it.py").write_text(
        f"import pytest\n@pytest.mark.requirement({name!r})\ndef test_it(): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:locust", "test_it.py"]
    return subprocess.run(  # noqa: S603  our own script, fixed arguments
        command, cwd=checkout, text=True, capture_output=True, check=False, timeout=30
    )


@pytest.mark.slow
@pytest.mark.requirement("workspace:requirements-known")
def test_a_marker_with_an_unknown_id_fails_the_collection(small_checkout: Path) -> None:
    result = run_with_marker(small_checkout, "unknown:thing")

    assert result.returncode == pytest.ExitCode.INTERRUPTED
    assert "requirement 'unknown:thing' is in no module" in result.stdout


@pytest.mark.slow
def test_a_marker_with_a_known_id_is_collected(small_checkout: Path) -> None:
    result = run_with_marker(small_checkout, "known:thing")

    assert "1 passed" in result.stdout
