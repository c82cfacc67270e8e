import pytest

from orchestrator.coordination.outcomes import all_failed, budget_exhausted, reason
from wire.errors import (
    ContextLengthExceededError,
    ErrorInfo,
    PlatformError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)


def failed(*errors: PlatformError) -> ErrorInfo:
    return all_failed({f"agent{n}": error.info() for n, error in enumerate(errors)})


LIMITED = UpstreamRateLimitedError("x", provider="p", retry_after_s=7)
TIMEOUT = UpstreamTimeoutError("x", provider="p")
GONE = UpstreamUnavailableError("x", provider="p")
BROKEN = UpstreamError("secret words of a vendor", provider="p")
CREDENTIALS = UpstreamAuthError("x", provider="p")
REFUSED = UpstreamRejectedError("temperature too high", provider="p", param="temperature")
TOO_LONG = ContextLengthExceededError("the context is too long", param="messages")


@pytest.mark.requirement("coordination:all-failing")
@pytest.mark.parametrize(
    ("errors", "status", "code"),
    [
        ((LIMITED, LIMITED, LIMITED), 429, "rate_limit_exceeded"),
        ((TIMEOUT, TIMEOUT), 504, "timeout"),
        ((GONE, GONE), 503, "server_is_overloaded"),
        ((BROKEN, BROKEN), 502, "upstream_error"),
        ((CREDENTIALS, CREDENTIALS), 502, "upstream_error"),
        ((LIMITED, TIMEOUT, BROKEN), 502, "upstream_error"),
        ((REFUSED, LIMITED), 502, "upstream_error"),
        ((REFUSED, REFUSED), 400, None),
        ((TOO_LONG, TOO_LONG), 400, "context_length_exceeded"),
        ((REFUSED, TOO_LONG), 400, None),
    ],
)
def test_the_status_says_what_all_agents_met(
    errors: tuple[PlatformError, ...], status: int, code: str | None
) -> None:
    info = failed(*errors)

    assert (info.status, info.code) == (status, code)


@pytest.mark.requirement("coordination:all-failing")
def test_the_message_names_each_agents_reason_in_our_words() -> None:
    info = failed(LIMITED, BROKEN)

    assert "agent0: rate limited" in info.message
    assert "agent1: failed" in info.message
    assert "secret" not in info.message


def test_the_soonest_retry_is_told_and_a_lone_agents_error_stays_as_it_is() -> None:
    later = UpstreamRateLimitedError("x", provider="p", retry_after_s=20)

    assert failed(later, LIMITED).retry_after_s == 7
    assert failed(REFUSED) == REFUSED.info()


def test_a_refused_request_keeps_the_parameter_that_all_vendors_named() -> None:
    assert failed(REFUSED, REFUSED).param == "temperature"
    assert failed(REFUSED, TOO_LONG).param is None


def test_an_exhausted_budget_is_not_worth_a_retry() -> None:
    info = all_failed({"a": budget_exhausted("usd"), "b": budget_exhausted("usd")})

    assert (info.status, info.should_retry) == (429, False)


def test_an_unknown_kind_of_failure_has_a_word_too() -> None:
    assert reason(ErrorInfo(500, "server_error", "internals", "platform_internal")) == "failed"
