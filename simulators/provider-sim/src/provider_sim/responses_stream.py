"""Writes one Responses answer: the response object, or its full sequence of events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provider_sim.frames import Frame
from provider_sim.json_types import Json, JsonObject, dumps
from provider_sim.token_counter import count_tokens, pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from provider_sim.frames import Stamp
    from provider_sim.prompt import Reply, ToolCall
    from provider_sim.usage import Usage
    from provider_sim.wire_errors import WireError


def usage_object(usage: Usage) -> JsonObject:
    """Usage in the words of this wire."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


@dataclass(frozen=True, slots=True)
class _Event:
    """One event; the sequence number is set when it gets its place in the stream."""

    kind: str
    fields: bytes
    """The members of the object without braces."""
    tokens: int = 0
    reasoning_tokens: int = 0

    def frame(self, sequence: int) -> Frame:
        data = b'event: %b\ndata: {"type":"%b","sequence_number":%d,%b}\n\n' % (
            self.kind.encode(),
            self.kind.encode(),
            sequence,
            self.fields,
        )
        return Frame(data, self.tokens, self.reasoning_tokens)


def _event(kind: str, fields: JsonObject, tokens: int = 0) -> _Event:
    return _Event(kind, dumps(fields)[1:-1], tokens)


class ResponsesWriter:
    def __init__(
        self, model: str, echo: JsonObject, reply: Reply, shown: Usage | None, stamp: Stamp
    ) -> None:
        self._reply = reply
        self._shown = shown
        self._stamp = stamp
        self._response: JsonObject = {
            "id": f"resp_{stamp.token}",
            "object": "response",
            "created_at": stamp.unix_s,
            "model": model,
            **echo,
        }

    @property
    def beats(self) -> int:
        calls = sum(1 + len(pieces(call.arguments)) for call in self._reply.calls)
        return len(self._reply.reasoning) + len(self._reply.text) + calls

    def body(self) -> bytes:
        """The finished response object."""
        return dumps(self._finished())

    def _finished(self) -> JsonObject:
        reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(
            self._reply.finish
        )
        return {
            **self._response,
            "status": "incomplete" if reason else "completed",
            "completed_at": None if reason else self._stamp.unix_s,
            "incomplete_details": {"reason": reason} if reason else None,
            "error": None,
            "output": self._output(),
            "usage": usage_object(self._shown) if self._shown is not None else None,
        }

    def _unfinished(self, status: str, error: JsonObject | None = None) -> JsonObject:
        return {
            **self._response,
            "status": status,
            "completed_at": None,
            "incomplete_details": None,
            "error": error,
            "output": [],
            "usage": None,
        }

    def _output(self) -> list[Json]:
        status = "completed" if self._reply.finish in {"stop", "tool_calls"} else "incomplete"
        items: list[Json] = []
        if self._reply.reasoning:
            items.append(self._reasoning_item())
        if self._reply.calls:
            items += [self._call_item(index, call) for index, call in enumerate(self._reply.calls)]
        else:
            items.append(self._message_item(status))
        return items

    def _reasoning_item(self) -> JsonObject:
        text = "".join(self._reply.reasoning)
        return {
            "id": f"rs_{self._stamp.token}",
            "type": "reasoning",
            "status": "completed",
            "summary": [{"type": "summary_text", "text": text}],
        }

    def _message_item(self, status: str) -> JsonObject:
        return {
            "id": f"msg_{self._stamp.token}",
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": [_text_part("".join(self._reply.text))],
        }

    def _call_item(self, index: int, call: ToolCall) -> JsonObject:
        kind, key = ("custom_tool_call", "input") if call.custom else ("function_call", "arguments")
        item: JsonObject = {
            "id": f"{'ctc' if call.custom else 'fc'}_{self._stamp.token}{index}",
            "type": kind,
            "status": "completed",
            "call_id": call.call_id,
            "name": call.name,
            key: call.arguments,
        }
        return {**item, "namespace": call.namespace} if call.namespace else item

    def frames(self) -> list[Frame]:
        """The full sequence of events, numbered from 0."""
        return [event.frame(number) for number, event in enumerate(self._events())]

    def _events(self) -> Iterator[_Event]:
        yield _event("response.created", {"response": self._unfinished("in_progress")})
        yield _event("response.in_progress", {"response": self._unfinished("in_progress")})
        index = 0
        if self._reply.reasoning:
            yield from self._reasoning_events()
            index = 1
        if self._reply.calls:
            for number, call in enumerate(self._reply.calls):
                yield from self._call_events(index + number, number, call)
        else:
            yield from self._message_events(index)
        finished = self._finished()
        yield _event(f"response.{finished['status']}", {"response": finished})

    def _reasoning_events(self) -> Iterator[_Event]:
        item = self._reasoning_item()
        where: JsonObject = {"item_id": item["id"], "output_index": 0, "summary_index": 0}
        opening: JsonObject = {**item, "status": "in_progress", "summary": []}
        yield _event("response.output_item.added", {"output_index": 0, "item": opening})
        part: JsonObject = {"type": "summary_text", "text": ""}
        yield _event("response.reasoning_summary_part.added", {**where, "part": part})
        for delta in _deltas("response.reasoning_summary_text.delta", where, self._reply.reasoning):
            yield _Event(delta.kind, delta.fields, 1, 1)
        text = "".join(self._reply.reasoning)
        yield _event("response.reasoning_summary_text.done", {**where, "text": text})
        yield _event(
            "response.reasoning_summary_part.done", {**where, "part": {**part, "text": text}}
        )
        yield _event("response.output_item.done", {"output_index": 0, "item": item})

    def _message_events(self, index: int) -> Iterator[_Event]:
        status = "completed" if self._reply.finish == "stop" else "incomplete"
        item = self._message_item(status)
        where: JsonObject = {"item_id": item["id"], "output_index": index, "content_index": 0}
        opening: JsonObject = {**item, "status": "in_progress", "content": []}
        yield _event("response.output_item.added", {"output_index": index, "item": opening})
        yield _event("response.content_part.added", {**where, "part": _text_part("")})
        yield from _deltas("response.output_text.delta", where, self._reply.text, b',"logprobs":[]')
        text = "".join(self._reply.text)
        done: JsonObject = {**where, "text": text, "logprobs": []}
        yield _event("response.output_text.done", done)
        yield _event("response.content_part.done", {**where, "part": _text_part(text)})
        yield _event("response.output_item.done", {"output_index": index, "item": item})

    def _call_events(self, index: int, number: int, call: ToolCall) -> Iterator[_Event]:
        item = self._call_item(number, call)
        key = "input" if call.custom else "arguments"
        event = "custom_tool_call_input" if call.custom else "function_call_arguments"
        where: JsonObject = {"item_id": item["id"], "output_index": index}
        opening: JsonObject = {**item, "status": "in_progress", key: ""}
        added: JsonObject = {"output_index": index, "item": opening}
        yield _event("response.output_item.added", added, count_tokens(call.name))
        yield from _deltas(f"response.{event}.delta", where, pieces(call.arguments))
        done: JsonObject = {**where, "name": call.name, key: call.arguments}
        yield _event(f"response.{event}.done", done)
        yield _event("response.output_item.done", {"output_index": index, "item": item})

    def error_frames(self, error: WireError, frames_sent: int) -> list[Frame]:
        """Both forms that clients know: the `error` event, then the failed response."""
        about = error.error_object()
        flat: JsonObject = {
            "code": error.code,
            "message": error.message,
            "param": error.param,
            "error": about,
        }
        short: JsonObject = {"code": error.code, "message": error.message}
        failed: JsonObject = {"response": self._unfinished("failed", short)}
        return [
            _event("error", flat).frame(frames_sent),
            _event("response.failed", failed).frame(frames_sent + 1),
        ]


def _text_part(text: str) -> JsonObject:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _deltas(
    kind: str, where: JsonObject, texts: Sequence[str] | Iterable[str], rest: bytes = b""
) -> Iterator[_Event]:
    prefix = dumps(where)[1:-1] + b',"delta":'
    for text in texts:
        yield _Event(kind, prefix + dumps(text) + rest, 1)
