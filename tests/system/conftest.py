"""One simulator and one platform for the whole suite."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.system import scenery
from tests.system.platform_process import Platform, platform
from tests.system.simulator_process import Simulator, simulator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything beside this file starts real processes."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def sim() -> Iterator[Simulator]:
    with simulator() as running:
        running.add_rules(*scenery.RULES)
        yield running


@pytest.fixture(scope="session")
def config_file(sim: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In a folder of its own: the services watch the folder."""
    file = tmp_path_factory.mktemp("configuration") / "conclave.yaml"
    file.write_text(scenery.configuration(sim.base_url))
    return file


@pytest.fixture(scope="session")
def running(config_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform that tests share. Who breaks one starts one of their own."""
    with platform(tmp_path_factory.mktemp("platform"), config=config_file) as started:
        yield started


@pytest.fixture(scope="session")
def client(running: Platform) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=running.base_url, api_key=running.api_key, max_retries=0, timeout=30
    ) as client:
        yield client


@pytest.fixture(params=["gpt-sim", "council"])
def model(request: pytest.FixtureRequest) -> str:
    """A plain model and a panel: the same must hold for both."""
    return str(request.param)


@pytest.fixture
def seen_before(sim: Simulator) -> int:
    """What the vendor recorded before this test has a sequence number up to this one."""
    sim.ended_calls(0)
    return sim.latest()
