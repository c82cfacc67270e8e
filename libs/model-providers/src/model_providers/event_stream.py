"""The loop that every streaming dialect shares: bytes of a response in, neutral events out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wire.errors import UpstreamError, UpstreamProtocolError, UpstreamTimeoutError
from wire.sse import EventTooLargeError, SseEvent, SseReader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from model_providers.http_exchange import VendorResponse
    from wire.conversation import AnswerEvent

TAIL_TIMEOUT_S = 5.0  # all choices have finished: what is missing is not worth an idle timeout


class StreamDecoder(Protocol):
    """A dialect's pure decoder."""

    @property
    def done(self) -> bool: ...

    @property
    def complete(self) -> bool: ...

    def feed(self, event: SseEvent) -> Sequence[AnswerEvent]: ...

    def end(self) -> Sequence[AnswerEvent]: ...


async def read_events(
    response: VendorResponse, decoder: StreamDecoder, provider: str
) -> AsyncGenerator[AnswerEvent]:
    """The decoder's events, as they come; the connection is closed whichever way this ends.

    An answer that is complete stays so when the connection then breaks or falls silent.
    """
    reader = SseReader()
    try:
        while not decoder.done and (chunk := await _next_chunk(response, decoder)):
            for event in _feed(reader, chunk, provider):
                for answer_event in decoder.feed(event):
                    yield answer_event
        if decoder.done:
            await response.finish()
        for answer_event in decoder.end():
            yield answer_event
    finally:
        response.close()


async def _next_chunk(response: VendorResponse, decoder: StreamDecoder) -> bytes:
    if not decoder.complete:
        return await response.read_chunk()
    try:
        return await response.read_chunk(at_most_s=TAIL_TIMEOUT_S)
    except (UpstreamTimeoutError, UpstreamError):
        return b""


def _feed(reader: SseReader, chunk: bytes, provider: str) -> list[SseEvent]:
    try:
        return list(reader.feed(chunk))
    except EventTooLargeError as error:
        raise UpstreamProtocolError(f"{provider}: {error}", provider=provider) from error
