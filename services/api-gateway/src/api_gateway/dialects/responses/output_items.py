"""Items of an answer while they are being said: each writes its own events.

An item is opened, takes what is said of it, and is closed once; what it was then is an
`OutputItem`. Source: OpenAI wire contract, sections 2.4 and 2.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import msgspec

from wire.raw_json import is_present

if TYPE_CHECKING:
    from wire.conversation import ReasoningItem, ToolCallStarted

ItemStatus = Literal["completed", "incomplete"]

_encode = msgspec.json.Encoder().encode
_DECODER = msgspec.json.Decoder()


class OutputItem(NamedTuple):
    """`shown` is what the client gets; `kept` may hold more, for the next turn's model."""

    item_id: str
    shown: bytes
    kept: bytes

    @property
    def is_compaction(self) -> bool:
        """It stands for all that was said before it."""
        return self.item_id.startswith("cmp_")


class EventWriter:
    """Frames with sequence numbers from 0, without gaps."""

    def __init__(self, sequence: int = 0) -> None:
        self.sequence = sequence

    def event(self, kind: bytes, members: bytes) -> bytes:
        """One frame; `members` is the inside of the event's object."""
        frame = b'event: %b\ndata: {"type":"%b","sequence_number":%d,%b}\n\n' % (
            kind,
            kind,
            self.sequence,
            members,
        )
        self.sequence += 1
        return frame

    def item_event(self, kind: bytes, index: int, payload: bytes) -> bytes:
        """An item is there, or is complete."""
        return self.event(kind, b'"output_index":%d,"item":%b' % (index, payload))


class OpenItem(Protocol):
    """An item that is being said."""

    def close(self, writer: EventWriter, status: ItemStatus) -> bytes:
        """The events that end it."""
        ...

    def finished(self, status: ItemStatus) -> OutputItem:
        """What it is by now."""
        ...


class OpenMessage:
    """The assistant's text, or its refusal: parts that follow each other."""

    def __init__(self, index: int, item_id: str, *, shows_logprobs: bool) -> None:
        self._index = index
        self._item_id = item_id
        self._id = _encode(item_id)
        self._shows_logprobs = shows_logprobs
        self._parts: list[bytes] = []
        self._kind: Literal["text", "refusal"] | None = None
        self._pieces: list[str] = []
        self._logprobs: list[bytes] = []

    def open(self, writer: EventWriter) -> bytes:
        item = self._payload(b"in_progress", [])
        return writer.item_event(b"response.output_item.added", self._index, item)

    def add_text(self, writer: EventWriter, text: str, logprobs: msgspec.Raw) -> bytes:
        """A piece of text."""
        frames = self._turn_to(writer, "text")
        self._pieces.append(text)
        shown = b"[]"
        if self._shows_logprobs and is_present(logprobs):
            shown = bytes(logprobs)
            self._logprobs.append(shown.strip()[1:-1].strip())
        delta = b'%b,"delta":%b,"logprobs":%b' % (self._place, _encode(text), shown)
        return frames + writer.event(b"response.output_text.delta", delta)

    def add_refusal(self, writer: EventWriter, text: str) -> bytes:
        """A piece of a refusal."""
        frames = self._turn_to(writer, "refusal")
        self._pieces.append(text)
        delta = b'%b,"delta":%b' % (self._place, _encode(text))
        return frames + writer.event(b"response.refusal.delta", delta)

    def add_nothing(self, writer: EventWriter) -> bytes:
        """An answer without a word is an empty text."""
        return self._turn_to(writer, "text")

    def close(self, writer: EventWriter, status: ItemStatus) -> bytes:
        frames = self._close_part(writer)
        item = self.finished(status).shown
        return frames + writer.item_event(b"response.output_item.done", self._index, item)

    def finished(self, status: ItemStatus) -> OutputItem:
        parts = [*self._parts, self._part()] if self._kind is not None else self._parts
        payload = self._payload(status.encode(), parts)
        return OutputItem(self._item_id, payload, payload)

    @property
    def _place(self) -> bytes:
        return b'"item_id":%b,"output_index":%d,"content_index":%d' % (
            self._id,
            self._index,
            len(self._parts),
        )

    def _payload(self, status: bytes, parts: list[bytes]) -> bytes:
        return b'{"id":%b,"type":"message","status":"%b","role":"assistant","content":[%b]}' % (
            self._id,
            status,
            b",".join(parts),
        )

    def _turn_to(self, writer: EventWriter, kind: Literal["text", "refusal"]) -> bytes:
        if self._kind == kind:
            return b""
        frames = self._close_part(writer)
        self._kind = kind
        part = b'%b,"part":%b' % (self._place, self._part())
        return frames + writer.event(b"response.content_part.added", part)

    def _close_part(self, writer: EventWriter) -> bytes:
        if self._kind is None:
            return b""
        said, part = _encode("".join(self._pieces)), self._part()
        if self._kind == "text":
            done = b'%b,"text":%b,"logprobs":%b' % (self._place, said, self._all_logprobs())
            frames = writer.event(b"response.output_text.done", done)
        else:
            done = b'%b,"refusal":%b' % (self._place, said)
            frames = writer.event(b"response.refusal.done", done)
        frames += writer.event(b"response.content_part.done", b'%b,"part":%b' % (self._place, part))
        self._parts.append(part)
        self._kind = None
        self._pieces, self._logprobs = [], []
        return frames

    def _part(self) -> bytes:
        said = _encode("".join(self._pieces))
        if self._kind == "refusal":
            return b'{"type":"refusal","refusal":%b}' % said
        return b'{"type":"output_text","text":%b,"annotations":[],"logprobs":%b}' % (
            said,
            self._all_logprobs(),
        )

    def _all_logprobs(self) -> bytes:
        return b"[" + b",".join(filter(None, self._logprobs)) + b"]"


class OpenReasoning:
    """What a model, or a panel, lets be seen of its way to the answer: one summary."""

    def __init__(self, index: int, item_id: str, *, shows_encrypted: bool) -> None:
        self._index = index
        self._item_id = item_id
        self._id = _encode(item_id)
        self._shows_encrypted = shows_encrypted
        self._pieces: list[str] = []
        self._encrypted: str | None = None

    def open(self, writer: EventWriter) -> bytes:
        item = self._payload(b"in_progress", encrypted=None)
        return writer.item_event(b"response.output_item.added", self._index, item)

    def add(self, writer: EventWriter, text: str) -> bytes:
        """A piece of the summary."""
        frames = b""
        if not self._pieces:
            part = b'%b,"part":{"type":"summary_text","text":""}' % self._place
            frames = writer.event(b"response.reasoning_summary_part.added", part)
        self._pieces.append(text)
        delta = b'%b,"delta":%b' % (self._place, _encode(text))
        return frames + writer.event(b"response.reasoning_summary_text.delta", delta)

    def seal(self, item: ReasoningItem) -> None:
        """The form in which the model that thought it can read it again."""
        self._encrypted = item.encrypted_content

    def close(self, writer: EventWriter, status: ItemStatus) -> bytes:
        frames = b""
        if self._pieces:
            said = _encode("".join(self._pieces))
            done = b'%b,"text":%b' % (self._place, said)
            frames = writer.event(b"response.reasoning_summary_text.done", done)
            part = b'%b,"part":{"type":"summary_text","text":%b}' % (self._place, said)
            frames += writer.event(b"response.reasoning_summary_part.done", part)
        item = self.finished(status).shown
        return frames + writer.item_event(b"response.output_item.done", self._index, item)

    def finished(self, status: ItemStatus) -> OutputItem:
        shown = self._payload(status.encode(), self._encrypted if self._shows_encrypted else None)
        kept = self._payload(status.encode(), self._encrypted)
        return OutputItem(self._item_id, shown, kept)

    @property
    def _place(self) -> bytes:
        return b'"item_id":%b,"output_index":%d,"summary_index":0' % (self._id, self._index)

    def _payload(self, status: bytes, encrypted: str | None) -> bytes:
        summary = b""
        if self._pieces:
            summary = b'{"type":"summary_text","text":%b}' % _encode("".join(self._pieces))
        sealed = b"" if encrypted is None else b',"encrypted_content":%b' % _encode(encrypted)
        return b'{"id":%b,"type":"reasoning","status":"%b","summary":[%b]%b}' % (
            self._id,
            status,
            summary,
            sealed,
        )


class OpenCall:
    """A call of a client's tool."""

    def __init__(self, index: int, item_id: str, started: ToolCallStarted) -> None:
        self._index = index
        self._item_id = item_id
        self._id = _encode(item_id)
        self._started = started
        self._pieces: list[str] = []

    @property
    def is_custom(self) -> bool:
        return self._started.kind == "custom"

    @property
    def is_complete(self) -> bool:
        """Whether nothing more can come: a function's arguments are one JSON value."""
        if self.is_custom:
            return False
        try:
            _DECODER.decode("".join(self._pieces))
        except (msgspec.DecodeError, RecursionError):
            return False
        return True

    def open(self, writer: EventWriter) -> bytes:
        item = self._payload(b"in_progress", "")
        return writer.item_event(b"response.output_item.added", self._index, item)

    def add(self, writer: EventWriter, text: str) -> bytes:
        """A piece of the arguments."""
        self._pieces.append(text)
        kind = (
            b"response.custom_tool_call_input.delta"
            if self.is_custom
            else b"response.function_call_arguments.delta"
        )
        return writer.event(kind, b'%b,"delta":%b' % (self._place, _encode(text)))

    def close(self, writer: EventWriter, status: ItemStatus) -> bytes:
        """Function arguments are JSON also when there are none: `{}`, never the empty string."""
        frames = b""
        if not self._pieces and not self.is_custom and status == "completed":
            frames = self.add(writer, "{}")
        said = _encode("".join(self._pieces))
        if self.is_custom:
            done = b'%b,"input":%b' % (self._place, said)
            frames += writer.event(b"response.custom_tool_call_input.done", done)
        else:
            name = _encode(self._started.name)
            done = b'%b,"name":%b,"arguments":%b' % (self._place, name, said)
            frames += writer.event(b"response.function_call_arguments.done", done)
        item = self.finished(status).shown
        return frames + writer.item_event(b"response.output_item.done", self._index, item)

    def finished(self, status: ItemStatus) -> OutputItem:
        payload = self._payload(status.encode(), "".join(self._pieces))
        return OutputItem(self._item_id, payload, payload)

    @property
    def _place(self) -> bytes:
        return b'"item_id":%b,"output_index":%d' % (self._id, self._index)

    def _payload(self, status: bytes, arguments: str) -> bytes:
        item_type = b"custom_tool_call" if self.is_custom else b"function_call"
        member = b"input" if self.is_custom else b"arguments"
        namespace = self._started.namespace
        return b'{"id":%b,"type":"%b","status":"%b","call_id":%b,"name":%b,"%b":%b%b}' % (
            self._id,
            item_type,
            status,
            _encode(self._started.call_id),
            _encode(self._started.name),
            member,
            _encode(arguments),
            b"" if namespace is None else b',"namespace":%b' % _encode(namespace),
        )
