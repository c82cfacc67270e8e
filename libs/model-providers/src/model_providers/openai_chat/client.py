"""One attempt of one call on a backend that speaks OpenAI Chat Completions."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from model_providers.event_stream import read_events
from model_providers.http_exchange import HttpExchanges, VendorRequest
from model_providers.openai_chat.decode import (
    ChatStreamDecoder,
    DecodeContext,
    decode_completion,
)
from model_providers.openai_chat.encode import encode_request
from model_providers.tool_names import flat_names
from wire.ids import new_tool_call_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from model_providers.provider import ModelCall, SendProgress
    from wire.conversation import AnswerEvent

PATH = "/chat/completions"


class OpenAIChatProvider:
    """The content type of the answer decides how it is read: some backends never stream."""

    def __init__(
        self,
        exchanges: HttpExchanges,
        *,
        tool_call_id: Callable[[], str] = new_tool_call_id,
    ) -> None:
        self._exchanges = exchanges
        self._tool_call_id = tool_call_id

    async def stream(
        self, call: ModelCall, attempt: int, progress: SendProgress | None = None
    ) -> AsyncGenerator[AnswerEvent]:
        context = DecodeContext(
            call.model.provider.name, self._tool_call_id, flat_names(call.request.tools)
        )
        response = await self._exchanges.open(_request(call, attempt), progress)
        try:
            if response.content_type == "text/event-stream":
                decoder = ChatStreamDecoder(context)
                async with aclosing(read_events(response, decoder, context.provider)) as events:
                    async for event in events:
                        yield event
            else:
                for event in decode_completion(await response.read_all(), context):
                    yield event
        finally:
            response.close()


def _request(call: ModelCall, attempt: int) -> VendorRequest:
    return VendorRequest(
        provider=call.model.provider,
        path=PATH,
        body=encode_request(call),
        accept="text/event-stream" if call.stream else "application/json",
        call_id=call.call_id,
        attempt=attempt,
        deadline=call.deadline,
        traceparent=call.traceparent,
    )
