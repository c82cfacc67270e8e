"""Which model is asked next, as which attempt."""

import msgspec
import pytest

from model_providers.resilience.attempts import Attempts
from model_providers.resilience.retry import RetryPolicy
from model_providers.testing import MonotonicClock, ScriptedVendor
from wire.deadline import Deadline
from wire.errors import (
    OverloadedError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamRateLimitedError,
    UpstreamUnavailableError,
)
from wire.specs import ModelSpec

CLOCK = MonotonicClock()
BROKEN = UpstreamError("x", provider="vendor")


def model(name: str = "first", max_attempts: int = 2) -> ModelSpec:
    return ScriptedVendor("http://v/v1").model(name, max_attempts=max_attempts)


def attempts(*fallbacks: ModelSpec, left_s: float = 60, may_fall_back: bool = True) -> Attempts:
    return Attempts(
        msgspec.structs.replace(model(), fallbacks=fallbacks),
        Deadline.after(left_s, now_s=CLOCK.monotonic_s()),
        clock=CLOCK,
        policy=RetryPolicy(base_delay_s=1.0),
        random_unit=lambda: 0.5,
        may_fall_back=may_fall_back,
    )


@pytest.mark.requirement("providers:retry")
def test_attempts_are_numbered_over_the_whole_chain() -> None:
    plan = attempts(model("second", max_attempts=1))
    asked: list[tuple[str, int]] = []

    for _ in range(2):
        asked.append((plan.model.name, plan.begin()))
        plan.after(BROKEN)
    asked.append((plan.model.name, plan.begin()))
    with pytest.raises(UpstreamError):
        plan.after(BROKEN)

    assert asked == [("first", 1), ("first", 2), ("second", 3)]


@pytest.mark.requirement("providers:retry")
def test_the_same_model_is_asked_after_a_delay_and_a_fallback_at_once() -> None:
    plan = attempts(model("second"))

    delays_s: list[float] = []
    for _ in range(2):
        plan.begin()
        delays_s.append(plan.after(BROKEN))

    assert delays_s == [0.5, 0.0]


@pytest.mark.requirement("providers:retry")
def test_no_retry_is_begun_that_the_deadline_would_cut() -> None:
    plan = attempts(left_s=0.4)
    plan.begin()

    with pytest.raises(UpstreamError):
        plan.after(BROKEN)


@pytest.mark.requirement("providers:fallback")
@pytest.mark.parametrize(
    "error",
    [
        OverloadedError("full"),
        UpstreamUnavailableError("resting", provider="vendor", retry_after_s=1),
    ],
)
def test_what_never_began_is_not_repeated_but_handed_to_the_fallback(
    error: OverloadedError | UpstreamUnavailableError,
) -> None:
    plan = attempts(model("second"))

    delay_s = plan.after(error)

    assert (plan.model.name, delay_s, plan.begin()) == ("second", 0.0, 1)


@pytest.mark.requirement("providers:fallback")
@pytest.mark.parametrize(
    "error",
    [
        UpstreamAuthError("x", provider="vendor"),
        UpstreamRateLimitedError("x", provider="vendor", retry_after_s=99),
    ],
)
def test_what_cannot_be_repeated_goes_to_the_fallback_after_one_attempt(
    error: UpstreamAuthError | UpstreamRateLimitedError,
) -> None:
    plan = attempts(model("second"))
    plan.begin()

    plan.after(error)

    assert plan.model.name == "second"


def test_without_leave_to_fall_back_the_chain_is_the_model_alone() -> None:
    plan = attempts(model("second"), may_fall_back=False)
    plan.begin()

    with pytest.raises(UpstreamAuthError):
        plan.after(UpstreamAuthError("x", provider="vendor"))
