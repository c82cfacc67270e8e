"""`conclave status`: what the probes of this machine's services say."""

from __future__ import annotations

import asyncio
import sys

from conclave_cli import exit_codes
from conclave_cli.health import Readiness, ReadinessProbe, new_probe_session
from conclave_cli.ports import LOOPBACK, PortBlock
from conclave_cli.settings import load_settings


def show_status() -> int:
    """Print a line for each service; the exit status."""
    block = PortBlock(load_settings().port)
    found = asyncio.run(ask_all(probe_urls(block)))
    width = max(len(name) for name in found)
    for name, readiness in found.items():
        state = "ready" if readiness.ready else f"not ready: {readiness.detail}"
        sys.stdout.write(f"{name:<{width}}  {state}\n")
    ready = all(readiness.ready for readiness in found.values())
    return exit_codes.OK if ready else exit_codes.FAILED


def probe_urls(block: PortBlock) -> dict[str, str]:
    """Each service's readiness probe."""
    ports = {
        "gateway": block.gateway_metrics,
        "orchestrator": block.orchestrator_metrics,
        "compactor": block.compactor_metrics,
    }
    return {name: f"http://{LOOPBACK}:{port}/readyz" for name, port in ports.items()}


async def ask_all(urls: dict[str, str]) -> dict[str, Readiness]:
    """Ask all of them at once."""
    async with new_probe_session() as session:
        probe = ReadinessProbe(session)
        answers = await asyncio.gather(*(probe.ask(url) for url in urls.values()))
    return dict(zip(urls, answers, strict=True))
