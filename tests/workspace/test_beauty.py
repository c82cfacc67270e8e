"""The size report counts what it says it counts."""

import ast

import pytest
from beauty import Sizes, is_broad


def test_percentiles_are_of_the_sorted_lengths() -> None:
    sizes = Sizes(lengths=[9, 1, 5])

    assert [sizes.percentile(share) for share in (0, 0.5, 0.99, 1)] == [1, 5, 9, 9]


@pytest.mark.parametrize(
    ("clause", "broad"),
    [
        ("except:", True),
        ("except Exception:", True),
        ("except (ValueError, BaseException):", True),
        ("except ValueError:", False),
        ("except asyncio.TimeoutError:", False),
    ],
)
def test_only_excepts_that_catch_everything_are_broad(clause: str, *, broad: bool) -> None:
    tree = ast.parse(f"try:\n    pass\n{clause}\n    pass\n")
    (handler,) = (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler))

    assert is_broad(handler.type) is broad
