"""A running compactor and a running vendor per test, on the event loop of production."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import uvloop

from provider_sim.testing import SimulatorClient, running_client
from services.compactor.tests.running import RunningCompactor, running_compactor

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


def pytest_asyncio_loop_factories() -> dict[str, object]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def compactor() -> AsyncGenerator[RunningCompactor]:
    async with running_compactor() as running:
        yield running


@pytest.fixture
async def vendor() -> AsyncGenerator[SimulatorClient]:
    async with running_client() as client:
        yield client
