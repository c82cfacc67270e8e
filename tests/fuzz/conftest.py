"""One platform for the suite, with the embedded configuration and its simulator."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.system.platform_process import Platform, platform


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything beside this file is slow by design."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.fuzz)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with platform(tmp_path_factory.mktemp("fuzzed")) as started:
        yield started


@pytest.fixture(scope="session")
def client(running: Platform) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=running.base_url, api_key=running.api_key, max_retries=0, timeout=30
    ) as client:
        yield client
