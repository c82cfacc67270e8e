"""A simulator that listens: for the command line, and inside the tests of others."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from provider_sim.app import create_app
from provider_sim.prefix_cache import PrefixCache
from provider_sim.recorder import Clocks, Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from provider_sim.settings import Settings


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL."""
        return f"{self.url}/v1"


def system_clocks() -> Clocks:
    """Monotonic since boot, so that records of several processes compare."""
    return Clocks(time.monotonic, lambda: datetime.now(UTC).timestamp())


@asynccontextmanager
async def running(settings: Settings) -> AsyncGenerator[RunningSimulator]:
    """Listen until the block ends; then close every connection within the shutdown grace."""
    clocks = system_clocks()
    recorder = Recorder(settings.keep_records, clocks, keep_bodies=settings.keep_bodies)
    runner: web.AppRunner | None = None

    def connections() -> int:
        server = runner.server if runner is not None else None
        return len(server.connections) if server is not None else 0

    app = create_app(
        settings,
        recorder=recorder,
        cache=PrefixCache(settings.cache_blocks),
        clocks=clocks,
        connections=connections,
    )
    runner = web.AppRunner(
        app,
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=settings.shutdown_grace_s,
        keepalive_timeout=75,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, backlog=4096)
        await site.start()
        yield RunningSimulator(settings.host, runner.addresses[0][1])
    finally:
        await runner.cleanup()
