"""Requirements without tests, and gaps that are closed, are found."""

import pytest
from check_requirements import problems, requirement_ids

from tests.requirements import Requirement

PROMISE = Requirement("a:b", "page", "It does.")
GAP = Requirement("a:gap", "page", "It will.", known_gap="needs a cluster")


def test_ids_are_read_from_markers_however_they_are_written() -> None:
    source = """
pytestmark = pytest.mark.requirement("module:wide")
@requirement("plain:name")
def test_a(): pass
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.requirement("one:case"))])
def test_b(x): pass
"""

    assert sorted(requirement_ids(source)) == ["module:wide", "one:case", "plain:name"]


@pytest.mark.requirement("workspace:requirements-shown")
def test_a_requirement_without_a_test_is_a_problem() -> None:
    (found,) = problems({"a:b": PROMISE}, shown={})

    assert "'a:b' has no test" in found


def test_a_known_gap_needs_no_test() -> None:
    assert list(problems({"a:gap": GAP}, shown={})) == []


@pytest.mark.requirement("workspace:requirements-shown")
def test_a_known_gap_that_a_test_shows_is_a_problem() -> None:
    (found,) = problems({"a:gap": GAP}, shown={"a:gap": "tests/test_a.py"})

    assert "remove known_gap" in found


def test_a_test_of_an_unwritten_requirement_is_a_problem() -> None:
    (found,) = problems({}, shown={"x:y": "tests/test_a.py"})

    assert found.startswith("tests/test_a.py: requirement 'x:y'")
