"""Progress lines, at most four a second: what comes faster is joined, nothing is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wire.coordination import RunProgress

if TYPE_CHECKING:
    from orchestrator.coordination.commands import Report
    from orchestrator.driver.output import RunOutput
    from service_kit.clock import Clock

MIN_SPACING_S = 0.25


class ProgressFeed:
    def __init__(self, output: RunOutput, clock: Clock) -> None:
        self._output = output
        self._clock = clock
        self._last_s = float("-inf")
        self._held: list[Report] = []
        self._timer: asyncio.TimerHandle | None = None

    def say(self, report: Report) -> None:
        """Now, or together with others as soon as the spacing allows."""
        self._held.append(report)
        wait_s = self._last_s + MIN_SPACING_S - self._clock.monotonic_s()
        if wait_s <= 0:
            self._push()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._push)

    def finish(self) -> None:
        """Before the answer begins: say what is held, and nothing later."""
        if self._held:
            self._push()
        self._stop_timer()

    def _push(self) -> None:
        self._stop_timer()
        if not self._held:
            return
        lines, self._held = self._held, []
        self._last_s = self._clock.monotonic_s()
        agents = {line.agent_id for line in lines}
        self._output.push(
            RunProgress(
                "\n".join(line.text for line in lines),
                lines[-1].kind,
                agents.pop() if len(agents) == 1 else None,
            )
        )

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
