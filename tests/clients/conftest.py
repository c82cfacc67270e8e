"""One platform as `make run` gives it; each client installed once and run in a home of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.installation import Client, NotInstallableError, install
from tests.clients.scratch import Scratch
from tests.system.platform_process import Platform, platform

# An installation may come before the test, within its own limit.
_TEST_TIMEOUT_S = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything beside this file starts real processes and may need a network."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.clients)
            item.add_marker(pytest.mark.timeout(_TEST_TIMEOUT_S))


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The embedded configuration: what a user has after the first `make run`."""
    with platform(tmp_path_factory.mktemp("platform")) as started:
        yield started


@pytest.fixture
def scratch(running: Platform, tmp_path: Path) -> Scratch:
    prepared = Scratch(tmp_path, running.base_url, running.api_key)
    prepared.prepare()
    return prepared


@pytest.fixture(params=["gpt-sim", "council"])
def model(request: pytest.FixtureRequest) -> str:
    """A plain model and a panel: clients must not see a difference."""
    return str(request.param)


@pytest.fixture
def installed() -> Callable[[Client], Client]:
    """Skips the test, saying why, where the client cannot be installed."""

    def ready(client: Client) -> Client:
        try:
            install(client)
        except NotInstallableError as error:
            pytest.skip(str(error))
        return client

    return ready
