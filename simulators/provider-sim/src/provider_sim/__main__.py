"""`provider-sim`: listen until interrupted."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import uvloop

from provider_sim.server import running
from provider_sim.settings import Settings, parse_settings

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Listen until SIGINT or SIGTERM; 1 when the port cannot be had."""
    settings = parse_settings(arguments)
    try:
        uvloop.run(_serve(settings))
    except OSError as error:
        sys.stderr.write(
            f"provider-sim: cannot listen on {settings.host}:{settings.port}: {error.strerror}. "
            "Choose another --port, or 0 for a free one.\n"
        )
        return 1
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as simulator:
        sys.stdout.write(f"provider-sim: listening, base URL {simulator.base_url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
