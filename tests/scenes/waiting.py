"""Waiting for what announces itself to nobody, never longer than five seconds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WAIT_S = 5.0
_LOOK_EVERY_S = 0.002


async def until(holds: Callable[[], bool], *, within_s: float = WAIT_S) -> None:
    """Return as soon as it holds; TimeoutError if it does not in time."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - nothing to wait on
            await asyncio.sleep(_LOOK_EVERY_S)


async def until_async(holds: Callable[[], Awaitable[bool]], *, within_s: float = WAIT_S) -> None:
    """The same for what has to be asked."""
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110 - nothing to wait on
            await asyncio.sleep(_LOOK_EVERY_S)
