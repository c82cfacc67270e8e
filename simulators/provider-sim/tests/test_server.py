"""A listening simulator inside the process of its user."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp

from provider_sim.server import running
from provider_sim.settings import Settings
from provider_sim.testing import client_of

if TYPE_CHECKING:
    from provider_sim.json_types import JsonObject


async def test_a_free_port_is_taken_and_given_back() -> None:
    async with running(Settings(port=0)) as first, running(Settings(port=0)) as second:
        assert first.port != second.port
        assert first.base_url == f"http://127.0.0.1:{first.port}/v1"

    async with running(Settings(port=first.port)) as again:
        assert again.port == first.port


async def test_stopping_ends_open_exchanges_within_a_second() -> None:
    body: JsonObject = {"model": "sim@hang", "messages": [{"role": "user", "content": "x"}]}
    loop = asyncio.get_running_loop()

    async with asyncio.timeout(5), AsyncExitStack() as server:
        simulator = await server.enter_async_context(running(Settings(port=0)))
        async with client_of(simulator.url) as sim:
            asked = sim.text("/v1/chat/completions", body)
            hanging = asyncio.gather(asked, return_exceptions=True)
            await sim.count("active")
            started_s = loop.time()
            await server.aclose()
            took_s = loop.time() - started_s
            (ended,) = await hanging

    assert isinstance(ended, aiohttp.ClientError)
    assert took_s < 1
