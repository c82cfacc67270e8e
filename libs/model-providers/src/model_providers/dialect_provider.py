"""One attempt of one call on an HTTP backend, whatever dialect it speaks."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model_providers.decode_context import DecodeContext
from model_providers.event_stream import StreamDecoder, read_events
from model_providers.http_exchange import EVENT_STREAM, HttpExchanges, VendorRequest
from model_providers.stop_sequences import StopSequences
from wire.ids import new_tool_call_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from model_providers.http_exchange import VendorResponse
    from model_providers.provider import ModelCall, SendProgress
    from wire.conversation import AnswerEvent


@dataclass(frozen=True, slots=True)
class Dialect:
    """The pure functions that make a dialect, and its path below the base URL.

    `has_stop`: its backends end an answer at a stop sequence themselves.
    """

    path: str
    encode_request: Callable[[ModelCall], bytes]
    stream_decoder: Callable[[DecodeContext], StreamDecoder]
    decode_whole: Callable[[bytes, DecodeContext], Sequence[AnswerEvent]]
    context: Callable[[ModelCall, Callable[[], str]], DecodeContext] = DecodeContext.of
    has_stop: bool = True


class DialectProvider:
    """A `Provider`. The answer's content type decides how to read it: some never stream."""

    def __init__(
        self,
        dialect: Dialect,
        exchanges: HttpExchanges,
        *,
        tool_call_id: Callable[[], str] = new_tool_call_id,
    ) -> None:
        self._dialect = dialect
        self._exchanges = exchanges
        self._tool_call_id = tool_call_id

    async def stream(
        self, call: ModelCall, attempt: int, progress: SendProgress | None = None
    ) -> AsyncGenerator[AnswerEvent]:
        context = self._dialect.context(call, self._tool_call_id)
        wanted = () if self._dialect.has_stop else call.request.sampling.stop
        stop = StopSequences(wanted) if wanted else None
        response = await self._exchanges.open(self._request(call, attempt), progress)
        try:
            async with aclosing(self._events(response, context)) as events:
                async for event in events:
                    if stop is None:
                        yield event
                    else:
                        for each in stop.cut(event):
                            yield each
            for each in stop.end() if stop is not None else ():
                yield each
        finally:
            response.close()

    def _events(
        self, response: VendorResponse, context: DecodeContext
    ) -> AsyncGenerator[AnswerEvent]:
        if response.content_type == EVENT_STREAM:
            decoder = self._dialect.stream_decoder(context)
            return read_events(response, decoder, context.provider)
        return self._whole(response, context)

    async def _whole(
        self, response: VendorResponse, context: DecodeContext
    ) -> AsyncGenerator[AnswerEvent]:
        for event in self._dialect.decode_whole(await response.read_all(), context):
            yield event

    def _request(self, call: ModelCall, attempt: int) -> VendorRequest:
        return VendorRequest(
            provider=call.model.provider,
            path=self._dialect.path,
            upstream_model=call.model.upstream_model,
            body=self._dialect.encode_request(call),
            accept=EVENT_STREAM if call.stream else "application/json",
            call_id=call.call_id,
            attempt=attempt,
            deadline=call.deadline,
            traceparent=call.traceparent,
        )
