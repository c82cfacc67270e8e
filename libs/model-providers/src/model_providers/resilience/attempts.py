"""The attempts of one call: which model is asked, as which attempt, and what follows a failure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from model_providers.resilience import fallback
from model_providers.resilience.breaker import BreakerPolicy
from model_providers.resilience.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from model_providers.provider import Clock
    from wire.deadline import Deadline
    from wire.errors import PlatformError
    from wire.specs import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Resilience:
    """How a process treats failing vendors; the defaults are on."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)


class Attempts:
    """Counts attempts over the whole chain, so that (call_id, attempt) stays unique.

    Each model gets at most its provider's `max_attempts`. Pure: time and chance are injected.
    """

    def __init__(
        self,
        model: ModelSpec,
        deadline: Deadline,
        *,
        clock: Clock,
        policy: RetryPolicy,
        random_unit: Callable[[], float],
        may_fall_back: bool = True,
    ) -> None:
        self._rest = fallback.chain(model)
        self.model = next(self._rest)
        self.number = 0
        self._deadline = deadline
        self._clock = clock
        self._policy = policy
        self._random_unit = random_unit
        self._may_fall_back = may_fall_back
        self._of_this_model = 0
        self._under_way = False

    def begin(self) -> int:
        """The number of the attempt that leaves now, from 1."""
        self.number += 1
        self._of_this_model += 1
        self._under_way = True
        return self.number

    def after(self, error: PlatformError) -> float:
        """Seconds to wait before asking `self.model`, which may be another one now.

        Raises:
            PlatformError: `error` itself, when nothing is left to try.
        """
        delay_s = self._retry_delay_s(error)
        self._under_way = False
        if delay_s is not None:
            return delay_s
        following = self._next_model(error)
        if following is None:
            raise error
        self.model, self._of_this_model = following, 0
        return 0.0

    def _retry_delay_s(self, error: PlatformError) -> float | None:
        """None also where the attempt never began: a full queue and an open circuit stay so."""
        if not self._under_way or self._of_this_model >= self.model.provider.max_attempts:
            return None
        delay_s = self._policy.delay_s(
            error, failures=self._of_this_model, random_unit=self._random_unit
        )
        left_s = self._deadline.left_s(now_s=self._clock.monotonic_s())
        return delay_s if delay_s is not None and delay_s < left_s else None

    def _next_model(self, error: PlatformError) -> ModelSpec | None:
        if not self._may_fall_back or not fallback.may_fall_back(error):
            return None
        return next(self._rest, None)
