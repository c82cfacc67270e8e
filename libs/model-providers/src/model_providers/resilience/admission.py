"""The door every attempt passes: a closed circuit, then a place among the provider's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_providers.resilience.breaker import (
    BreakerPolicy,
    CircuitBreaker,
    CircuitOpenError,
    Outcome,
    Permit,
)
from model_providers.resilience.concurrency import ConcurrencyLimit
from wire.errors import (
    CallerError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)

if TYPE_CHECKING:
    from model_providers.provider import Clock
    from wire.deadline import Deadline
    from wire.specs import ModelSpec

_UNHEALTHY = (UpstreamError, UpstreamProtocolError, UpstreamTimeoutError, UpstreamUnavailableError)


class Admission:
    """One attempt's place. Only the first `leave` counts."""

    def __init__(
        self, breaker: CircuitBreaker, permit: Permit, limit: ConcurrencyLimit, clock: Clock
    ) -> None:
        self._breaker = breaker
        self._permit = permit
        self._limit = limit
        self._clock = clock
        self._left = False

    def leave(self, outcome: Outcome) -> None:
        if not self._left:
            self._left = True
            self._limit.release()
            self._breaker.settle(self._permit, outcome, now_s=self._clock.monotonic_s())


class Doorkeeper:
    """Circuits by deployment (provider and upstream model), limits by provider."""

    def __init__(self, clock: Clock, policy: BreakerPolicy | None = None) -> None:
        self._clock = clock
        self._policy = policy or BreakerPolicy()
        self._breakers: dict[tuple[str, str], CircuitBreaker] = {}
        self._limits: dict[str, ConcurrencyLimit] = {}

    async def admit(self, model: ModelSpec, deadline: Deadline) -> Admission:
        """Wait for a place.

        Raises:
            UpstreamUnavailableError: the circuit is open.
            OverloadedError: the provider's calls are at their limit, and so is the queue.
        """
        now_s = self._clock.monotonic_s()
        breaker, limit = self._breaker(model, now_s), self._limit(model)
        try:
            permit = breaker.admit(now_s=now_s)
        except CircuitOpenError as error:
            raise _resting(model, error.retry_after_s) from error
        try:
            await limit.acquire(left_s=deadline.left_s(now_s=now_s))
        except BaseException:
            breaker.settle(permit, "unknown", now_s=now_s)
            raise
        return Admission(breaker, permit, limit, self._clock)

    def _breaker(self, model: ModelSpec, now_s: float) -> CircuitBreaker:
        key = (model.provider.name, model.upstream_model)
        breaker = self._breakers.get(key)
        if breaker is None:
            breaker = self._breakers[key] = CircuitBreaker(self._policy, now_s=now_s)
        return breaker

    def _limit(self, model: ModelSpec) -> ConcurrencyLimit:
        """A changed setting starts a new limit; calls under way finish under the old one."""
        provider = model.provider
        limit = self._limits.get(provider.name)
        if limit is None or limit.limit != provider.max_concurrency:
            limit = ConcurrencyLimit(provider.name, provider.max_concurrency)
            self._limits[provider.name] = limit
        return limit


def outcome_of(error: BaseException | None) -> Outcome:
    """What an attempt's end says about the deployment's health.

    A vendor that refuses our request or our rate is up; a cancellation says nothing.
    """
    if error is None:
        return "success"
    if isinstance(error, _UNHEALTHY):
        return "failure"
    refused = isinstance(error, UpstreamRejectedError | UpstreamRateLimitedError | CallerError)
    return "success" if refused else "unknown"


def _resting(model: ModelSpec, retry_after_s: float) -> UpstreamUnavailableError:
    provider = model.provider.name
    return UpstreamUnavailableError(
        f"{provider} failed too often lately; {model.upstream_model} rests for a moment",
        provider=provider,
        retry_after_s=retry_after_s,
    )
