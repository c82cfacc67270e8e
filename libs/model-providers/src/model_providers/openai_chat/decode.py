"""What a Chat backend answers, as neutral events. Pure.

Strict about the protocol (a stream must say how each choice finished, an error object is an
error), tolerant about its extras: unknown fields, missing indices and ids of tool calls, usage in
any chunk, no `[DONE]`, content-filter preludes without choices.

`ChoiceFinished` and `UsageReported` come at the stream's end, whatever order the backend sends
its last chunks in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from model_providers import vendor_errors
from model_providers.openai_chat import lenient
from model_providers.tool_names import unflatten
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    ToolKind,
    Usage,
    UsageReported,
)
from wire.errors import PlatformError, UpstreamError
from wire.openai_chat import (
    ChatChunk,
    ChatCompletion,
    ChunkChoice,
    CompletionUsage,
    Delta,
    DeltaCustom,
    DeltaFunction,
    DeltaToolCall,
    MessageToolCall,
    ResponseChoice,
)
from wire.raw_json import ABSENT, is_present

if TYPE_CHECKING:
    from model_providers.decode_context import DecodeContext
    from wire.sse import SseEvent

_CHUNK = msgspec.json.Decoder(ChatChunk)
_COMPLETION = msgspec.json.Decoder(ChatCompletion)

_FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",
}


@dataclass(slots=True)
class _Call:
    """A tool call under way. It is announced once its name is known; arguments wait for that."""

    index: int
    call_id: str
    name: str = ""
    kind: ToolKind = "function"
    waiting: str = ""
    announced: bool = False


@dataclass(slots=True)
class _Choice:
    calls: list[_Call] = field(default_factory=list[_Call])
    by_vendor_index: dict[int, _Call] = field(default_factory=dict[int, _Call])
    finish_reason: str | None = None


class ChatStreamDecoder:
    """Feed it each event of the stream, then `end` once: at `[DONE]` or at the end of the body."""

    def __init__(self, context: DecodeContext) -> None:
        self._context = context
        self._choices: dict[int, _Choice] = {}
        self._usage: CompletionUsage | None = None
        self._service_tier: str | None = None
        self._done = False

    @property
    def done(self) -> bool:
        """The backend said `[DONE]`: nothing more is to come."""
        return self._done

    @property
    def complete(self) -> bool:
        """Every choice has finished; at most the usage is still to come."""
        return bool(self._choices) and all(
            choice.finish_reason is not None for choice in self._choices.values()
        )

    def feed(self, event: SseEvent) -> list[AnswerEvent]:
        """The events that this one brings.

        Raises:
            ProviderError, ContextLengthExceededError: it is an error object.
            UpstreamProtocolError: it is not a chunk.
        """
        if self._done or not event.data:
            return []
        if event.data.startswith(b"[DONE]"):
            self._done = True
            return []
        return self.feed_chunk(self._chunk(event.data))

    def feed_chunk(self, chunk: ChatChunk) -> list[AnswerEvent]:
        if _is_error(chunk.error):
            raise vendor_errors.from_object(self._context.provider, bytes(chunk.error))
        if chunk.usage is not None:
            self._usage = chunk.usage
        if chunk.service_tier is not None:
            self._service_tier = chunk.service_tier
        events: list[AnswerEvent] = []
        for choice in chunk.choices:
            self._take(choice, events)
        return events

    def end(self) -> list[AnswerEvent]:
        """The closing events.

        Raises:
            UpstreamProtocolError: a choice, or the whole answer, never finished.
            UpstreamError: the backend said that it failed, by its finish_reason.
        """
        if not self.complete:
            raise self._context.protocol_error("its stream ended early")
        events: list[AnswerEvent] = [
            self._finished(index, choice) for index, choice in sorted(self._choices.items())
        ]
        if self._usage is not None:
            events.append(UsageReported(read_usage(self._usage), self._service_tier))
        return events

    def _chunk(self, data: bytes) -> ChatChunk:
        try:
            return _CHUNK.decode(data)
        except msgspec.DecodeError:
            chunk = lenient.convert(data, ChatChunk)
        if chunk is None:
            raise self._context.protocol_error("malformed JSON in its stream")
        return chunk

    def _take(self, choice: ChunkChoice, events: list[AnswerEvent]) -> None:
        state = self._choices.get(choice.index)
        if state is None:
            state = self._choices[choice.index] = _Choice()
        _take_text(choice, events)
        for delta in choice.delta.tool_calls or ():
            self._take_call(choice.index, state, delta, events)
        if choice.finish_reason:
            state.finish_reason = choice.finish_reason

    def _take_call(
        self, choice: int, state: _Choice, delta: DeltaToolCall, events: list[AnswerEvent]
    ) -> None:
        body = delta.function or delta.custom
        call = self._find_call(state, delta, body)
        if body is not None and body.name and not call.name:
            call.name = body.name
        if delta.custom is not None or delta.type == "custom":
            call.kind = "custom"
        text = _arguments(body)
        if not call.announced and call.name:
            events.append(self._announce(choice, call))
            text = call.waiting + text
        if call.announced and text:
            events.append(ToolArgumentsDelta(call.index, text, choice))
        elif not call.announced:
            call.waiting += text

    def _find_call(
        self, state: _Choice, delta: DeltaToolCall, body: DeltaFunction | DeltaCustom | None
    ) -> _Call:
        """The call that a delta continues, or a new one.

        Backends forget the index, or give every call index 0; then a new id says a new call.
        """
        names_one = body is not None and bool(body.name)
        if delta.index is not None:
            known = state.by_vendor_index.get(delta.index)
            other_id = known is not None and bool(delta.id) and delta.id != known.call_id
            if known is not None and not (other_id and names_one):
                return known
        elif delta.id:
            known = next((call for call in state.calls if call.call_id == delta.id), None)
            if known is not None:
                return known
        elif state.calls and not (names_one and state.calls[-1].name):
            return state.calls[-1]
        return self._new_call(state, delta)

    def _new_call(self, state: _Choice, delta: DeltaToolCall) -> _Call:
        call = _Call(len(state.calls), delta.id or self._context.new_tool_call_id())
        state.calls.append(call)
        if delta.index is not None:
            state.by_vendor_index[delta.index] = call
        return call

    def _announce(self, choice: int, call: _Call) -> ToolCallStarted:
        call.announced = True
        name = unflatten(call.name, self._context.tool_names)
        return ToolCallStarted(
            call.index, call.call_id, name.name, call.kind, name.namespace, choice
        )

    def _finished(self, index: int, choice: _Choice) -> ChoiceFinished:
        if any(not call.announced for call in choice.calls):
            raise self._context.protocol_error("a tool call without a name")
        if choice.finish_reason == "error":  # OpenRouter's word for a failure upstream of it
            raise UpstreamError(
                f"{self._context.provider} failed in the middle of its answer",
                provider=self._context.provider,
            )
        return ChoiceFinished(
            _finish_reason(choice.finish_reason, called=bool(choice.calls)), index
        )


def decode_completion(body: bytes, context: DecodeContext) -> list[AnswerEvent]:
    """A whole answer as the events its stream would have had.

    Raises:
        ProviderError, ContextLengthExceededError: the body is an error object.
        UpstreamProtocolError: it is not a completion.
    """
    completion = _completion(body, context)
    decoder = ChatStreamDecoder(context)
    chunk = ChatChunk(
        choices=[_as_chunk_choice(choice) for choice in completion.choices],
        usage=completion.usage,
        service_tier=completion.service_tier,
    )
    return [*decoder.feed_chunk(chunk), *decoder.end()]


def read_usage(usage: CompletionUsage) -> Usage:
    """The vendor's own count.

    Some count reasoning beside the completion instead of in it; their total tells.
    """
    prompt, output = max(0, usage.prompt_tokens), max(0, usage.completion_tokens)
    prompt_details, output_details = usage.prompt_tokens_details, usage.completion_tokens_details
    cached = (prompt_details.cached_tokens or 0) if prompt_details else 0
    reasoning = (output_details.reasoning_tokens or 0) if output_details else 0
    if reasoning > 0 and usage.total_tokens == prompt + output + reasoning:
        output += reasoning
    return Usage(
        input_tokens=prompt,
        output_tokens=output,
        cached_tokens=max(0, min(cached, prompt)),
        reasoning_tokens=max(0, min(reasoning, output)),
    )


def _completion(body: bytes, context: DecodeContext) -> ChatCompletion:
    try:
        completion = _COMPLETION.decode(body)
    except msgspec.DecodeError:
        completion = lenient.convert(body, ChatCompletion)
    if completion is not None and completion.choices:
        return completion
    raise _not_a_completion(body, context)


def _not_a_completion(body: bytes, context: DecodeContext) -> PlatformError:
    try:
        error = msgspec.json.decode(body, type=_ErrorProbe).error
    except msgspec.DecodeError:
        error = ABSENT
    if _is_error(error):
        return vendor_errors.from_object(context.provider, bytes(error))
    return context.protocol_error("its answer is no completion")


class _ErrorProbe(msgspec.Struct):
    error: msgspec.Raw = ABSENT


def _is_error(raw: msgspec.Raw) -> bool:
    return bool(raw) and bytes(raw) not in (b"null", b"{}", b"false", b'""')


def _as_chunk_choice(choice: ResponseChoice) -> ChunkChoice:
    message = choice.message
    calls = message.tool_calls or []
    delta = Delta(
        content=message.content,
        refusal=message.refusal,
        reasoning_content=message.reasoning_content or message.reasoning,
        tool_calls=[_as_delta_call(place, call) for place, call in enumerate(calls)],
    )
    # The body is whole, so a missing reason is only an omission.
    return ChunkChoice(choice.index, delta, choice.finish_reason or "stop", choice.logprobs)


def _as_delta_call(place: int, call: MessageToolCall) -> DeltaToolCall:
    if call.custom is not None:
        custom = DeltaCustom(call.custom.name, call.custom.input)
        return DeltaToolCall(place, call.id or None, "custom", custom=custom)
    body = call.function
    function = None if body is None else DeltaFunction(body.name, body.arguments)
    return DeltaToolCall(place, call.id or None, "function", function=function)


def _take_text(choice: ChunkChoice, events: list[AnswerEvent]) -> None:
    delta, index = choice.delta, choice.index
    reasoning = delta.reasoning_content or delta.reasoning
    if reasoning:
        events.append(ReasoningDelta(reasoning, index))
    logprobs = choice.logprobs.content if choice.logprobs is not None else ABSENT
    logprobs = logprobs if is_present(logprobs) else ABSENT
    if delta.content or logprobs:
        events.append(TextDelta(delta.content or "", index, logprobs))
    if delta.refusal:
        events.append(RefusalDelta(delta.refusal, index))


def _arguments(body: DeltaFunction | DeltaCustom | None) -> str:
    if body is None:
        return ""
    return (body.arguments if isinstance(body, DeltaFunction) else body.input) or ""


def _finish_reason(reason: str | None, *, called: bool) -> FinishReason:
    """Backends say `stop` after calls too, and words of their own; the calls decide."""
    known = _FINISH_REASONS.get(reason or "stop", "stop")
    return "tool_calls" if called and known == "stop" else known
