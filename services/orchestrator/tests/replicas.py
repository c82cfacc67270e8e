"""A second orchestrator on the same database, as a process that can be killed.

It is forked off a process that has everything imported: starting anew takes a second each time.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from conclave_cli.settings import inherited_environment
from service_kit.clock import SystemClock
from service_kit.internal_client import InternalClient
from services.orchestrator.tests.replica_process import serve
from services.orchestrator.tests.running import TOKEN, Orchestrator
from tests.scenes.waiting import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from multiprocessing.context import ForkServerProcess

START_TIMEOUT_S = 20.0
END_TIMEOUT_S = 10.0
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["__main__", serve.__module__])


@dataclass
class Replica:
    """The process, and who talks to it."""

    process: ForkServerProcess
    client: InternalClient

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        await self._gone(-signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, and wait until it is gone."""
        self.process.terminate()
        await self._gone(0)

    async def _gone(self, exit_code: int) -> None:
        await asyncio.to_thread(self.process.join, END_TIMEOUT_S)
        assert self.process.exitcode == exit_code


@asynccontextmanager
async def replica(beside: Orchestrator, *, lease_s: float = 15.0) -> AsyncGenerator[Replica]:
    """Ready, and gone afterwards whatever happens."""
    port, metrics_port = _free_port(), _free_port()
    environment = {
        **inherited_environment(),
        "ORCHESTRATOR_PORT": str(port),
        "ORCHESTRATOR_METRICS_PORT": str(metrics_port),
        "ORCHESTRATOR_DATABASE_URL": f"sqlite:///{beside.database}",
        "ORCHESTRATOR_INSTALLATION_TOKEN": TOKEN,
        "ORCHESTRATOR_LEASE_S": str(lease_s),
        "ORCHESTRATOR_SHUTDOWN_GRACE_S": "0.2",
    }
    process = _FORKS.Process(target=serve, args=(environment,), daemon=True)
    process.start()
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
        process.kill()
        await asyncio.to_thread(process.join, END_TIMEOUT_S)
        process.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
