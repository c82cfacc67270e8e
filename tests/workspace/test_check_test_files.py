"""Source files without tests are found, and exceptions stay honest."""

from pathlib import Path

import pytest
from check_test_files import problems, read_exceptions

SOURCE = "libs/wire/src/wire"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    touch(tmp_path, "libs/wire/pyproject.toml", '[project]\nname = "conclave-wire"\n')
    for name in ("__init__.py", "sse.py", "deep/ids.py"):
        touch(tmp_path, f"{SOURCE}/{name}")
    return tmp_path


def touch(root: Path, name: str, text: str = "") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.requirement("workspace:source-has-test-file")
def test_source_files_without_a_mirrored_test_file_are_named(checkout: Path) -> None:
    touch(checkout, "libs/wire/tests/test_ids.py")  # the wrong folder for deep/ids.py

    assert list(problems(checkout, set())) == [
        f"{SOURCE}/deep/ids.py: no test file for it",
        f"{SOURCE}/sse.py: no test file for it",
    ]


def test_a_test_file_may_show_one_side_of_its_source(checkout: Path) -> None:
    touch(checkout, "libs/wire/tests/test_sse_reader.py")
    touch(checkout, "libs/wire/tests/deep/test_ids.py")

    assert list(problems(checkout, set())) == []


@pytest.mark.requirement("workspace:source-has-test-file")
def test_an_exception_that_excuses_nothing_is_named(checkout: Path) -> None:
    touch(checkout, "libs/wire/tests/test_sse.py")

    found = list(problems(checkout, {f"{SOURCE}/deep/ids.py", f"{SOURCE}/sse.py", "gone.py"}))

    assert [line.split(": ")[1] for line in found] == [
        "gone.py does not exist; remove the line",
        f"{SOURCE}/sse.py has a test file now; remove the line",
    ]


@pytest.mark.requirement("workspace:source-has-test-file")
def test_an_exception_without_a_reason_is_a_complaint() -> None:
    excused, complaints = read_exceptions("# why\na.py: Structs only\nb.py:\n")

    assert excused == {"a.py", "b.py"}
    assert complaints == ["b.py: an exception needs a reason: `path: reason`"]
