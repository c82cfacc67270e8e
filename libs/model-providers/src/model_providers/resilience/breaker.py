"""A circuit per deployment: after many failures it opens, and single probes find out when to close.

Pure: time is an argument. It counts in two half-windows, so that keeping it costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["success", "failure", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """Opens when at least `min_failures`, and `failure_ratio` of all, failed within the window."""

    window_s: float = 30.0
    min_failures: int = 10
    failure_ratio: float = 0.5
    open_s: float = 5.0
    max_open_s: float = 60.0


@dataclass(slots=True)
class _Counts:
    started_at_s: float
    successes: int = 0
    failures: int = 0


class CircuitOpenError(Exception):
    """Not now; ask again in `retry_after_s`."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"circuit open for another {retry_after_s:g} s")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Permit:
    """One admitted call. A probe decides about the circuit, an ordinary call is counted."""

    is_probe: bool


_ORDINARY = Permit(is_probe=False)
_PROBE = Permit(is_probe=True)


class CircuitBreaker:
    """Closed, open, or half-open (one probe at a time).

    Every permit is settled exactly once.
    """

    def __init__(self, policy: BreakerPolicy, *, now_s: float) -> None:
        self._policy = policy
        self._current = _Counts(now_s)
        self._previous = _Counts(now_s)
        self._open_until_s: float | None = None
        self._open_s = policy.open_s
        self._probing = False

    @property
    def is_closed(self) -> bool:
        return self._open_until_s is None

    def admit(self, *, now_s: float) -> Permit:
        """Leave to make one call.

        Raises:
            CircuitOpenError: the deployment rests, or a probe is under way.
        """
        if self._open_until_s is None:
            return _ORDINARY
        left_s = self._open_until_s - now_s
        if left_s > 0:
            raise CircuitOpenError(left_s)
        if self._probing:
            raise CircuitOpenError(self._policy.open_s)
        self._probing = True
        return _PROBE

    def settle(self, permit: Permit, outcome: Outcome, *, now_s: float) -> None:
        """How an admitted call ended. `unknown`: cancelled, or no word on the vendor's health."""
        if permit.is_probe:
            self._settle_probe(outcome, now_s)
        elif self._open_until_s is None:
            self._count(outcome, now_s)
        # otherwise: a call from before the circuit opened; it tells nothing new

    def _count(self, outcome: Outcome, now_s: float) -> None:
        self._turn_window(now_s)
        if outcome == "success":
            self._current.successes += 1
        elif outcome == "failure":
            self._current.failures += 1
            if self._is_failing():
                self._open(now_s)

    def _turn_window(self, now_s: float) -> None:
        half_s = self._policy.window_s / 2
        age_s = now_s - self._current.started_at_s
        if age_s >= half_s:
            stale = age_s >= self._policy.window_s
            self._previous = _Counts(now_s) if stale else self._current
            self._current = _Counts(now_s)

    def _is_failing(self) -> bool:
        failures = self._previous.failures + self._current.failures
        total = failures + self._previous.successes + self._current.successes
        return (
            failures >= self._policy.min_failures and failures >= total * self._policy.failure_ratio
        )

    def _settle_probe(self, outcome: Outcome, now_s: float) -> None:
        self._probing = False
        if outcome == "success":
            self._open_until_s = None
            self._open_s = self._policy.open_s
            self._current = self._previous = _Counts(now_s)
        elif outcome == "failure":
            self._open_s = min(self._open_s * 2, self._policy.max_open_s)
            self._open(now_s)

    def _open(self, now_s: float) -> None:
        self._open_until_s = now_s + self._open_s
