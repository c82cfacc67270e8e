"""A simulator per test, without latency, and the official SDKs pointed at it."""

from collections.abc import AsyncGenerator

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from provider_sim.testing import SimulatorClient, running_client


@pytest.fixture
async def sim() -> AsyncGenerator[SimulatorClient]:
    async with running_client() as client:
        yield client


@pytest.fixture
async def sdk(sim: SimulatorClient) -> AsyncGenerator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=sim.base_url, api_key="k", max_retries=0) as client:
        yield client


@pytest.fixture
async def claude(sim: SimulatorClient) -> AsyncGenerator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=sim.url, api_key="k", max_retries=0) as client:
        yield client
