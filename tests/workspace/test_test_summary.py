"""How suites end: passed, failed, or skipped with a reason that CI does not accept."""

from pathlib import Path

import pytest
from test_summary import SUITES, Suite, run_suite, without_program

ROOT = Path(__file__).parents[2]
MAKEFILE = """
good:
\t@echo "===== 3 passed, 1 skipped in 0.10s ====="; echo later
bad:
\t@echo "===== 1 failed, 2 passed in 0.20s ====="; exit 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").write_text(MAKEFILE)
    return tmp_path


def test_a_suite_that_passes_shows_pytests_closing_line(folder: Path) -> None:
    result = run_suite(Suite("good"), in_ci=False, root=folder)

    assert (result.outcome, result.detail) == ("passed", "3 passed, 1 skipped in 0.10s")


def test_a_suite_that_fails_is_a_failure_with_its_counts(folder: Path) -> None:
    result = run_suite(Suite("bad"), in_ci=False, root=folder)

    assert result.outcome == "FAILED"
    assert result.detail.startswith("1 failed, 2 passed in 0.20s  (exit ")


@pytest.mark.requirement("workspace:suites-closing-summary")
@pytest.mark.parametrize(("in_ci", "outcome"), [(False, "skipped"), (True, "FAILED")])
def test_a_missing_component_skips_here_and_fails_in_ci(
    folder: Path, *, in_ci: bool, outcome: str
) -> None:
    suite = Suite("good", missing=without_program("no-such-server"))

    result = run_suite(suite, in_ci=in_ci, root=folder)

    assert (result.outcome, result.detail) == (outcome, "not installed: no-such-server")


@pytest.mark.requirement("workspace:suites-closing-summary")
@pytest.mark.parametrize(("in_ci", "outcome"), [(False, "skipped"), (True, "passed")])
def test_a_slow_suite_runs_in_ci_and_elsewhere_names_its_command(
    folder: Path, *, in_ci: bool, outcome: str
) -> None:
    result = run_suite(Suite("good", ci_only=True), in_ci=in_ci, root=folder)

    assert result.outcome == outcome
    assert in_ci or "make good" in result.detail


def test_every_suite_is_a_target_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()

    assert [suite.target for suite in SUITES if f"\n{suite.target}:" not in makefile] == []
