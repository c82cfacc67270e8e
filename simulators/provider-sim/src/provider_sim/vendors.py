"""What all doors of one vendor share: who may come in, the name of its request id, its refusals.

Each vendor words the same failure in its own way, and some change its status.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from provider_sim.json_types import JsonObject, dumps
from provider_sim.wire_errors import ContextLengthError, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_KNOWN_ANTHROPIC_VERSIONS = frozenset({"2023-01-01", "2023-06-01", "2026-10-21"})
_AZURE_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?|v1|preview|latest")
_NO_ROUTE = "404"
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_AZURE_REFUSALS = {
    401: (
        "401",
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide "
        "a valid key for an active subscription and use a correct regional API endpoint for your "
        "resource.",
    ),
    404: (
        "DeploymentNotFound",
        "The API deployment for this resource does not exist. If you created the deployment within "
        "the last 5 minutes, please wait a moment and try again.",
    ),
    429: ("429", "Requests have exceeded the call rate limit of your current tier."),
    500: ("InternalServerError", "Backend returned unexpected response."),
    503: ("ServiceUnavailable", "The service is temporarily unable to process your request."),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Vendor:
    request_id_header: str
    refusal: Callable[[WireError, str], Refusal]
    """An error in this vendor's words; the text is the request's id."""
    key_header: str | None
    """Where a key may stand besides `Authorization: Bearer`."""
    check: Callable[[web.Request], None]
    """Refuses a request that this vendor would not even look at."""

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """The key that the request came with."""
        if self.key_header is not None and self.key_header in headers:
            return headers[self.key_header].strip()
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return given.strip() if scheme.lower() == "bearer" and given else None


VENDOR = web.RequestKey("vendor", Vendor)


def vendor_of(request: web.Request) -> Vendor:
    """Whose door the request came to; OpenAI's unless its route said otherwise."""
    return request.get(VENDOR, OPENAI)


def _openai_refusal(error: WireError, _request_id: str) -> Refusal:
    return Refusal(error.status, error.body())


def anthropic_error(error: WireError) -> JsonObject:
    """Type and message, as they stand in an envelope and in a stream's `error` event."""
    if isinstance(error, ContextLengthError):
        message = (
            f"prompt is too long: {error.prompt_tokens} tokens > {error.window_tokens} maximum"
        )
        return {"type": "invalid_request_error", "message": message}
    status = _anthropic_status(error)
    fallback = "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "api_error"
    message = f"{error.param}: {error.message}" if error.param else error.message
    return {"type": _ANTHROPIC_TYPES.get(status, fallback), "message": message}


def _anthropic_status(error: WireError) -> int:
    return HTTPStatus.PAYMENT_REQUIRED if error.code == "insufficient_quota" else error.status


def _anthropic_refusal(error: WireError, request_id: str) -> Refusal:
    body: JsonObject = {
        "type": "error",
        "error": anthropic_error(error),
        "request_id": request_id,
    }
    return Refusal(_anthropic_status(error), dumps(body))


def _azure_refusal(error: WireError, _request_id: str) -> Refusal:
    known = _AZURE_REFUSALS.get(error.status)
    if error.code == _NO_ROUTE:
        known = (_NO_ROUTE, error.message)
    if known is not None and error.code != "insufficient_quota":
        code, message = known
        return Refusal(error.status, dumps({"error": {"code": code, "message": message}}))
    if error.code != "content_policy_violation":
        return Refusal(error.status, error.body())
    filtered: JsonObject = {
        **error.error_object(),
        "code": "content_filter",
        "param": "prompt",
        "type": None,
        "status": error.status,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
        },
    }
    return Refusal(error.status, dumps({"error": filtered}))


def _check_nothing(_request: web.Request) -> None:
    pass


def _check_anthropic(request: web.Request) -> None:
    version = request.headers.get("anthropic-version")
    if version is None:
        raise WireError("anthropic-version: header is required")
    if version not in _KNOWN_ANTHROPIC_VERSIONS:
        raise WireError(f'anthropic-version: "{version}" is not a valid version')


def _check_azure(request: web.Request) -> None:
    """Dated routes exist under a version only; the v1 routes take one too."""
    version = request.query.get("api-version")
    if version is None and "/openai/v1/" in request.path:
        return
    if version is None or not _AZURE_VERSION.fullmatch(version):
        raise WireError("Resource not found", status=404, code=_NO_ROUTE)


OPENAI = Vendor("x-request-id", _openai_refusal, None, _check_nothing)
ANTHROPIC = Vendor("request-id", _anthropic_refusal, "x-api-key", _check_anthropic)
AZURE = Vendor("apim-request-id", _azure_refusal, "api-key", _check_azure)
