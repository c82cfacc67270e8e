"""One small valid configuration, and ways to load variations of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from catalogue.configuration import Catalogue, parse_catalogue
from catalogue.problems import ConfigurationError, Problem

MINIMAL = """\
version: 1
providers:
  local: {kind: openai-compatible, base_url: http://127.0.0.1:9/v1}
models:
  small: {provider: local}
  large: {provider: local}
"""
FILE = Path("conclave.yaml")


@pytest.fixture
def minimal() -> str:
    """A valid configuration of two models that ends at the top level."""
    return MINIMAL


@pytest.fixture
def load() -> Callable[[str], Catalogue]:
    return lambda text: parse_catalogue(text.encode(), FILE)


@pytest.fixture
def problems_of() -> Callable[[str], list[Problem]]:
    """What is wrong with a text, in the order of its lines; empty when nothing is."""

    def problems(text: str) -> list[Problem]:
        try:
            parse_catalogue(text.encode(), FILE)
        except ConfigurationError as error:
            return error.problems
        return []

    return problems
