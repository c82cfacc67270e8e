"""Backends that speak OpenAI Chat Completions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_providers.dialect_provider import Dialect, DialectProvider
from model_providers.openai_chat.decode import ChatStreamDecoder, decode_completion
from model_providers.openai_chat.encode import encode_request

if TYPE_CHECKING:
    from model_providers.http_exchange import HttpExchanges

CHAT = Dialect("/chat/completions", encode_request, ChatStreamDecoder, decode_completion)


def openai_chat_provider(exchanges: HttpExchanges) -> DialectProvider:
    """For models whose `dialects` say chat; where both are named, this one."""
    return DialectProvider(CHAT, exchanges)
