"""How long each model's calls take lately: what a straggler is measured against."""

from __future__ import annotations

from collections import deque
from typing import Literal

CallKind = Literal["answer", "ballot"]

WINDOW = 64  # calls; enough for a p95, short enough to follow a model's day
MIN_SAMPLES = 8  # fewer say nothing about a tail
MAX_MODELS = 1024
STEADY_SHARE = 1.5  # of the median


class Latencies:
    """Rolling durations by model and kind of call, of this process."""

    def __init__(self) -> None:
        self._durations_ms: dict[tuple[str, CallKind], deque[int]] = {}

    def add(self, model: str, kind: CallKind, duration_ms: int) -> None:
        """Also of calls that were cut: they took at least this long."""
        window = self._durations_ms.get((model, kind))
        if window is None:
            if len(self._durations_ms) >= MAX_MODELS:
                self._durations_ms.pop(next(iter(self._durations_ms)))
            window = self._durations_ms[model, kind] = deque(maxlen=WINDOW)
        window.append(duration_ms)

    def p95_ms(self, model: str, kind: CallKind) -> int | None:
        """None while too few calls are known.

        Well above the median in any case: one call in twenty of a steady model is late by a
        little, and that makes it no straggler.
        """
        window = self._durations_ms.get((model, kind))
        if window is None or len(window) < MIN_SAMPLES:
            return None
        ordered = sorted(window)
        p95_ms = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
        return max(p95_ms, int(ordered[len(ordered) // 2] * STEADY_SHARE))
