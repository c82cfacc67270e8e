"""The way into a process: an event loop, and start-up errors as one line instead of a traceback."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import uvloop

from service_kit.lifecycle import BackgroundFailedError, StartupError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EXIT_CANNOT_START = 2
EXIT_BACKGROUND_FAILED = 1


def run(service: str, main: Callable[[], Awaitable[None]]) -> int:
    """Run `main` to its end and return the exit code; give it to `sys.exit`.

    0 after an orderly stop, 2 when the process could not start (the reason is on standard error),
    1 when a background task died.
    """

    async def whole() -> None:
        await main()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(whole())
    except StartupError as error:
        sys.stderr.write(f"{service}: {error}\n")
        return EXIT_CANNOT_START
    except BackgroundFailedError as error:
        sys.stderr.write(f"{service}: {error}\n")
        return EXIT_BACKGROUND_FAILED
    return 0
