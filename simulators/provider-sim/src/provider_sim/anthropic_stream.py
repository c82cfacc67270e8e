"""Writes one answer in Anthropic's Messages wire: the message, or its sequence of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from provider_sim.anthropic_parts import SIGNATURE_PREFIX
from provider_sim.frames import Frame
from provider_sim.json_types import Json, JsonObject, dumps, loads
from provider_sim.token_counter import count_tokens, pieces
from provider_sim.vendors import anthropic_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provider_sim.frames import Stamp
    from provider_sim.prompt import Reply, ToolCall
    from provider_sim.usage import Usage
    from provider_sim.wire_errors import WireError

ThinkingDisplay: TypeAlias = Literal["none", "omitted", "summarized"]

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_PING = Frame(b'event: ping\ndata: {"type":"ping"}\n\n')


class MessagesWriter:
    def __init__(
        self,
        model: str,
        reply: Reply,
        shown: Usage | None,
        stamp: Stamp,
        thinking: ThinkingDisplay,
    ) -> None:
        self._model = model
        self._reply = reply
        self._shown = shown
        self._stamp = stamp
        self._thinking = thinking

    @property
    def stop_reason(self) -> str:
        return "stop_sequence" if self._reply.stopped_by else _STOP_REASONS[self._reply.finish]

    @property
    def beats(self) -> int:
        calls = sum(1 + len(pieces(call.arguments)) for call in self._reply.calls)
        return len(self._reply.reasoning) + len(self._reply.text) + calls

    def body(self) -> bytes:
        """The finished message."""
        return dumps(
            self._message(
                content=self._content(),
                stop_reason=self.stop_reason,
                usage=None if self._shown is None else _usage(self._shown),
            )
        )

    def _message(
        self, *, content: list[Json], stop_reason: str | None, usage: JsonObject | None
    ) -> JsonObject:
        message: JsonObject = {
            "id": f"msg_{self._stamp.token}",
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": self._reply.stopped_by if stop_reason else None,
            "stop_details": self._stop_details() if stop_reason else None,
        }
        return message if usage is None else {**message, "usage": usage}

    def _stop_details(self) -> JsonObject | None:
        if self._reply.finish != "content_filter":
            return None
        return {"type": "refusal", "category": None, "explanation": None}

    def _content(self) -> list[Json]:
        content: list[Json] = []
        if self._thinks:
            thought = "".join(self._reply.reasoning) if self._thinking == "summarized" else ""
            content.append(
                {"type": "thinking", "thinking": thought, "signature": self._signature()}
            )
        if self._reply.text:
            content.append({"type": "text", "text": "".join(self._reply.text), "citations": None})
        content += [_call_block(call, loads(call.arguments)) for call in self._reply.calls]
        return content

    @property
    def _thinks(self) -> bool:
        return bool(self._reply.reasoning) and self._thinking != "none"

    def _signature(self) -> str:
        return f"{SIGNATURE_PREFIX}{self._stamp.token}"

    def frames(self) -> list[Frame]:
        """`message_start`, the blocks, `message_delta`, `message_stop`."""
        start = self._message(content=[], stop_reason=None, usage=self._first_usage())
        frames = [_frame("message_start", {"message": start}), _PING]
        blocks = list(self._blocks())
        for index, (opening, deltas) in enumerate(blocks):
            frames += _block_frames(index, opening, deltas)
        frames.append(self._delta())
        frames.append(_frame("message_stop", {}))
        return frames

    def _first_usage(self) -> JsonObject | None:
        """Input is counted when the stream starts; of the output, one token."""
        return None if self._shown is None else {**_usage(self._shown), "output_tokens": 1}

    def _blocks(self) -> Iterator[tuple[_Opening, Iterable[Frame]]]:
        if self._thinks:
            block: JsonObject = {"type": "thinking", "thinking": "", "signature": ""}
            yield _Opening(block), self._thinking_deltas()
        if self._reply.text:
            text: JsonObject = {"type": "text", "text": "", "citations": None}
            yield _Opening(text), _text_deltas(self._reply.text)
        for call in self._reply.calls:
            yield _Opening(_call_block(call, {}), count_tokens(call.name)), _call_deltas(call)

    def _thinking_deltas(self) -> Iterator[Frame]:
        for piece in self._reply.reasoning:
            if self._thinking == "summarized":
                yield _delta({"type": "thinking_delta", "thinking": piece}, 1, 1)
            else:
                yield Frame(b"", 1, 1)  # thought, and not shown
        yield _delta({"type": "signature_delta", "signature": self._signature()})

    def _delta(self) -> Frame:
        fields: JsonObject = {
            "delta": {
                "stop_reason": self.stop_reason,
                "stop_sequence": self._reply.stopped_by,
                "stop_details": self._stop_details(),
            },
        }
        if self._shown is not None:
            fields["usage"] = _final_usage(self._shown)
        return _frame("message_delta", fields)

    def error_frames(self, error: WireError, _frames_sent: int) -> list[Frame]:
        """The vendor's `error` event; nothing follows it."""
        return [_frame("error", {"error": anthropic_error(error)})]


class _Opening:
    def __init__(self, block: JsonObject, tokens: int = 0) -> None:
        self.block = block
        self.tokens = tokens


def _block_frames(index: int, opening: _Opening, deltas: Iterable[Frame]) -> Iterator[Frame]:
    start: JsonObject = {"index": index, "content_block": opening.block}
    yield _frame("content_block_start", start, opening.tokens)
    prefix = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d' % index
    for delta in deltas:
        data = prefix + delta.data if delta.data else b""
        yield Frame(data, delta.tokens, delta.reasoning_tokens)
    yield _frame("content_block_stop", {"index": index})


def _frame(kind: str, fields: JsonObject, tokens: int = 0) -> Frame:
    body = dumps({"type": kind, **fields})
    return Frame(b"event: %b\ndata: %b\n\n" % (kind.encode(), body), tokens)


def _delta(delta: JsonObject, tokens: int = 0, reasoning_tokens: int = 0) -> Frame:
    """The rest of a `content_block_delta` behind its index."""
    return Frame(b',"delta":' + dumps(delta) + b"}\n\n", tokens, reasoning_tokens)


def _text_deltas(texts: Iterable[str]) -> Iterator[Frame]:
    for text in texts:
        yield Frame(b',"delta":{"type":"text_delta","text":' + dumps(text) + b"}}\n\n", 1)


def _call_deltas(call: ToolCall) -> Iterator[Frame]:
    yield _delta({"type": "input_json_delta", "partial_json": ""})
    for piece in pieces(call.arguments):
        yield _delta({"type": "input_json_delta", "partial_json": piece}, 1)


def _call_block(call: ToolCall, arguments: Json) -> JsonObject:
    block: JsonObject = {"type": "tool_use", "id": tool_use_id(call), "name": call.name}
    return {**block, "input": arguments if isinstance(arguments, dict) else {}}


def tool_use_id(call: ToolCall) -> str:
    """The call's id as this vendor writes it."""
    return call.call_id.replace("call_", "toolu_", 1)


def _usage(usage: Usage) -> JsonObject:
    """Usage in the words of this wire: cached input is counted beside the rest, not in it."""
    written = usage.cache_write_tokens
    return {
        **_final_usage(usage),
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "inference_geo": None,
        "service_tier": "standard",
    }


def _final_usage(usage: Usage) -> JsonObject:
    fresh = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
    return {
        "input_tokens": max(0, fresh),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
        "server_tool_use": None,
    }
