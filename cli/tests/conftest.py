"""Plans of small fake services, a console that keeps what it is told, ports that are free."""

import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from cli.tests.doubles import MakePlan, Screen
from conclave_cli.health import ReadinessProbe, new_probe_session
from conclave_cli.supervised_service import ServicePlan

FAKE_SERVICE = Path(__file__).with_name("fake_service.py")


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    screen.console.__enter__()
    yield screen
    screen.console.__exit__()


@pytest.fixture
def free_port() -> Callable[[], int]:
    def take() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return take


@pytest.fixture
def make_plan(free_port: Callable[[], int]) -> MakePlan:
    def make(
        name: str, *steps: str, migrate: tuple[str, ...] = (), needs: frozenset[str] = frozenset()
    ) -> ServicePlan:
        port = free_port()
        interpreter = (sys.executable, "-S", str(FAKE_SERVICE), str(port))
        return ServicePlan(
            name=name,
            arguments=(*interpreter, *steps),
            environment={"PATH": os.defpath},
            ready_url=f"http://127.0.0.1:{port}/readyz",
            migrate=(*interpreter, *migrate) if migrate else (),
            needs=needs,
        )

    return make


@pytest_asyncio.fixture
async def probe() -> AsyncIterator[ReadinessProbe]:
    async with new_probe_session() as session:
        yield ReadinessProbe(session, poll_s=0.01)
