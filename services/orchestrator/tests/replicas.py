"""A second orchestrator on the same database, as a process that can be killed."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from conclave_cli.settings import inherited_environment
from service_kit.clock import SystemClock
from service_kit.internal_client import InternalClient
from services.orchestrator.tests.running import TOKEN, Orchestrator
from tests.scenes.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

START_TIMEOUT_S = 20.0


@dataclass
class Replica:
    """`python -m orchestrator`."""

    process: asyncio.subprocess.Process
    client: InternalClient

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, and wait until it is gone."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        async with asyncio.timeout(10):
            await self.process.wait()


@asynccontextmanager
async def replica(beside: Orchestrator, *, lease_s: float = 15.0) -> AsyncGenerator[Replica]:
    """Ready, and gone afterwards whatever happens."""
    port, metrics_port = _free_port(), _free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator",
        env={
            **inherited_environment(),
            "ORCHESTRATOR_PORT": str(port),
            "ORCHESTRATOR_METRICS_PORT": str(metrics_port),
            "ORCHESTRATOR_DATABASE_URL": f"sqlite:///{beside.database}",
            "ORCHESTRATOR_INSTALLATION_TOKEN": TOKEN,
            "ORCHESTRATOR_LEASE_S": str(lease_s),
            "ORCHESTRATOR_SHUTDOWN_GRACE_S": "0.2",
        },
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as session:
            ready_url = f"http://127.0.0.1:{metrics_port}/readyz"

            async def is_ready() -> bool:
                try:
                    async with session.get(ready_url) as response:
                        return response.status == 200
                except aiohttp.ClientError:
                    return False

            await until_async(is_ready, within_s=START_TIMEOUT_S)
            url = f"http://127.0.0.1:{port}"
            yield Replica(process, InternalClient(url, TOKEN, session, SystemClock()))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
