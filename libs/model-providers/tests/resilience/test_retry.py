"""Which failures are worth another attempt, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.resilience.retry import RetryPolicy, is_transient
from wire.errors import (
    ContextLengthExceededError,
    DeadlineExceededError,
    OverloadedError,
    PlatformError,
    PlatformFaultError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)

POLICY = RetryPolicy()


def failed(retry_after_s: float | None = None) -> UpstreamError:
    return UpstreamError("x", provider="vendor", retry_after_s=retry_after_s)


@pytest.mark.requirement("providers:retry")
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UpstreamError("x", provider="v"), True),
        (UpstreamProtocolError("x", provider="v"), True),
        (UpstreamRateLimitedError("x", provider="v"), True),
        (UpstreamTimeoutError("x", provider="v"), True),
        (UpstreamUnavailableError("x", provider="v"), True),
        (UpstreamAuthError("x", provider="v"), False),
        (UpstreamRejectedError("x", provider="v"), False),
        (ContextLengthExceededError("x"), False),
        (DeadlineExceededError("x"), False),
        (OverloadedError("x"), False),
        (PlatformFaultError("x"), False),
    ],
)
def test_what_may_pass_is_tried_again(error: PlatformError, *, expected: bool) -> None:
    assert is_transient(error) is expected
    assert (POLICY.delay_s(error, failures=1, random_unit=lambda: 0.5) is not None) is expected


def test_a_used_up_quota_does_not_pass() -> None:
    error = UpstreamRateLimitedError("x", provider="v", code="insufficient_quota")
    error.should_retry = False

    assert not is_transient(error)


@given(st.integers(1, 20), st.floats(0, 1, exclude_max=True))
def test_the_delay_is_jittered_below_a_growing_ceiling(failures: int, chance: float) -> None:
    delay_s = POLICY.delay_s(failed(), failures=failures, random_unit=lambda: chance)

    assert delay_s is not None
    assert 0 <= delay_s <= min(POLICY.max_delay_s, POLICY.base_delay_s * 2 ** (failures - 1))


@given(st.floats(0, 10), st.floats(0, 1, exclude_max=True))
def test_the_vendors_wish_is_a_lower_bound(retry_after_s: float, chance: float) -> None:
    delay_s = POLICY.delay_s(failed(retry_after_s), failures=1, random_unit=lambda: chance)

    assert delay_s is not None
    assert retry_after_s <= delay_s <= retry_after_s * 1.1


def test_a_wish_beyond_the_cap_is_not_waited_for() -> None:
    assert POLICY.delay_s(failed(10.5), failures=1, random_unit=lambda: 0) is None
