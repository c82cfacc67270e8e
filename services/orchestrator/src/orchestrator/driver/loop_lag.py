"""How late the event loop is: what every run waits for when any one of them stalls it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_INTERVAL_S = 0.2


class LoopLag:
    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe

    async def run(self) -> None:
        """Until cancelled."""
        time_s = asyncio.get_running_loop().time
        while True:
            due_s = time_s() + LOOK_INTERVAL_S
            await asyncio.sleep(LOOK_INTERVAL_S)
            self._observe(max(0.0, time_s() - due_s))
