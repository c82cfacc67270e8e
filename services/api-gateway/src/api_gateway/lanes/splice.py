"""The splice lane: the client's bytes to a backend of the same dialect, its bytes back."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from api_gateway.dialects.chat.messages import decode_messages, to_items
from api_gateway.dialects.chat.splice import (
    StreamSplicer,
    VendorFailedError,
    splice_completion,
    splice_request,
)
from api_gateway.dialects.completions.decode import DEFAULT_MAX_TOKENS
from model_providers import vendor_errors
from model_providers.provider import RawCall
from model_providers.token_estimate import estimate_items, estimate_text
from wire.errors import PlatformError, UpstreamProtocolError
from wire.ids import new_call_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from api_gateway.dialects.chat.head import ChatHead
    from api_gateway.dialects.completions.decode import CompletionsRequest
    from model_providers.raw_exchange import RawExchange
    from model_providers.registry import ModelClient
    from wire.conversation import Usage
    from wire.deadline import Deadline
    from wire.specs import ModelSpec

_JSON = "application/json"
_EVENT_STREAM = "text/event-stream"


class SplicedAnswer:
    """An exchange whose first bytes are here. `usage` is what the backend counted, once it has."""

    def __init__(self, exchange: RawExchange, public_model: str, *, include_usage: bool) -> None:
        self._exchange = exchange
        self._public_model = public_model
        self._include_usage = include_usage
        self._provider = exchange.model.provider.name
        self.usage: Usage | None = None

    async def read(self) -> bytes:
        """The whole answer, booked before it is handed on.

        Raises:
            PlatformError: the vendor failed, or sent something else.
        """
        async with self._exchange as exchange:
            body = await exchange.read()
            try:
                answer, usage = splice_completion(body, self._public_model, self._provider)
            except VendorFailedError as failed:
                raise self._vendor_error(failed) from None
            self._count(exchange, usage)
        return answer

    async def forward(self, write: Callable[[bytes], Awaitable[None]]) -> bytes:
        """Pass the stream on; what is returned is the last of it, booked but not yet written.

        Raises:
            PlatformError: the vendor failed in the middle.
        """
        splicer = StreamSplicer(
            public_model=self._public_model,
            include_usage=self._include_usage,
            provider=self._provider,
        )
        async with self._exchange as exchange:
            self._require_stream(exchange)
            try:
                last = await self._forward(exchange, splicer, write)
            except VendorFailedError as failed:
                raise self._vendor_error(failed) from None
            finally:
                self._count(exchange, splicer.usage)
            exchange.complete()
        return last

    async def _forward(
        self,
        exchange: RawExchange,
        splicer: StreamSplicer,
        write: Callable[[bytes], Awaitable[None]],
    ) -> bytes:
        async with aclosing(exchange.iter_bytes()) as chunks:
            async for chunk in chunks:
                out = splicer.feed(chunk)
                if splicer.done:
                    return out
                if out:
                    await write(out)
                splicer.check()
        return splicer.end()

    def _count(self, exchange: RawExchange, usage: Usage | None) -> None:
        if usage is not None:
            self.usage = usage
            exchange.report_usage(usage)

    def _require_stream(self, exchange: RawExchange) -> None:
        if exchange.content_type != _EVENT_STREAM:
            raise UpstreamProtocolError(
                f"{self._provider} was asked for a stream and sent something else",
                provider=self._provider,
            )

    def _vendor_error(self, failed: VendorFailedError) -> PlatformError:
        return vendor_errors.from_object(self._provider, failed.raw)


async def open_spliced(
    client: ModelClient,
    head: ChatHead,
    model: ModelSpec,
    deadline: Deadline,
    traceparent: str | None,
) -> SplicedAnswer:
    """Send the client's chat request to the model's backend and wait for its first bytes.

    Raises:
        PlatformError: no backend, nor any fallback, began an answer.
    """
    parameters = head.parameters
    limit = parameters.max_completion_tokens or parameters.max_tokens
    call = RawCall(
        call_id=new_call_id(),
        model=model,
        body=_body_for(head, model),
        deadline=deadline,
        accept=_EVENT_STREAM if head.streams else _JSON,
        traceparent=traceparent,
        body_for=lambda fallback: _body_for(head, fallback),
        input_tokens_estimate=lambda: _estimate_input(head),
        reserved_output_tokens=limit or model.max_output_tokens,
    )
    exchange = await client.open_raw(call)
    return SplicedAnswer(exchange, parameters.model, include_usage=head.includes_usage)


async def open_spliced_completions(
    client: ModelClient,
    request: CompletionsRequest,
    model: ModelSpec,
    deadline: Deadline,
    traceparent: str | None,
) -> SplicedAnswer:
    """The same for a legacy completions request. Fallbacks count only if all have the endpoint.

    Raises:
        PlatformError: no backend, nor any fallback, began an answer.
    """
    parameters = request.parameters
    may_fall_back = all(each.capabilities.completions for each in model.fallbacks)
    call = RawCall(
        call_id=new_call_id(),
        model=model,
        path="/completions",
        body=request.spliced(model.upstream_model),
        deadline=deadline,
        accept=_EVENT_STREAM if request.streams else _JSON,
        traceparent=traceparent,
        body_for=_completions_body_for(request) if may_fall_back else None,
        input_tokens_estimate=lambda: _estimate_prompts(request),
        reserved_output_tokens=parameters.max_tokens or DEFAULT_MAX_TOKENS,
    )
    exchange = await client.open_raw(call)
    return SplicedAnswer(exchange, parameters.model, include_usage=request.includes_usage)


def _completions_body_for(request: CompletionsRequest) -> Callable[[ModelSpec], bytes]:
    return lambda fallback: request.spliced(fallback.upstream_model)


def _estimate_prompts(request: CompletionsRequest) -> int:
    prompt = request.parameters.prompt
    if isinstance(prompt, str):
        return estimate_text(prompt)
    return sum(_estimate_prompt(each) for each in prompt)


def _estimate_prompt(prompt: str | int | list[int]) -> int:
    match prompt:
        case str():
            return estimate_text(prompt)
        case int():
            return 1
        case _:
            return len(prompt)


def _estimate_input(head: ChatHead) -> int:
    """Asked only when the vendor reports nothing: it decodes the whole conversation."""
    return estimate_items(to_items(decode_messages(head.parameters.messages)))


def _body_for(head: ChatHead, model: ModelSpec) -> bytes:
    """Clients send `reasoning_effort` to any model; a backend that knows none would refuse it."""
    without = () if model.capabilities.reasoning else ("reasoning_effort",)
    return splice_request(head, model.upstream_model, without=without)
