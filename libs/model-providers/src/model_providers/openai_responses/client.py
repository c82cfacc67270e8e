"""Backends that speak OpenAI Responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_providers.dialect_provider import Dialect, DialectProvider
from model_providers.openai_responses.decode import ResponsesStreamDecoder, decode_response
from model_providers.openai_responses.encode import encode_request

if TYPE_CHECKING:
    from model_providers.http_exchange import HttpExchanges

RESPONSES = Dialect(
    "/responses", encode_request, ResponsesStreamDecoder, decode_response, has_stop=False
)


def openai_responses_provider(exchanges: HttpExchanges) -> DialectProvider:
    """For models whose `dialects` say responses and not chat."""
    return DialectProvider(RESPONSES, exchanges)
