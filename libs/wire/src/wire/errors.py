"""Errors as part of every interface: one tree, one envelope, one form between our processes.

PlatformError
  RemoteError                          what another service of ours reported
  CallerError                     400  the client can mend it
    InvalidRequestError           400  `param` and `code` say what and where
      ContextLengthExceededError  400
    AuthenticationError           401
    PermissionDeniedError         403
    NotFoundError                 404
      ModelNotFoundError          404
    MethodNotAllowedError         405
    RequestTimeoutError           408
    RequestTooLargeError          413
  PolicyError                          a limit that somebody set
    RateLimitedError              429
    QuotaExhaustedError           429
    OverloadedError               503
  ProviderError                        a model provider failed
    UpstreamRejectedError         400  the vendor refused this request (not our fault, not its)
    UpstreamAuthError             502  the vendor refused *our* credentials
    UpstreamRateLimitedError      429
    UpstreamUnavailableError      503  503/529 of the vendor, or an open circuit
    UpstreamError                 502  5xx, refused or broken connections
    UpstreamProtocolError         502  what came back was not the protocol
    UpstreamTimeoutError          504
  PlatformFaultError              500
    PlatformInterruptedError      500  a process of ours died in the middle
    ServiceUnavailableError       503  an internal service cannot be reached or is draining
    DeadlineExceededError         504  the request's own time was used up

Source of types and codes: OpenAI wire contract, section 0.3. Text from vendors never reaches a
client unreviewed: `message` is always ours, except where a vendor rejected the client's own
parameters, and then it is trimmed to one line.
"""

from __future__ import annotations

import msgspec


class ErrorBody(msgspec.Struct, frozen=True):
    """OpenAI's error object; all four keys always present."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorEnvelope(msgspec.Struct, frozen=True):
    error: ErrorBody


class ErrorInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A typed error between our processes, and in run records.

    `error_type` is the closed telemetry vocabulary by fault domain: caller_*, policy_*,
    provider_*, platform_*.
    """

    status: int
    type: str
    message: str
    error_type: str
    code: str | None = None
    param: str | None = None
    retry_after_s: float | None = None
    should_retry: bool | None = None

    @property
    def told_message(self) -> str:
        """The message with the delay in it: Codex waits for as long as the words say."""
        if self.retry_after_s is None or "try again" in self.message:
            return self.message
        end = "" if self.message.endswith((".", "!", "?")) else "."
        return f"{self.message}{end} Please try again in {self.retry_after_s:g}s."

    def envelope(self) -> ErrorEnvelope:
        return ErrorEnvelope(ErrorBody(self.told_message, self.type, self.param, self.code))


class PlatformError(Exception):
    """The root: every error that may reach a client. Subclasses set the class attributes."""

    status: int = 500
    type: str = "server_error"
    code: str | None = None
    error_type: str = "platform_internal"
    should_retry: bool | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            self.code = code
        self.retry_after_s = retry_after_s

    def info(self) -> ErrorInfo:
        return ErrorInfo(
            status=self.status,
            type=self.type,
            message=self.message,
            error_type=self.error_type,
            code=self.code,
            param=self.param,
            retry_after_s=self.retry_after_s,
            should_retry=self.should_retry,
        )


class RemoteError(PlatformError):
    """An error another of our services reported; carries its `ErrorInfo` unchanged."""

    def __init__(self, info: ErrorInfo) -> None:
        super().__init__(
            info.message, param=info.param, code=info.code, retry_after_s=info.retry_after_s
        )
        self.status = info.status
        self.type = info.type
        self.error_type = info.error_type
        self.should_retry = info.should_retry


class CallerError(PlatformError):
    status = 400
    type = "invalid_request_error"
    error_type = "caller_invalid_request"
    should_retry = False


class InvalidRequestError(CallerError):
    """The body is wrong; `param` is the path, `code` the machine's word for why."""


class ContextLengthExceededError(InvalidRequestError):
    code = "context_length_exceeded"
    error_type = "caller_context_length"


class AuthenticationError(CallerError):
    status = 401
    error_type = "caller_unauthenticated"


class PermissionDeniedError(CallerError):
    status = 403
    code = "insufficient_permissions"
    error_type = "caller_forbidden"


class NotFoundError(CallerError):
    status = 404
    error_type = "caller_not_found"


class ModelNotFoundError(NotFoundError):
    code = "model_not_found"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"The model '{model[:200]}' does not exist or you do not have access to it.",
            param="model",
        )


class MethodNotAllowedError(CallerError):
    status = 405
    code = "method_not_supported"
    error_type = "caller_method"


class RequestTimeoutError(CallerError):
    status = 408
    error_type = "caller_slow"
    should_retry = None


class RequestTooLargeError(CallerError):
    status = 413
    code = "request_too_large"
    error_type = "caller_too_large"


class PolicyError(PlatformError):
    status = 429
    error_type = "policy_limit"


class RateLimitedError(PolicyError):
    type = "requests"
    code = "rate_limit_exceeded"
    error_type = "policy_rate_limit"


class QuotaExhaustedError(PolicyError):
    type = "insufficient_quota"
    code = "insufficient_quota"
    error_type = "policy_quota"
    should_retry = False


class OverloadedError(PolicyError):
    status = 503
    type = "service_unavailable_error"
    code = "server_is_overloaded"
    error_type = "policy_overloaded"


class ProviderError(PlatformError):
    """A model provider failed. `provider` is its name in the configuration."""

    status = 502
    code = "upstream_error"
    error_type = "provider_error"

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, param=param, code=code, retry_after_s=retry_after_s)
        self.provider = provider


class UpstreamRejectedError(ProviderError):
    """The vendor says the request itself is wrong (400, 404, 413, 422)."""

    status = 400
    type = "invalid_request_error"
    code = None
    error_type = "provider_rejected"
    should_retry = False


class UpstreamAuthError(ProviderError):
    code = "upstream_credentials"
    error_type = "provider_credentials"
    should_retry = False


class UpstreamRateLimitedError(ProviderError):
    status = 429
    type = "requests"
    code = "rate_limit_exceeded"
    error_type = "provider_rate_limit"


class UpstreamUnavailableError(ProviderError):
    status = 503
    type = "service_unavailable_error"
    code = "server_is_overloaded"
    error_type = "provider_unavailable"


class UpstreamError(ProviderError):
    """5xx, a refused or a broken connection."""


class UpstreamProtocolError(ProviderError):
    code = "upstream_protocol"
    error_type = "provider_protocol"


class UpstreamTimeoutError(ProviderError):
    status = 504
    code = "timeout"
    error_type = "provider_timeout"


class PlatformFaultError(PlatformError):
    """A fault of our own."""


class PlatformInterruptedError(PlatformFaultError):
    code = "platform_interrupted"
    error_type = "platform_interrupted"


class ServiceUnavailableError(PlatformFaultError):
    status = 503
    type = "service_unavailable_error"
    code = "server_is_overloaded"
    error_type = "platform_unavailable"


class DeadlineExceededError(PlatformFaultError):
    status = 504
    code = "timeout"
    error_type = "platform_deadline"
