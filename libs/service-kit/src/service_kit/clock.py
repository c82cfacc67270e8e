"""Time as an argument: what measures or stamps gets a `Clock`, never the `time` module."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def monotonic_s(self) -> float:
        """For durations and deadlines; starts anywhere, never jumps."""
        ...

    def unix_s(self) -> float:
        """For stamps that people and other machines read; may jump."""
        ...


class SystemClock:
    def monotonic_s(self) -> float:
        return time.monotonic()

    def unix_s(self) -> float:
        return time.time()  # noqa: TID251 - this is the clock that gets injected
