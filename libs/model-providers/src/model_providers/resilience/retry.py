"""What follows a failed attempt: the same again, later, or not at all. Pure.

Only ever asked before the first event was handed on; after it nothing is repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wire.errors import (
    PlatformError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_TRANSIENT = (
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Full-jitter back-off; a vendor's `retry-after` goes first, up to `retry_after_cap_s`."""

    base_delay_s: float = 0.25
    max_delay_s: float = 4.0
    # 10 s: a caller who waits for the first token gains more from a fallback or an honest 429.
    retry_after_cap_s: float = 10.0

    def delay_s(
        self, error: PlatformError, *, failures: int, random_unit: Callable[[], float]
    ) -> float | None:
        """Seconds until the same model is asked again after `failures` attempts; None: never."""
        if not is_transient(error):
            return None
        if error.retry_after_s is not None:
            if error.retry_after_s > self.retry_after_cap_s:
                return None
            return error.retry_after_s * (1 + 0.1 * random_unit())  # not all at the same instant
        ceiling_s = min(self.max_delay_s, self.base_delay_s * 2 ** (failures - 1))
        return ceiling_s * random_unit()


def is_transient(error: PlatformError) -> bool:
    """The same request may succeed in a moment. A used-up quota does not come back that soon."""
    return isinstance(error, _TRANSIENT) and error.should_retry is not False
