"""What a client is told when no agent is left: one typed error, with a reason per agent.

Status: 429 if all were rate limited, 504 if all timed out, 503 if all were unavailable, 400 if
every vendor refused the request itself; anything mixed is 502. Vendors' 401 and 403 are ours to
mend and never reach a client as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from wire.errors import ErrorInfo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_T = TypeVar("_T")
_BAD_REQUEST, _RATE_LIMITED, _UNAVAILABLE, _TIMEOUT, _BAD_GATEWAY = 400, 429, 503, 504, 502
_TYPES = {
    _RATE_LIMITED: ("requests", "rate_limit_exceeded"),
    _UNAVAILABLE: ("service_unavailable_error", "server_is_overloaded"),
    _TIMEOUT: ("server_error", "timeout"),
    _BAD_GATEWAY: ("server_error", "upstream_error"),
}
_HEADLINES = {
    _RATE_LIMITED: "Every agent's model provider is rate limiting",
    _UNAVAILABLE: "Every agent's model provider is unavailable",
    _TIMEOUT: "No agent's model provider answered in time",
    _BAD_GATEWAY: "No agent could answer",
}
# Our words for what happened; text of vendors goes no further than the log.
_REASONS = {
    "provider_rate_limit": "rate limited",
    "provider_timeout": "timed out",
    "provider_unavailable": "unavailable",
    "provider_credentials": "credentials refused",
    "provider_protocol": "unusable reply",
    "provider_rejected": "request refused",
    "provider_error": "failed",
    "caller_context_length": "context too long",
    "policy_overloaded": "too many calls at once",
    "policy_budget": "out of budget",
    "platform_unavailable": "not available here",
    "platform_deadline": "out of time",
    "platform_straggler": "too slow",
}


def reason(error: ErrorInfo) -> str:
    """A failure in a few words that are ours."""
    return _REASONS.get(error.error_type, "failed")


def all_failed(failures: Mapping[str, ErrorInfo]) -> ErrorInfo:
    """The run's error when each agent failed in its own way."""
    errors = list(failures.values())
    if len(errors) == 1:
        return errors[0]
    statuses = {error.status for error in errors}
    if statuses == {_BAD_REQUEST}:
        return _refused(errors)
    if all(error.error_type == "policy_budget" for error in errors):
        return errors[0]
    status = statuses.pop() if len(statuses) == 1 else _BAD_GATEWAY
    status = status if status in _TYPES else _BAD_GATEWAY
    kind, code = _TYPES[status]
    told = ", ".join(f"{agent_id}: {reason(error)}" for agent_id, error in failures.items())
    return ErrorInfo(
        status=status,
        type=kind,
        code=code,
        message=f"{_HEADLINES[status]} ({told}).",
        error_type=_shared([error.error_type for error in errors]) or "provider_error",
        retry_after_s=_retry_after_s(errors, status),
    )


def budget_exhausted(which: str) -> ErrorInfo:
    """No call may start: the run's own limits stand against it."""
    return ErrorInfo(
        status=429,
        type="insufficient_quota",
        code="run_budget_exceeded",
        message=f"The run's budget does not allow another call (limit: {which}).",
        error_type="policy_budget",
        should_retry=False,
    )


def out_of_time() -> ErrorInfo:
    """The run's own clock ran out before there was anything to deliver."""
    return ErrorInfo(
        status=_TIMEOUT,
        type="server_error",
        code="timeout",
        message="The run's time was used up before an answer was ready.",
        error_type="platform_deadline",
    )


def cancelled(why: str) -> ErrorInfo:
    """Somebody ended the run; 499 is what proxies log for it, no client sees it as a status."""
    return ErrorInfo(
        status=499,
        type="server_error",
        code="cancelled",
        message=f"The run was cancelled: {why}.",
        error_type="caller_cancelled",
        should_retry=False,
    )


def unusable(message: str) -> ErrorInfo:
    """An agent's output that cannot be an answer."""
    return ErrorInfo(
        status=_BAD_GATEWAY,
        type="server_error",
        code="upstream_error",
        message=message,
        error_type="provider_protocol",
    )


def too_slow() -> ErrorInfo:
    """A straggler past its grace; the run went on without it."""
    return ErrorInfo(
        status=_TIMEOUT,
        type="server_error",
        code="timeout",
        message="Cut off: the others had answered long before.",
        error_type="platform_straggler",
    )


def _refused(errors: Sequence[ErrorInfo]) -> ErrorInfo:
    """Every vendor refused the request: the client can mend it, so its words stay."""
    first = errors[0]
    return ErrorInfo(
        status=_BAD_REQUEST,
        type="invalid_request_error",
        code=_shared([error.code for error in errors]),
        param=_shared([error.param for error in errors]),
        message=first.message,
        error_type=_shared([error.error_type for error in errors]) or "provider_rejected",
        should_retry=False,
    )


def _shared(values: Sequence[_T]) -> _T | None:
    return values[0] if len(set(values)) == 1 else None


def _retry_after_s(errors: Sequence[ErrorInfo], status: int) -> float | None:
    """The soonest moment at which one of them may answer again."""
    if status not in {_RATE_LIMITED, _UNAVAILABLE}:
        return None
    return min((e.retry_after_s for e in errors if e.retry_after_s is not None), default=None)
