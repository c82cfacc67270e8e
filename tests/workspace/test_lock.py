"""Lock files that went stale, name an address or disagree are found offline."""

from pathlib import Path

import lock
import pytest

MANIFEST = '[project]\nname = "{name}"\ndependencies = {dependencies}\n'
PIN = "msgspec==0.19.0 \\\n    --hash=sha256:00\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A library, a service that needs it, and current locks."""
    write_manifest(tmp_path / "libs/wire", "conclave-wire", ["msgspec>=0.19"])
    write_manifest(tmp_path / "services/gate", "conclave-gate", ["conclave-wire"])
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/dev.in").write_text("# tools\nruff\n")
    for current in lock.locks(tmp_path):
        current.path.write_text(current.header + PIN)
    return tmp_path


def write_manifest(folder: Path, name: str, dependencies: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = MANIFEST.format(name=name, dependencies=dependencies)
    (folder / "pyproject.toml").write_text(text)


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_each_service_gets_a_lock_and_a_library_none(checkout: Path) -> None:
    names = [current.path.name for current in lock.locks(checkout)]

    assert names == ["dev.txt", "run.txt", "gate.txt"]


def test_current_locks_have_no_problem(checkout: Path) -> None:
    assert list(lock.problems(checkout)) == []


@pytest.mark.requirement("workspace:locks-current")
def test_a_new_dependency_of_a_library_makes_the_locks_above_it_stale(checkout: Path) -> None:
    write_manifest(checkout / "libs/wire", "conclave-wire", ["msgspec>=0.19", "orjson"])

    found = list(lock.problems(checkout))

    assert [line.split(":")[0] for line in found] == [
        "requirements/dev.txt",
        "requirements/run.txt",
        "requirements/gate.txt",
    ]
    assert all("make lock" in line for line in found)


@pytest.mark.requirement("workspace:locks-current")
def test_a_new_development_tool_makes_only_the_development_lock_stale(checkout: Path) -> None:
    append(checkout / "requirements/dev.in", "hypothesis\n")

    found = list(lock.problems(checkout))

    assert [line.split(":")[0] for line in found] == ["requirements/dev.txt"]


@pytest.mark.requirement("workspace:locks-current")
def test_a_missing_lock_and_one_without_an_owner_are_both_named(checkout: Path) -> None:
    (checkout / "requirements/run.txt").rename(checkout / "requirements/gone.txt")

    found = list(lock.problems(checkout))

    assert "requirements/gone.txt: no package has this name; run `make lock`" in found
    assert "requirements/run.txt: missing; run `make lock`" in found


@pytest.mark.requirement("workspace:locks-hold-no-address")
@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("--index-url internal\n", "names an index or an address"),
        ("--extra-index-url=internal\n", "names an index or an address"),
        ("--find-links wheels\n", "names an index or an address"),
        ("thing @ https://example.org/thing.whl\n", "names an index or an address"),
        ("thing==1.0\n", "no hash for thing==1.0"),
        ("conclave-wire==0.1.0 \\\n    --hash=sha256:00\n", "conclave-wire is ours"),
    ],
)
def test_an_address_a_bare_pin_or_one_of_ours_is_refused(
    checkout: Path, line: str, complaint: str
) -> None:
    append(checkout / "requirements/gate.txt", line)

    assert [problem for problem in lock.problems(checkout) if complaint in problem]


def test_two_locks_that_pin_different_versions_are_named(checkout: Path) -> None:
    gate = checkout / "requirements/gate.txt"
    gate.write_text(gate.read_text().replace("0.19.0", "0.20.0"))

    (found,) = lock.problems(checkout)

    assert "msgspec is pinned differently in two files" in found


@pytest.mark.requirement("workspace:locks-hold-no-address")
@pytest.mark.parametrize("place", ["uv.lock", "services/gate/uv.lock"])
def test_a_lock_of_another_tool_is_refused(checkout: Path, place: str) -> None:
    (checkout / place).write_text("")

    (found,) = lock.problems(checkout)

    assert found.startswith(f"{place}: ")
