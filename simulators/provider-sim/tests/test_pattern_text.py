"""Texts for `pattern`."""

import re

import pytest

from provider_sim.pattern_text import text_matching
from provider_sim.stable_hash import seeded


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z]{3}-\d{4}$",
        r"^(red|green|blue)$",
        r"^#[0-9a-f]{6}$",
        r"^\w+@\w+\.com$",
        r"^a?b*c+$",
        r"^(?:ab){2,3}x$",
        r"^[^0-9]{2}$",
        r"^v\d+(\.\d+){0,2}$",
        r"x",
        r"^$",
    ],
)
def test_the_text_matches(pattern: str) -> None:
    for seed in range(20):
        assert re.search(pattern, text_matching(pattern, seeded(seed)))


@pytest.mark.parametrize("pattern", [r"(?=x)y", "(", "["])
def test_a_pattern_beyond_it_gets_plain_text(pattern: str) -> None:
    assert text_matching(pattern, seeded(1)) == "text"
