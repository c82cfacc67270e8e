"""A model client on a real session, without latency of its own: retries wait no time."""

from collections.abc import AsyncGenerator

import aiohttp
import pytest

from model_providers.registry import ModelClient
from model_providers.testing import MonotonicClock, RecordingObserver
from provider_sim.testing import SimulatorClient, running_client


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver()


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        yield session


@pytest.fixture
def delays_s() -> list[float]:
    """What the client waited between attempts."""
    return []


@pytest.fixture
def client(
    session: aiohttp.ClientSession, observer: RecordingObserver, delays_s: list[float]
) -> ModelClient:
    async def note_delay(delay_s: float) -> None:
        delays_s.append(delay_s)

    return ModelClient(
        session,
        clock=MonotonicClock(),
        secrets=lambda provider: f"key-of-{provider.name}",
        observer=observer,
        sleep=note_delay,
        random_unit=lambda: 1.0,
    )


@pytest.fixture
async def sim() -> AsyncGenerator[SimulatorClient]:
    async with running_client() as client:
        yield client
