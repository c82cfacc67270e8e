"""Which web pages may call us from a browser (CORS). Nobody, unless the operator names them.

Keys travel in a header that the page sets itself, never in cookies, so credentials are not allowed
and every origin may be named at once with `*`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from api_gateway.routes.exchange import Exchange
    from service_kit.http import Header

ANY_ORIGIN = "*"
_METHODS: Header = (b"access-control-allow-methods", b"GET, HEAD, POST, DELETE")
# 2 hours: the longest that Chromium keeps.
_MAX_AGE: Header = (b"access-control-max-age", b"7200")
_EXPOSED: Header = (
    b"access-control-expose-headers",
    b"openai-processing-ms, openai-version, retry-after, retry-after-ms, traceresponse, "
    b"x-conclave-config, x-conclave-routed, x-ratelimit-limit-requests, x-ratelimit-limit-tokens, "
    b"x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, "
    b"x-ratelimit-reset-tokens, x-request-id, x-should-retry",
)
_VARY: Header = (b"vary", b"origin")
_DEFAULT_HEADERS = "authorization, content-type"


class CrossOrigin:
    """The pages that may."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = frozenset(origins)
        self._any = ANY_ORIGIN in self._origins

    def mark(self, exchange: Exchange) -> None:
        """Let the page read the answer, whatever it turns out to be."""
        if not self._any:
            exchange.more_headers.append(_VARY)
        allowed = self._allowed(exchange)
        if allowed is not None:
            exchange.more_headers += (allowed, _EXPOSED)

    async def answer_preflight(self, exchange: Exchange) -> bool:
        """Answer the browser's question before the real request, which comes without a key.

        The same for every path, so that it tells nothing of which exist.
        """
        asked = exchange.header(b"access-control-request-method")
        if asked is None or self._allowed(exchange) is None:
            return False
        headers = exchange.header(b"access-control-request-headers") or _DEFAULT_HEADERS
        allow_headers: Header = (b"access-control-allow-headers", headers.encode("latin-1"))
        await exchange.respond_empty(_METHODS, allow_headers, _MAX_AGE)
        return True

    def _allowed(self, exchange: Exchange) -> Header | None:
        origin = exchange.header(b"origin")
        if origin is None or not (self._any or origin in self._origins):
            return None
        shown = ANY_ORIGIN if self._any else origin
        return b"access-control-allow-origin", shown.encode("latin-1")
