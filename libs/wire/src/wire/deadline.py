"""The time a request has left, carried from hop to hop as milliseconds.

Clocks of two machines never meet: the header says how much is *left*, and each process measures
from when it read it. Time is an argument here; callers pass their monotonic clock's seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

DEADLINE_HEADER = "x-conclave-deadline-ms"


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on this process's monotonic clock, in seconds."""

    expires_at_s: float

    @classmethod
    def after(cls, timeout_s: float, *, now_s: float) -> Deadline:
        return cls(now_s + timeout_s)

    @classmethod
    def from_header(cls, value: str | None, *, default_s: float, now_s: float) -> Deadline:
        """Read the header; absent, malformed or longer than `default_s` means `default_s`."""
        try:
            left_s = int(value) / 1000 if value is not None else default_s
        except ValueError:
            left_s = default_s
        return cls(now_s + max(0.0, min(left_s, default_s)))

    def left_s(self, *, now_s: float) -> float:
        return max(0.0, self.expires_at_s - now_s)

    def header_value(self, *, now_s: float) -> str:
        return str(int(self.left_s(now_s=now_s) * 1000))

    def earlier(self, timeout_s: float, *, now_s: float) -> Deadline:
        """The sooner of this deadline and `timeout_s` from now."""
        return Deadline(min(self.expires_at_s, now_s + timeout_s))
