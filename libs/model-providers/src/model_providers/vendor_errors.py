"""A vendor's refusal as one of our typed errors. Pure.

Vendors' words never travel unreviewed: only where the vendor rejects the client's own request is
one trimmed line of its message kept, because nothing else tells the client what to mend.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from model_providers.json_values import loads
from wire.errors import (
    ContextLengthExceededError,
    PlatformError,
    ProviderError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from model_providers.json_values import Json

MAX_MESSAGE_CHARS = 300
MAX_ERROR_BYTES = 64 * 1024
_READ_CHARS = 4096

_SAFE_WORD = re.compile(r"[A-Za-z0-9_.\-\[\]]{1,128}")
_SECRET = re.compile(r"\b(?:sk|key|Bearer)[-_ ][A-Za-z0-9_\-*.]{8,}", re.IGNORECASE)
# vLLM, llama.cpp, SGLang and gateways say it in words, with no code.
_CONTEXT_LENGTH = re.compile(
    r"maximum context length|context[ _](?:length|window|size)|prompt is too long"
    r"|too many (?:input )?tokens|longer than the model|exceeds? context limit",
    re.IGNORECASE,
)
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_error"})
_LIMITED = (HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.TOO_MANY_REQUESTS)
_STATUS_OF_CODE = {
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "content_filter": 400,
    "content_policy_violation": 400,
    "model_not_found": 404,
    "not_found_error": 404,
    "request_too_large": 413,
    "timeout_error": 504,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "server_is_overloaded": 503,
    "slow_down": 503,
    "overloaded_error": 503,
    "service_unavailable_error": 503,
}


class VendorError(msgspec.Struct, frozen=True):
    """What an error body said, reduced to what we can use."""

    message: str = ""
    type: str | None = None
    code: str | None = None
    param: str | None = None

    @property
    def words(self) -> frozenset[str]:
        return frozenset(word for word in (self.code, self.type) if word)


def from_status(
    provider: str, status: int, body: bytes, headers: Mapping[str, str]
) -> PlatformError:
    """The error for an HTTP answer with an error status."""
    return _typed(provider, status, read_body(body), retry_after_s(headers))


def from_object(provider: str, error: bytes, *, default_status: int = 500) -> PlatformError:
    """The error for an error object inside a 200, or in the middle of a stream."""
    vendor = read_body(error)
    return _typed(provider, _status_of(vendor, default_status), vendor, None)


def from_answer(provider: str, body: bytes) -> PlatformError:
    """The error for a 200 whose body is an error envelope."""
    vendor = read_body(body)
    return _typed(provider, _status_of(vendor, 500), vendor, None)


def read_body(body: bytes) -> VendorError:
    """Reads `{"error": {...}}`, `{"error": "text"}`, `{"message": ...}` and plain text."""
    try:
        decoded = loads(body)
    except msgspec.DecodeError:
        return VendorError(message=body.decode("utf-8", "replace"))
    if isinstance(decoded, list) and decoded:
        decoded = decoded[0]  # Gemini wraps its error in an array
    if isinstance(decoded, dict) and decoded.get("error"):
        decoded = decoded["error"]
    return _read_object(decoded)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """`retry-after-ms`, else `retry-after` in seconds; an HTTP date is not worth a clock."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            delay_s = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        if 0 <= delay_s < float("inf"):
            return delay_s
    return None


def one_line(text: str) -> str:
    """Safe to show: nothing unprintable, nothing that looks like a key, at most 300 characters."""
    printable = "".join(char if char.isprintable() else " " for char in text[:_READ_CHARS])
    line = " ".join(_SECRET.sub("[redacted]", printable).split())
    return line if len(line) <= MAX_MESSAGE_CHARS else line[: MAX_MESSAGE_CHARS - 1] + "…"


def _typed(provider: str, status: int, vendor: VendorError, retry_s: float | None) -> PlatformError:
    if status in (401, 403):
        return UpstreamAuthError(
            f"{provider} refused our credentials (HTTP {status}); check its api_key",
            provider=provider,
        )
    if status in _LIMITED or vendor.words & _QUOTA_CODES:
        return _limited(provider, status, vendor, retry_s)
    if status in (503, 529):
        return UpstreamUnavailableError(
            f"{provider} is overloaded (HTTP {status})", provider=provider, retry_after_s=retry_s
        )
    if status in (408, 409) or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UpstreamError(
            f"{provider} failed (HTTP {status})", provider=provider, retry_after_s=retry_s
        )
    if status >= HTTPStatus.BAD_REQUEST:
        return _rejected(provider, status, vendor)
    return UpstreamProtocolError(f"{provider} answered HTTP {status}", provider=provider)


def _limited(
    provider: str, status: int, vendor: VendorError, retry_s: float | None
) -> ProviderError:
    if status == HTTPStatus.TOO_MANY_REQUESTS and not vendor.words & _QUOTA_CODES:
        return UpstreamRateLimitedError(
            f"{provider} limits our rate", provider=provider, retry_after_s=retry_s
        )
    error = UpstreamRateLimitedError(
        f"our quota at {provider} is used up", provider=provider, code="insufficient_quota"
    )
    error.type = "insufficient_quota"
    error.should_retry = False
    return error


def _rejected(provider: str, status: int, vendor: VendorError) -> PlatformError:
    said = one_line(vendor.message)
    if vendor.code == "context_length_exceeded" or (
        status in (400, 413, 422) and _CONTEXT_LENGTH.search(said)
    ):
        return ContextLengthExceededError(
            said or "the conversation is longer than the model's context window",
            param=vendor.param,
        )
    return UpstreamRejectedError(
        f"{provider} rejected the request: {said}" if said else f"{provider} rejected the request",
        provider=provider,
        param=vendor.param,
        code=vendor.code,
    )


def _status_of(vendor: VendorError, default_status: int) -> int:
    for word in (vendor.code, vendor.type):
        if word is None:
            continue
        if re.fullmatch(r"[45]\d\d", word):
            return int(word)  # vLLM and OpenRouter put the status there
        if word in _STATUS_OF_CODE:
            return _STATUS_OF_CODE[word]
    return default_status


def _read_object(error: Json) -> VendorError:
    if isinstance(error, str):
        return VendorError(message=error)
    if not isinstance(error, dict):
        return VendorError()
    message = error.get("message") or error.get("detail")
    return VendorError(
        message=message if isinstance(message, str) else "",
        type=_word(error.get("type")),
        code=_word(error.get("code")),
        param=_word(error.get("param")),
    )


def _word(value: Json) -> str | None:
    """A code, a type or a path; anything else in its place is dropped."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return text if _SAFE_WORD.fullmatch(text) else None
