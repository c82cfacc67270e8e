"""Passing chat through: what must change in the bytes of a request and of its answer, and no more.

A request gets the backend's model name, and asks for usage when it streams, because every call is
metered. An answer gets back the name the client asked for; usage nobody asked for is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from api_gateway.dialects import json_members
from api_gateway.openai_errors import JSON_PROBLEMS, error_frame
from wire.conversation import Usage
from wire.errors import UpstreamProtocolError
from wire.openai_chat import CompletionUsage, StreamOptions
from wire.sse import DONE_FRAME, MAX_EVENT_BYTES, data_frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api_gateway.dialects.chat.head import ChatHead
    from wire.errors import ErrorInfo

_encode = msgspec.json.Encoder().encode
_STRING = rb'"(?:[^"\\]|\\.)*"'
_MODEL_MEMBER = re.compile(rb'"model":\s*' + _STRING)
# What Azure's streams open with: a verdict on the prompt, with neither id, model nor choice.
_VERDICT = b'"prompt_filter_results"'
_PREAMBLE = re.compile(
    rb'^data:(?=[^\n]*"choices":\s*\[\])[^\n]*"prompt_filter_results"[^\n]*\n(?:\r?\n)?',
    re.MULTILINE,
)
# Whatever needs a closer look than replacing bytes. Inside a JSON string the quotes would be
# escaped, so these match members only.
_TELLING = (b'"usage":{', b'"usage": {', b"[DONE]", b'"error":', b"\nevent:")
_FINISHED = (b'"finish_reason":"', b'"finish_reason": "')
_NULL_USAGE = (b',"usage":null', b', "usage": null')


class _Event(msgspec.Struct):
    """What is read of an event that needs a closer look."""

    choices: list[msgspec.Raw] | None = None
    usage: CompletionUsage | None = None
    error: msgspec.Raw = msgspec.Raw()


_EVENT = msgspec.json.Decoder(_Event)
_COUNTS = msgspec.json.Decoder(CompletionUsage | None)


class VendorFailedError(Exception):
    """The backend sent an error object where an answer was due. `raw` is that object's JSON."""

    def __init__(self, raw: bytes) -> None:
        super().__init__("error object in place of an answer")
        self.raw = raw


def splice_request(head: ChatHead, upstream_model: str, *, without: Iterable[str] = ()) -> bytes:
    """The client's request for a backend that knows the model by another name.

    `without` names members that this backend would refuse and that may be ignored.
    """
    members = dict(head.members)
    members["model"] = json_members.text(upstream_model)
    for name in without:
        members.pop(name, None)
    if head.streams:
        asked = head.parameters.stream_options or StreamOptions()
        options = StreamOptions(True, asked.include_obfuscation)  # noqa: FBT003  the wire's order
        members["stream_options"] = msgspec.Raw(_encode(options))
    return json_members.join(members)


def splice_completion(body: bytes, public_model: str, provider: str) -> tuple[bytes, Usage | None]:
    """A whole answer under the name the client asked for, and what it cost.

    Raises:
        VendorFailedError: an error object with status 200.
        UpstreamProtocolError: not a completion.
    """
    try:
        members = json_members.split(body)
    except JSON_PROBLEMS:
        raise _malformed(provider) from None
    error = members.get("error")
    if error is not None and "choices" not in members:
        raise VendorFailedError(bytes(error))
    if "choices" not in members:
        raise _malformed(provider)
    members["model"] = json_members.text(public_model)
    return json_members.join(members), _counted(members)


class StreamSplicer:
    """One streamed answer: the backend's bytes in, the client's out.

    Works on whole lines; chunks may be cut anywhere. Most cost two searches and two replacements.
    """

    def __init__(self, *, public_model: str, include_usage: bool, provider: str) -> None:
        self.usage: Usage | None = None
        self.done = False
        self._public_model = public_model
        self._include_usage = include_usage
        self._provider = provider
        self._finished = False
        self._partial = b""
        self._theirs = b""
        self._ours = b""
        self._drop_blank_line = False
        self._usage_chunk = b""
        self._failure: VendorFailedError | UpstreamProtocolError | None = None

    def feed(self, chunk: bytes) -> bytes:
        """What to send on; whatever then, `check` comes next. After `done`, nothing more."""
        if self.done or self._failure is not None:
            return b""
        lines = self._whole_lines(chunk)
        if not lines:
            return b""
        lines = self._renamed(lines)
        if not self._include_usage:
            lines = lines.replace(_NULL_USAGE[0], b"").replace(_NULL_USAGE[1], b"")
        if not self._finished:
            self._finished = _FINISHED[0] in lines or _FINISHED[1] in lines
        for telling in _TELLING:
            if telling in lines:
                return self._inspected(lines)
        if self._drop_blank_line:
            return self._inspected(lines)
        return lines

    def check(self) -> None:
        """What came before a failure is written before it is told.

        Raises:
            VendorFailedError: the backend reported a failure in its stream.
            UpstreamProtocolError: a line without end, or an event that is not JSON.
        """
        if self._failure is not None:
            raise self._failure

    def end(self) -> bytes:
        """The backend closed its stream: what is still owed to the client.

        Raises:
            UpstreamProtocolError: it stopped before it had finished.
        """
        if self.done:
            return b""
        if not self._finished:
            raise UpstreamProtocolError(
                f"{self._provider} ended its stream before the answer was complete",
                provider=self._provider,
            )
        return b"\n" + self._close()  # whether or not its last event ended in a blank line

    def _close(self) -> bytes:
        self.done = True
        return self._usage_chunk + DONE_FRAME

    def _whole_lines(self, chunk: bytes) -> bytes:
        if self._partial:
            chunk = self._partial + chunk
            self._partial = b""
        if chunk.endswith(b"\n"):
            return chunk
        end = chunk.rfind(b"\n") + 1
        self._partial = chunk[end:]
        if len(self._partial) > MAX_EVENT_BYTES:
            self._partial = b""
            self._failure = UpstreamProtocolError(
                f"{self._provider} sent an event of more than {MAX_EVENT_BYTES} bytes",
                provider=self._provider,
            )
        return chunk[:end]

    def _renamed(self, lines: bytes) -> bytes:
        """The backend's spelling of its model member is learnt from the first event."""
        if not self._theirs:
            if _VERDICT in lines:
                lines = _PREAMBLE.sub(b"", lines)
            found = _MODEL_MEMBER.search(lines)
            if found is None:
                return lines
            self._theirs = found.group()
            self._ours = b'"model":' + _encode(self._public_model)
        return lines.replace(self._theirs, self._ours)

    def _inspected(self, lines: bytes) -> bytes:
        out: list[bytes] = []
        for line in lines.splitlines(keepends=True):
            if self.done:
                break
            bare = line.strip()
            if not bare:
                if not self._drop_blank_line:
                    out.append(line)
                self._drop_blank_line = False
            elif bare.startswith(b"data:"):
                try:
                    out.append(self._data_line(line, bare[5:].strip()))
                except (VendorFailedError, UpstreamProtocolError) as failure:
                    self._failure = failure
                    break
            elif bare.startswith(b":"):
                out.append(line)
            # Event names and ids have no place in a chat stream.
        return b"".join(out)

    def _data_line(self, line: bytes, payload: bytes) -> bytes:
        if payload.startswith(b"[DONE]"):
            return self._close()
        if b'"usage"' not in payload and b'"error"' not in payload:
            return line
        try:
            event = _EVENT.decode(payload)
        except msgspec.ValidationError:
            return line  # counted in some shape of its own: nothing to learn from
        except JSON_PROBLEMS:
            raise _malformed(self._provider) from None
        if event.error and bytes(event.error) != b"null":
            raise VendorFailedError(bytes(event.error))
        if event.usage is None:
            return line
        return self._with_usage(line, payload, event)

    def _with_usage(self, line: bytes, payload: bytes, event: _Event) -> bytes:
        """Usage comes last, on an event of its own without choices, or not at all."""
        if event.usage is not None:
            self.usage = _usage(event.usage)
        if not event.choices:
            self._usage_chunk = data_frame(payload) if self._include_usage else b""
            self._drop_blank_line = True
            return b""
        try:
            members = json_members.split(payload)
        except JSON_PROBLEMS:
            raise _malformed(self._provider) from None
        if self._include_usage:
            alone = {**members, "choices": msgspec.Raw(b"[]")}
            self._usage_chunk = data_frame(json_members.join(alone))
            members["usage"] = msgspec.Raw(b"null")
        else:
            del members["usage"]
        return b"data: " + json_members.join(members) + line[len(line.rstrip()) :]


def failure_frame(info: ErrorInfo) -> bytes:
    """The last event of a failed stream; the backend may have stopped within one of its own."""
    return b"\n" + error_frame(info)


def _counted(members: json_members.Members) -> Usage | None:
    try:
        counts = _COUNTS.decode(members["usage"]) if "usage" in members else None
    except JSON_PROBLEMS:
        return None
    return _usage(counts) if counts is not None else None


def _usage(counted: CompletionUsage) -> Usage:
    prompt, completion = counted.prompt_tokens_details, counted.completion_tokens_details
    return Usage(
        input_tokens=counted.prompt_tokens,
        output_tokens=counted.completion_tokens,
        cached_tokens=(prompt.cached_tokens or 0) if prompt else 0,
        reasoning_tokens=(completion.reasoning_tokens or 0) if completion else 0,
    )


def _malformed(provider: str) -> UpstreamProtocolError:
    return UpstreamProtocolError(
        f"{provider} sent an answer that is not a chat completion", provider=provider
    )
