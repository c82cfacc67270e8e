"""What a Responses backend answers, as neutral events. Pure.

Each client of this dialect depends on another part of its stream, and so each backend leaves out
another part: text may come in deltas, with its finished item, or only in the final response. What
came first counts, and nothing is said twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from model_providers import vendor_errors
from model_providers.tool_names import unflatten
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    CompactionItem,
    FinishReason,
    ItemDone,
    OtherItem,
    ReasoningDelta,
    ReasoningItem,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    ToolKind,
    Usage,
    UsageReported,
)
from wire.errors import PlatformError, UpstreamError
from wire.raw_json import ABSENT, is_present

if TYPE_CHECKING:
    from collections.abc import Callable

    from model_providers.decode_context import DecodeContext
    from wire.sse import SseEvent

_NO_LOGPROBS = (b"", b"null", b"[]")


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""
    refusal: str = ""


class _OutputItem(msgspec.Struct):
    """Any output item; which fields matter depends on `type`."""

    type: str
    id: str | None = None
    call_id: str | None = None
    name: str = ""
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    content: list[_Part] | None = None
    summary: list[_Part] | None = None
    encrypted_content: str | None = None


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = 0
    cache_write_tokens: int | None = 0


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = 0


class _Usage(msgspec.Struct):
    input_tokens: int
    output_tokens: int
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Incomplete(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    status: str | None = None
    output: list[msgspec.Raw] = []
    usage: _Usage | None = None
    error: msgspec.Raw = ABSENT
    incomplete_details: _Incomplete | None = None
    service_tier: str | None = None


class _Event(msgspec.Struct):
    """Any event of the stream; which fields matter depends on `type`."""

    type: str
    output_index: int = 0
    summary_index: int = 0
    delta: msgspec.Raw = ABSENT
    logprobs: msgspec.Raw = ABSENT
    item: msgspec.Raw = ABSENT
    response: _Response | None = None
    error: msgspec.Raw = ABSENT


_EVENT = msgspec.json.Decoder(_Event)
_ITEM = msgspec.json.Decoder(_OutputItem)
_RESPONSE = msgspec.json.Decoder(_Response)
_TEXT = msgspec.json.Decoder(str)


@dataclass(slots=True)
class _Call:
    index: int
    has_arguments: bool = False


@dataclass(slots=True)
class _Progress:
    """What has been said of each output item, by its output_index."""

    calls: dict[int, _Call] = field(default_factory=dict[int, _Call])
    spoken: set[int] = field(default_factory=set[int])
    reasoned: set[int] = field(default_factory=set[int])
    done: set[int] = field(default_factory=set[int])


class ResponsesStreamDecoder:
    """Feed it each event of the stream, then `end` once."""

    def __init__(self, context: DecodeContext) -> None:
        self._context = context
        self._progress = _Progress()
        self._final: _Response | None = None

    @property
    def done(self) -> bool:
        """The final response was seen; a trailing `[DONE]` is of no interest."""
        return self._final is not None

    @property
    def complete(self) -> bool:
        return self.done

    def feed(self, event: SseEvent) -> list[AnswerEvent]:
        """The events that this one brings.

        Raises:
            ProviderError, ContextLengthExceededError: it says that the response failed.
            UpstreamProtocolError: it is not an event of this dialect.
        """
        if self.done or not event.data or event.data.startswith(b"[DONE]"):
            return []
        try:
            decoded = _EVENT.decode(event.data)
            if decoded.type == "error":
                raise self._failure(decoded.error if is_present(decoded.error) else event.data)
            return self._take(decoded)
        except msgspec.DecodeError as error:
            raise self._context.protocol_error("malformed JSON in its stream") from error

    def end(self) -> list[AnswerEvent]:
        """The closing events.

        Raises:
            UpstreamProtocolError: the final response never came.
        """
        final = self._final
        if final is None:
            raise self._context.protocol_error("its stream ended early")
        events: list[AnswerEvent] = [ChoiceFinished(self._finish_reason(final))]
        if final.usage is not None:
            events.append(UsageReported(_read_usage(final.usage), final.service_tier))
        return events

    def feed_response(self, response: _Response) -> list[AnswerEvent]:
        """The final response: what its stream did not say yet.

        Raises:
            ProviderError, ContextLengthExceededError: it failed.
        """
        if response.status in ("failed", "cancelled") or is_present(response.error):
            raise self._failure(response.error)
        self._final = response
        events: list[AnswerEvent] = []
        for index, raw in enumerate(response.output):
            if index not in self._progress.done:
                events += self._item_done(index, raw)
        return events

    def _take(self, event: _Event) -> list[AnswerEvent]:
        handler = _HANDLERS.get(event.type)
        return [] if handler is None else handler(self, event)

    def take_refusal(self, event: _Event) -> list[AnswerEvent]:
        self._progress.spoken.add(event.output_index)
        return [RefusalDelta(_TEXT.decode(event.delta))]

    def take_reasoning(self, event: _Event) -> list[AnswerEvent]:
        self._progress.reasoned.add(event.output_index)
        return [ReasoningDelta(_TEXT.decode(event.delta))]

    def take_summary_part(self, event: _Event) -> list[AnswerEvent]:
        return [ReasoningDelta("\n\n")] if event.summary_index > 0 else []

    def take_final(self, event: _Event) -> list[AnswerEvent]:
        return self.feed_response(event.response or _Response(status="failed"))

    def take_text(self, event: _Event) -> list[AnswerEvent]:
        self._progress.spoken.add(event.output_index)
        logprobs = ABSENT if bytes(event.logprobs) in _NO_LOGPROBS else event.logprobs
        return [TextDelta(_TEXT.decode(event.delta), logprobs=logprobs)]

    def take_arguments(self, event: _Event) -> list[AnswerEvent]:
        call = self._progress.calls.get(event.output_index)
        if call is None:
            raise self._context.protocol_error("arguments of a tool call that never began")
        text = _TEXT.decode(event.delta)
        call.has_arguments = True
        return [ToolArgumentsDelta(call.index, text)] if text else []

    def take_item_added(self, event: _Event) -> list[AnswerEvent]:
        item = _ITEM.decode(event.item)
        is_call = _tool_kind(item) is not None
        return [self._start_call(event.output_index, item)] if is_call else []

    def take_item_done(self, event: _Event) -> list[AnswerEvent]:
        return self._item_done(event.output_index, event.item)

    def _item_done(self, index: int, raw: msgspec.Raw) -> list[AnswerEvent]:
        item = _ITEM.decode(raw)
        self._progress.done.add(index)
        kind = _tool_kind(item)
        if kind is not None:
            return self._call_done(index, item)
        if item.type == "message":
            return [] if index in self._progress.spoken else _message_events(item)
        if item.type == "reasoning":
            return self._reasoning_done(index, item)
        if item.type == "compaction":
            sealed = CompactionItem(item.encrypted_content or "", item.id)
            return [ItemDone(sealed)]
        return [ItemDone(OtherItem(item.type, raw.copy(), item.id))]

    def _call_done(self, index: int, item: _OutputItem) -> list[AnswerEvent]:
        events: list[AnswerEvent] = []
        if index not in self._progress.calls:
            events.append(self._start_call(index, item))
        call = self._progress.calls[index]
        text = item.arguments if item.arguments is not None else item.input
        if not call.has_arguments and text:
            call.has_arguments = True
            events.append(ToolArgumentsDelta(call.index, text))
        return events

    def _start_call(self, index: int, item: _OutputItem) -> ToolCallStarted:
        if not item.name:
            raise self._context.protocol_error("a tool call without a name")
        call = self._progress.calls[index] = _Call(len(self._progress.calls))
        name = unflatten(item.name, self._context.tool_names)
        return ToolCallStarted(
            call.index,
            item.call_id or self._context.new_tool_call_id(),
            name.name,
            _tool_kind(item) or "function",
            item.namespace or name.namespace,
        )

    def _reasoning_done(self, index: int, item: _OutputItem) -> list[AnswerEvent]:
        texts = tuple(part.text for part in item.summary or ())
        events: list[AnswerEvent] = []
        if index not in self._progress.reasoned:
            said = "\n\n".join(texts) or "".join(part.text for part in item.content or ())
            events += [ReasoningDelta(said)] if said else []
        if item.encrypted_content is not None:
            events.append(ItemDone(ReasoningItem(texts, item.encrypted_content, item.id)))
        return events

    def _finish_reason(self, final: _Response) -> FinishReason:
        if final.status == "incomplete" or final.incomplete_details is not None:
            details = final.incomplete_details
            filtered = details is not None and details.reason == "content_filter"
            return "content_filter" if filtered else "length"
        return "tool_calls" if self._progress.calls else "stop"

    def _failure(self, error: msgspec.Raw | bytes) -> PlatformError:
        provider = self._context.provider
        said = bytes(error)
        if said not in (b"", b"null"):
            return vendor_errors.from_object(provider, said)
        return UpstreamError(f"{provider} failed in the middle of its answer", provider=provider)


_HANDLERS: dict[str, Callable[[ResponsesStreamDecoder, _Event], list[AnswerEvent]]] = {
    "response.output_text.delta": ResponsesStreamDecoder.take_text,
    "response.refusal.delta": ResponsesStreamDecoder.take_refusal,
    "response.reasoning_summary_part.added": ResponsesStreamDecoder.take_summary_part,
    "response.reasoning_summary_text.delta": ResponsesStreamDecoder.take_reasoning,
    "response.reasoning_text.delta": ResponsesStreamDecoder.take_reasoning,
    "response.function_call_arguments.delta": ResponsesStreamDecoder.take_arguments,
    "response.custom_tool_call_input.delta": ResponsesStreamDecoder.take_arguments,
    "response.output_item.added": ResponsesStreamDecoder.take_item_added,
    "response.output_item.done": ResponsesStreamDecoder.take_item_done,
    "response.completed": ResponsesStreamDecoder.take_final,
    "response.incomplete": ResponsesStreamDecoder.take_final,
    "response.failed": ResponsesStreamDecoder.take_final,
}


def decode_response(body: bytes, context: DecodeContext) -> list[AnswerEvent]:
    """A whole answer as the events its stream would have had.

    Raises:
        ProviderError, ContextLengthExceededError: it failed.
        UpstreamProtocolError: it is not a response.
    """
    try:
        response = _RESPONSE.decode(body)
        decoder = ResponsesStreamDecoder(context)
        if response.status is None and not is_present(response.error):
            raise context.protocol_error("its answer is no response")
        return [*decoder.feed_response(response), *decoder.end()]
    except msgspec.DecodeError as error:
        raise context.protocol_error("its answer is no response") from error


def _tool_kind(item: _OutputItem) -> ToolKind | None:
    if item.type == "function_call":
        return "function"
    return "custom" if item.type == "custom_tool_call" else None


def _message_events(item: _OutputItem) -> list[AnswerEvent]:
    events: list[AnswerEvent] = []
    for part in item.content or ():
        if part.refusal:
            events.append(RefusalDelta(part.refusal))
        elif part.text:
            events.append(TextDelta(part.text))
    return events


def _read_usage(usage: _Usage) -> Usage:
    prompt, output = max(0, usage.input_tokens), max(0, usage.output_tokens)
    details, output_details = usage.input_tokens_details, usage.output_tokens_details
    cached = (details.cached_tokens or 0) if details else 0
    written = (details.cache_write_tokens or 0) if details else 0
    reasoning = (output_details.reasoning_tokens or 0) if output_details else 0
    return Usage(
        input_tokens=prompt,
        output_tokens=output,
        cached_tokens=max(0, min(cached, prompt)),
        cache_write_tokens=max(0, written),
        reasoning_tokens=max(0, min(reasoning, output)),
    )
