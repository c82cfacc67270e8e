"""What every test of the workspace shares; the one conftest that reaches all packages."""

import functools

import pytest
from hypothesis import settings

from tests import requirements

pytest_plugins = ("tests.postgresql",)

# Two cores shared with other suites make any wall-clock limit per example a coin toss. The quick
# suite draws a few examples of each property; `make test-thorough` asks for the other profile.
settings.register_profile("conclave", deadline=None, print_blob=True, max_examples=30)
settings.register_profile("thorough", deadline=None, print_blob=True, max_examples=200)
settings.load_profile("conclave")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Fail the collection of a test that names a requirement nobody has written down."""
    for mark in metafunc.definition.iter_markers("requirement"):
        for name in mark.args or ("<none given>",):
            if name not in _known_requirements():
                pytest.fail(
                    f"{metafunc.definition.nodeid}: requirement {name!r} is in no module of "
                    "tests/requirement_entries/; add it there or correct the marker",
                    pytrace=False,
                )


@functools.cache
def _known_requirements() -> frozenset[str]:
    return frozenset(requirements.load())
