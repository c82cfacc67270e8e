"""The splice lane of Responses: the client's bytes to a backend of the same dialect and back."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from api_gateway.dialects.responses.splice import (
    SplicedResponse,
    StreamSplicer,
    VendorFailedError,
    splice_request,
)
from model_providers import vendor_errors
from model_providers.provider import RawCall
from model_providers.token_estimate import estimate_request
from wire.errors import PlatformError, UpstreamProtocolError
from wire.ids import new_call_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    import msgspec

    from api_gateway.dialects.responses.decode import ResponsesBody
    from model_providers.raw_exchange import RawExchange
    from model_providers.registry import ModelClient
    from wire.conversation import GenerationRequest
    from wire.deadline import Deadline
    from wire.specs import ModelSpec

_PATH = "/responses"
_JSON = "application/json"
_EVENT_STREAM = "text/event-stream"


async def open_spliced_response(
    client: ModelClient,
    model: ModelSpec,
    body: ResponsesBody,
    history: Sequence[msgspec.Raw],
    request: GenerationRequest,
    *,
    deadline: Deadline,
    traceparent: str | None,
) -> RawExchange:
    """Send the client's request to the model's backend and wait for its first bytes.

    `request` is the same in the neutral form, read only when the vendor counts nothing.

    Raises:
        PlatformError: no backend, nor any fallback, began an answer.
    """
    limit = body.head.parameters.max_output_tokens
    return await client.open_raw(
        RawCall(
            call_id=new_call_id(),
            model=model,
            path=_PATH,
            body=splice_request(body, history, model),
            body_for=lambda fallback: splice_request(body, history, fallback),
            deadline=deadline,
            accept=_EVENT_STREAM if body.head.streams else _JSON,
            traceparent=traceparent,
            input_tokens_estimate=lambda: estimate_request(request),
            reserved_output_tokens=limit or model.max_output_tokens,
        )
    )


async def read_spliced(exchange: RawExchange, response: SplicedResponse) -> None:
    """Take the whole answer into `response`; the call is booked when this returns.

    Raises:
        PlatformError: the vendor failed, or sent something else.
    """
    async with exchange:
        body = await exchange.read()
        try:
            response.take_whole(body)
        except VendorFailedError as failed:
            raise _vendor_error(exchange, failed) from None
        finally:
            _count(exchange, response)


async def forward_spliced(
    exchange: RawExchange,
    response: SplicedResponse,
    write: Callable[[bytes], Awaitable[None]],
) -> None:
    """Pass the stream on, but for its last event; the call is booked when this returns.

    Raises:
        PlatformError: the vendor failed in the middle.
    """
    provider = exchange.model.provider.name
    splicer = StreamSplicer(response, provider)
    async with exchange:
        if exchange.content_type != _EVENT_STREAM:
            raise UpstreamProtocolError(
                f"{provider} was asked for a stream and sent something else", provider=provider
            )
        try:
            async with aclosing(exchange.iter_bytes()) as chunks:
                await _forward(chunks, splicer, response, write)
        except VendorFailedError as failed:
            raise _vendor_error(exchange, failed) from None
        finally:
            _count(exchange, response)
        exchange.complete()


async def _forward(
    chunks: AsyncGenerator[bytes],
    splicer: StreamSplicer,
    response: SplicedResponse,
    write: Callable[[bytes], Awaitable[None]],
) -> None:
    async for chunk in chunks:
        frames = splicer.feed(chunk)
        if frames:
            await write(frames)
        splicer.check()
        if response.ended:
            return
    splicer.end()


def _count(exchange: RawExchange, response: SplicedResponse) -> None:
    if response.usage is not None:
        exchange.report_usage(response.usage)


def _vendor_error(exchange: RawExchange, failed: VendorFailedError) -> PlatformError:
    return vendor_errors.from_object(exchange.model.provider.name, failed.raw)
