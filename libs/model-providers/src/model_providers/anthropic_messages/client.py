"""Backends that speak Anthropic's Messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_providers.anthropic_messages.decode import MessagesStreamDecoder, decode_message
from model_providers.anthropic_messages.encode import context_of, encode_request
from model_providers.dialect_provider import Dialect, DialectProvider

if TYPE_CHECKING:
    from model_providers.http_exchange import HttpExchanges

MESSAGES = Dialect("/messages", encode_request, MessagesStreamDecoder, decode_message, context_of)


def anthropic_messages_provider(exchanges: HttpExchanges) -> DialectProvider:
    """For models of providers of kind `anthropic`."""
    return DialectProvider(MESSAGES, exchanges)
