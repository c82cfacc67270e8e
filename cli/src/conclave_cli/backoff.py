"""How long a crashed service waits before its next start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Doubles from `first_s` to `longest_s`; a service that lived `stable_s` starts afresh."""

    first_s: float = 0.5
    longest_s: float = 30.0
    stable_s: float = 60.0
    _crashes: int = 0

    def next_delay_s(self, lived_s: float) -> float:
        """The delay after a crash of a process that ran for `lived_s`."""
        self._crashes = 1 if lived_s >= self.stable_s else self._crashes + 1
        doublings = min(self._crashes - 1, 32)  # 2**32 is beyond every bound already
        return min(self.longest_s, self.first_s * 2**doublings)
