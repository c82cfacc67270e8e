"""A streamed chat answer: events in, frames out. Source: OpenAI wire contract, 1.4 to 1.6.

Hand-tuned: what all chunks of a stream share is encoded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from api_gateway.dialects.chat.usage import chat_usage
from api_gateway.openai_errors import error_frame
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    ItemDone,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    ToolKind,
    Usage,
    UsageReported,
)
from wire.coordination import RunDetails
from wire.raw_json import is_present
from wire.sse import DONE_FRAME

if TYPE_CHECKING:
    from wire.conversation import Compacted
    from wire.errors import ErrorInfo

_encode = msgspec.json.Encoder().encode


class Identity(msgspec.Struct, frozen=True):
    """What every chunk of an answer, and the whole completion, say about themselves.

    `legacy_functions`: the client used `functions`, so it is answered with `function_call`.
    """

    completion_id: str
    created_unix_s: int
    model: str
    fingerprint: str
    legacy_functions: bool = False


class SeveralRuns(msgspec.Struct, frozen=True):
    """The `conclave` member when each of n choices was a run of its own."""

    runs: Sequence[RunDetails]


def conclave_member(details: Sequence[RunDetails]) -> RunDetails | SeveralRuns:
    """How a panel came to its answer, for clients that asked to be told."""
    return details[0] if len(details) == 1 else SeveralRuns(details)


class ChunkEncoder:
    """One stream: `opening`, `encode` each event, `finish` or `failure`."""

    def __init__(self, identity: Identity, *, choices: int = 1, include_usage: bool) -> None:
        self._choices = choices
        self._legacy = identity.legacy_functions
        self._include_usage = include_usage
        self._head = b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,' % (
            _encode(identity.completion_id),
            identity.created_unix_s,
            _encode(identity.model),
        )
        self._head += b'"system_fingerprint":%b,' % _encode(identity.fingerprint)
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._usage = Usage()
        self._compacted: Compacted | None = None
        self._service_tier: str | None = None
        self._silent_calls: dict[tuple[int, int], ToolKind] = {}
        self._custom_calls: set[tuple[int, int]] = set()

    def opening(self) -> bytes:
        """The first chunk of every choice: who speaks."""
        delta = b'{"role":"assistant","content":"","refusal":null}'
        return b"".join(self._chunk(choice, delta) for choice in range(self._choices))

    def encode(self, event: AnswerEvent) -> bytes:
        """The frames of one event; none for what chat has no word for."""
        match event:
            case TextDelta():
                frames = self._text(event)
            case ReasoningDelta():
                delta = b'{"reasoning_content":%b}' % _encode(event.text)
                frames = self._chunk(event.choice, delta)
            case ToolArgumentsDelta():
                frames = self._arguments(event.choice, event.index, event.text)
            case ToolCallStarted():
                frames = self._call(event)
            case RefusalDelta():
                frames = self._chunk(event.choice, b'{"refusal":%b}' % _encode(event.text))
            case ChoiceFinished():
                frames = self._finished(event)
            case UsageReported():
                frames = self._count(event)
            case ItemDone():
                frames = b""
        return frames

    def finish(self, details: Sequence[RunDetails] = ()) -> bytes:
        """Usage where it was asked for, details where there are some, and the end marker."""
        extras: list[bytes] = []
        if self._include_usage:
            extras.append(b'"usage":%b' % _encode(chat_usage(self._usage, self._compacted)))
        if details:
            extras.append(b'"conclave":%b' % _encode(conclave_member(details)))
        if not extras:
            return DONE_FRAME
        if self._service_tier is not None:
            extras.append(b'"service_tier":%b' % _encode(self._service_tier))
        return self._head + b'"choices":[],' + b",".join(extras) + b"}\n\n" + DONE_FRAME

    def failure(self, info: ErrorInfo) -> bytes:
        """In place of `finish`: no end marker, no finish reason."""
        return error_frame(info)

    def _count(self, event: UsageReported) -> bytes:
        self._usage += event.usage
        self._compacted = event.compacted or self._compacted
        self._service_tier = event.service_tier or self._service_tier
        return b""

    def _chunk(self, choice: int, delta: bytes, *, logprobs: bytes = b"null") -> bytes:
        return b'%b"choices":[{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":null}]%b' % (
            self._head,
            choice,
            delta,
            logprobs,
            self._tail,
        )

    def _text(self, event: TextDelta) -> bytes:
        delta = b'{"content":%b}' % _encode(event.text)
        if not is_present(event.logprobs):
            return self._chunk(event.choice, delta)
        logprobs = b'{"content":%b,"refusal":null}' % bytes(event.logprobs)
        return self._chunk(event.choice, delta, logprobs=logprobs)

    def _call(self, event: ToolCallStarted) -> bytes:
        """Id and name are said here and nowhere else: clients concatenate what they get."""
        key = (event.choice, event.index)
        self._silent_calls[key] = event.kind
        name = _encode(event.name)
        if self._legacy:
            if event.index:
                return b""
            return self._function_call(event.choice, b'"name":%b,"arguments":""' % name)
        if event.kind == "custom":
            self._custom_calls.add(key)
        body = b'{"name":%b,"%b":""}' % (name, b"input" if event.kind == "custom" else b"arguments")
        return self._tool_call(
            event.choice,
            event.index,
            b'"id":%b,"type":"%b","%b":%b'
            % (_encode(event.call_id), event.kind.encode(), event.kind.encode(), body),
        )

    def _arguments(self, choice: int, index: int, text: str) -> bytes:
        if not text:
            return b""
        key = (choice, index)
        self._silent_calls.pop(key, None)
        piece = _encode(text)
        if self._legacy:
            return b"" if index else self._function_call(choice, b'"arguments":%b' % piece)
        member = (
            b'"custom":{"input":%b}'
            if key in self._custom_calls
            else (b'"function":{"arguments":%b}')
        )
        return self._tool_call(choice, index, member % piece)

    def _tool_call(self, choice: int, index: int, members: bytes) -> bytes:
        return self._chunk(choice, b'{"tool_calls":[{"index":%d,%b}]}' % (index, members))

    def _function_call(self, choice: int, members: bytes) -> bytes:
        return self._chunk(choice, b'{"function_call":{%b}}' % members)

    def _finished(self, event: ChoiceFinished) -> bytes:
        reason: str = event.finish_reason
        if self._legacy and reason == "tool_calls":
            reason = "function_call"
        return b"%b%b" % (
            self._completed_arguments(event.choice),
            b'%b"choices":[{"index":%d,"delta":{},"logprobs":null,"finish_reason":"%b"}]%b'
            % (self._head, event.choice, reason.encode(), self._tail),
        )

    def _completed_arguments(self, choice: int) -> bytes:
        """Function arguments are JSON also when there are none: `{}`, never the empty string."""
        silent = [key for key, kind in self._silent_calls.items() if kind == "function"]
        return b"".join(
            self._arguments(choice, index, "{}") for owner, index in silent if owner == choice
        )
