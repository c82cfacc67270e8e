"""An answer of `POST /v1/messages`, streamed or whole, as neutral events. Pure.

Blocks may come in any number and order; those we do not know are passed over. Input counts beside
what was read from and written to the cache; ours holds all three.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from model_providers import vendor_errors
from model_providers.json_values import loads
from model_providers.tool_names import unflatten
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from wire.raw_json import ABSENT, is_present

if TYPE_CHECKING:
    from model_providers.decode_context import DecodeContext
    from wire.sse import SseEvent

_FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
# Theirs by the names OpenAI's clients know.
_TIERS = {"standard": "default", "priority": "priority", "batch": "flex"}


class _OutputDetails(msgspec.Struct):
    thinking_tokens: int | None = None


class _Usage(msgspec.Struct):
    """Cumulative; a field that is absent has not changed."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None
    output_tokens_details: _OutputDetails | None = None
    service_tier: str | None = None


class _Block(msgspec.Struct):
    type: str = ""
    id: str | None = None
    name: str | None = None
    text: str | None = None
    thinking: str | None = None
    input: msgspec.Raw = ABSENT


class _Delta(msgspec.Struct):
    """Of a block, or of the message: then `stop_reason`."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Message(msgspec.Struct):
    type: str = ""
    content: list[_Block] = []
    stop_reason: str | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = ABSENT


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = ABSENT


_EVENT = msgspec.json.Decoder(_Event)
_MESSAGE = msgspec.json.Decoder(_Message)


@dataclass(slots=True)
class _Call:
    """A tool call under way. `place` is None for the tool that takes the answer."""

    place: int | None
    free_text_key: str | None
    whole_input: bytes
    """What stood in the block from the start; counts only if no pieces follow."""
    pieces: list[str]


class MessagesStreamDecoder:
    """Feed it each event of the stream, then `end` once."""

    def __init__(self, context: DecodeContext) -> None:
        self._context = context
        self._calls: dict[int, _Call] = {}
        self._next_place = 0
        self._held_text: list[str] = []
        self._answered_by_tool = False
        self._usage = _Usage()
        self._counted = False
        self._stop_reason: str | None = None
        self._done = False

    @property
    def done(self) -> bool:
        """The backend said `message_stop`: nothing more is to come."""
        return self._done

    @property
    def complete(self) -> bool:
        """The reason of the stop is known, and with it the usage."""
        return self._stop_reason is not None

    def feed(self, event: SseEvent) -> list[AnswerEvent]:
        """The events that this one brings.

        Raises:
            ProviderError, ContextLengthExceededError: it is an error.
            UpstreamProtocolError: it is not an event of this protocol.
        """
        if self._done or not event.data:
            return []
        try:
            decoded = _EVENT.decode(event.data)
        except msgspec.DecodeError as error:
            raise self._context.protocol_error("malformed JSON in its stream") from error
        if decoded.type == "error" or is_present(decoded.error):
            raise vendor_errors.from_object(self._context.provider, event.data)
        return self._take(decoded)

    def _take(self, event: _Event) -> list[AnswerEvent]:
        match event.type:
            case "content_block_start" if event.content_block is not None:
                return self._start(event.index, event.content_block)
            case "content_block_delta" if event.delta is not None:
                return self._continue(event.index, event.delta)
            case "content_block_stop":
                return self._stop(event.index)
            case "message_start" if event.message is not None:
                self.count(event.message.usage)
            case "message_delta":
                self.count(event.usage)
                self._counted = self._counted or _has_output(event.usage)
                if event.delta is not None and event.delta.stop_reason is not None:
                    self._stop_reason = event.delta.stop_reason
            case "message_stop":
                self._done = True
            case _:
                pass  # ping, and whatever comes to be
        return []

    def count(self, usage: _Usage | None) -> None:
        """Take over what is counted so far."""
        if usage is None:
            return
        for field in _Usage.__struct_fields__:
            value = getattr(usage, field)
            if value is not None:
                setattr(self._usage, field, value)

    def take_whole(self, message: _Message) -> list[AnswerEvent]:
        """The events of a message that came in one piece."""
        events: list[AnswerEvent] = []
        for index, block in enumerate(message.content):
            events += self._start(index, block)
            events += self._stop(index)
        self.count(message.usage)
        self._counted = _has_output(message.usage)
        # The body is whole, so a missing reason is only an omission.
        self._stop_reason = message.stop_reason or "end_turn"
        return [*events, *self.end()]

    def end(self) -> list[AnswerEvent]:
        """The closing events.

        Raises:
            UpstreamProtocolError: the answer never finished.
        """
        if self._stop_reason is None:
            raise self._context.protocol_error("its stream ended early")
        events: list[AnswerEvent] = []
        if self._held_text and not self._answered_by_tool:
            events.append(TextDelta("".join(self._held_text)))
        events.append(ChoiceFinished(self._finish_reason(self._stop_reason)))
        if self._counted:
            tier = _TIERS.get(self._usage.service_tier or "")
            events.append(UsageReported(_read_usage(self._usage), tier))
        return events

    # ------------------------------------------------------------------------------------ blocks

    def _start(self, index: int, block: _Block) -> list[AnswerEvent]:
        match block.type:
            case "text" if block.text:
                return self._text(block.text)
            case "thinking" if block.thinking:
                return [ReasoningDelta(block.thinking)]
            case "tool_use":
                return self._start_call(index, block)
            case _:
                return []

    def _start_call(self, index: int, block: _Block) -> list[AnswerEvent]:
        context, name = self._context, block.name
        if not name:
            raise context.protocol_error("a tool call without a name")
        whole = bytes(block.input) if is_present(block.input) else b""
        if name == context.answer_tool:
            self._answered_by_tool = True
            self._calls[index] = _Call(None, None, whole, [])
            return []
        key = context.free_text_tools.get(name)
        call = self._calls[index] = _Call(self._next_place, key, whole, [])
        self._next_place += 1
        ours = unflatten(name, context.tool_names)
        kind = "function" if key is None else "custom"
        call_id = block.id or context.new_tool_call_id()
        assert call.place is not None  # noqa: S101 - narrows
        return [ToolCallStarted(call.place, call_id, ours.name, kind, ours.namespace)]

    def _continue(self, index: int, delta: _Delta) -> list[AnswerEvent]:
        if delta.text:
            return self._text(delta.text)
        if delta.thinking:
            return [ReasoningDelta(delta.thinking)]
        call = self._calls.get(index)
        if call is None or not delta.partial_json:
            return []
        call.pieces.append(delta.partial_json)
        return [] if call.free_text_key is not None else self._arguments(call, delta.partial_json)

    def _stop(self, index: int) -> list[AnswerEvent]:
        call = self._calls.pop(index, None)
        if call is None:
            return []
        if call.free_text_key is not None:
            whole = "".join(call.pieces) or call.whole_input.decode()
            return self._arguments(call, _free_text(whole, call.free_text_key))
        return [] if call.pieces else self._arguments(call, call.whole_input.decode() or "{}")

    def _arguments(self, call: _Call, text: str) -> list[AnswerEvent]:
        if call.place is None:
            return [TextDelta(text)]
        return [ToolArgumentsDelta(call.place, text)] if text else []

    def _text(self, text: str) -> list[AnswerEvent]:
        """Words beside an answer that a tool takes are none of it; until then nobody knows."""
        if self._context.answer_tool is None:
            return [TextDelta(text)]
        self._held_text.append(text)
        return []

    def _finish_reason(self, reason: str) -> FinishReason:
        known = _FINISH_REASONS.get(reason, "stop")
        if known == "tool_calls" and not self._next_place:
            return "stop"
        return "tool_calls" if known == "stop" and self._next_place else known


def decode_message(body: bytes, context: DecodeContext) -> list[AnswerEvent]:
    """A whole answer as the events its stream would have had.

    Raises:
        ProviderError, ContextLengthExceededError: the body is an error.
        UpstreamProtocolError: it is not a message.
    """
    try:
        message = _MESSAGE.decode(body)
    except msgspec.DecodeError as error:
        raise context.protocol_error("its answer is no message") from error
    if is_present(message.error):
        raise vendor_errors.from_answer(context.provider, body)
    if message.type != "message":
        raise context.protocol_error("its answer is no message")
    return MessagesStreamDecoder(context).take_whole(message)


def _has_output(usage: _Usage | None) -> bool:
    return usage is not None and usage.output_tokens is not None


def _read_usage(usage: _Usage) -> Usage:
    read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    details = usage.output_tokens_details
    output = usage.output_tokens or 0
    thought = (details.thinking_tokens or 0) if details is not None else 0
    return Usage(
        input_tokens=(usage.input_tokens or 0) + read + written,
        output_tokens=output,
        cached_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=min(thought, output),
    )


def _free_text(arguments: str, key: str) -> str:
    """What a custom tool is given; whatever does not fit the wrapping stays as it came."""
    try:
        value = loads(arguments.encode())
    except msgspec.DecodeError:
        return arguments
    text = value.get(key) if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments
