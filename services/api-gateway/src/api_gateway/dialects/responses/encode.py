"""A Responses answer: events in, frames and at last the whole response out.

Output items follow each other: one is closed before the next is opened, as OpenAI's own streams
do it and strict validators expect it. Ids of items derive from the response's id and their index,
so that the same events always give the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api_gateway.dialects import json_members
from api_gateway.dialects.responses.output_items import (
    EventWriter,
    OpenCall,
    OpenItem,
    OpenMessage,
    OpenReasoning,
    OutputItem,
)
from api_gateway.dialects.responses.response_object import (
    FinalResponse,
    Outcome,
    encode_response,
    failure_frames,
    response_error,
)
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    CompactionItem,
    ItemDone,
    OtherItem,
    ReasoningDelta,
    ReasoningItem,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from wire.errors import PlatformFaultError
from wire.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api_gateway.dialects.responses.output_items import ItemStatus
    from api_gateway.dialects.responses.response_object import (
        IncompleteReason,
        ResponseEcho,
        Status,
    )
    from wire.conversation import Compacted
    from wire.coordination import RunDetails
    from wire.errors import ErrorInfo

_encode = msgspec.json.Encoder().encode
_OPENING: tuple[tuple[bytes, Status], ...] = (
    (b"created", "in_progress"),
    (b"in_progress", "in_progress"),
)
_BACKGROUND_OPENING: tuple[tuple[bytes, Status], ...] = (
    (b"created", "queued"),
    (b"queued", "queued"),
    (b"in_progress", "in_progress"),
)
_CUT: dict[str, IncompleteReason] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}


class ResponseEncoder:
    """One response: `opening`, `encode` each event, `finish`, then `complete`; or `fail`.

    Whoever wants no stream throws the frames away.
    """

    def __init__(self, echo: ResponseEcho) -> None:
        self._echo = echo
        self._opening = _BACKGROUND_OPENING if echo.background else _OPENING
        # Whoever delivers may encode what was held before it asks for the opening.
        self._writer = EventWriter(len(self._opening))
        self._closed: list[OutputItem] = []
        self._open: OpenItem | None = None
        self._call_index: int | None = None
        self._held: list[ToolCallStarted | ToolArgumentsDelta] = []
        self._usage = Usage()
        self._compacted: Compacted | None = None
        self._service_tier: str | None = None
        self._incomplete_reason: IncompleteReason | None = None
        self._has_answer = False
        self._details: RunDetails | None = None
        self._failure: FinalResponse | None = None

    @property
    def output(self) -> list[OutputItem]:
        """The items so far; the one that is being said is incomplete."""
        if self._open is None:
            return list(self._closed)
        return [*self._closed, self._open.finished("incomplete")]

    def opening(self) -> bytes:
        """The first events. A background response says first that it waits."""
        writer = EventWriter()
        return b"".join(
            writer.event(b"response." + kind, b'"response":%b' % self._begun(status))
            for kind, status in self._opening
        )

    def encode(self, event: AnswerEvent) -> bytes:
        """The frames of one event; none for what this client does not get to see.

        Raises:
            PlatformFaultError: a tool call goes on that had ended.
        """
        match event:
            case TextDelta():
                frames = self._message_frames(event)
            case ToolArgumentsDelta():
                frames = self._arguments(event)
            case ReasoningDelta():
                frames = self._reasoning(event.text)
            case ToolCallStarted():
                frames = self._call(event)
            case RefusalDelta():
                frames = self._message_frames(event)
            case ItemDone():
                frames = self._item(event)
            case ChoiceFinished():
                frames = self._end(event)
            case UsageReported():
                frames = self._count(event)
        return frames

    def finish(self, details: Sequence[RunDetails] = ()) -> bytes:
        """Nothing more will be said. The last event is `complete`'s to write."""
        self._details = details[0] if details else None
        return b""

    def complete(self, completed_unix_s: int, *, stored: bool = True) -> FinalResponse:
        """The whole response, and the event that ends its stream.

        May be asked for twice: `stored` is False when it turned out that it cannot be kept.
        """
        status: Status = "incomplete" if self._incomplete_reason else "completed"
        body = self._body(status, completed_unix_s=completed_unix_s, stored=stored)
        frames = EventWriter(self._writer.sequence).event(
            f"response.{status}".encode(), b'"response":%b' % body
        )
        return FinalResponse(status, body, frames)

    def cancelled(self) -> FinalResponse:
        """What there is of a response whose client has left, or that somebody cancelled."""
        return FinalResponse("cancelled", self._body("cancelled"), b"")

    def fail(self, info: ErrorInfo) -> FinalResponse:
        """In place of `complete`: both events by which clients notice a failure (contract 2.8)."""
        if self._failure is None:
            body = self._body("failed", info=info)
            frames = failure_frames(EventWriter(self._writer.sequence), info, body)
            self._failure = FinalResponse("failed", body, frames)
        return self._failure

    def failure(self, info: ErrorInfo) -> bytes:
        """The frames of `fail`."""
        return self.fail(info).frames

    # ------------------------------------------------------------------------------ what is said

    def _message_frames(self, event: TextDelta | RefusalDelta) -> bytes:
        if not event.text:
            return b""
        frames = b""
        message = self._open
        if not isinstance(message, OpenMessage):
            message, frames = self._open_message()
        if isinstance(event, RefusalDelta):
            return frames + message.add_refusal(self._writer, event.text)
        return frames + message.add_text(self._writer, event.text, event.logprobs)

    def _open_message(self) -> tuple[OpenMessage, bytes]:
        frames = self._close()
        index, item_id = self._next("msg_")
        message = OpenMessage(index, item_id, shows_logprobs=self._echo.shows_logprobs)
        self._open, self._has_answer = message, True
        return message, frames + message.open(self._writer)

    def _reasoning(self, text: str) -> bytes:
        if not (text and self._echo.shows_reasoning):
            return b""
        frames = b""
        reasoning = self._open
        if not isinstance(reasoning, OpenReasoning):
            reasoning, frames = self._open_reasoning()
        return frames + reasoning.add(self._writer, text)

    def _open_reasoning(self) -> tuple[OpenReasoning, bytes]:
        frames = self._close()
        index, item_id = self._next("rs_")
        shows_encrypted = self._echo.shows_encrypted_reasoning
        reasoning = OpenReasoning(index, item_id, shows_encrypted=shows_encrypted)
        self._open = reasoning
        return reasoning, frames + reasoning.open(self._writer)

    def _call(self, event: ToolCallStarted) -> bytes:
        """A call waits until the one before it is sure to be over."""
        if isinstance(self._open, OpenCall) and (self._held or not self._open.is_complete):
            self._held.append(event)
            return b""
        frames = self._close()
        index, item_id = self._next("ctc_" if event.kind == "custom" else "fc_")
        call = OpenCall(index, item_id, event)
        self._open, self._call_index, self._has_answer = call, event.index, True
        return frames + call.open(self._writer)

    def _arguments(self, event: ToolArgumentsDelta) -> bytes:
        call = self._open
        if isinstance(call, OpenCall) and event.index == self._call_index:
            frames = call.add(self._writer, event.text) if event.text else b""
            return frames + (self._release() if self._held and call.is_complete else b"")
        if any(each.index == event.index for each in self._held):
            self._held.append(event)
        elif event.text.strip():
            raise PlatformFaultError("A tool call went on after its arguments were complete.")
        return b""

    def _release(self) -> bytes:
        """What waited for the open call, which is over. The last call released stays open."""
        held, self._held = self._held, []
        frames = self._close_open("completed")
        return frames + b"".join(map(self.encode, held))

    def _item(self, event: ItemDone) -> bytes:
        match event.item:
            case ReasoningItem() as item:
                return self._sealed_reasoning(item)
            case CompactionItem() as item:
                return self._compaction(item)
            case OtherItem() as item:
                return self._other_item(item)
            case _:
                return b""  # messages and calls come in deltas

    def _sealed_reasoning(self, item: ReasoningItem) -> bytes:
        frames = b""
        reasoning = self._open
        if not isinstance(reasoning, OpenReasoning):
            reasoning, frames = self._open_reasoning()
            if item.summary and self._echo.shows_reasoning:
                frames += reasoning.add(self._writer, "\n\n".join(item.summary))
        reasoning.seal(item)
        return frames + self._close()

    def _compaction(self, item: CompactionItem) -> bytes:
        frames = self._close()
        index, item_id = self._next("cmp_")
        payload = b'{"id":%b,"type":"compaction","encrypted_content":%b}'
        empty = payload % (_encode(item_id), b'""')
        full = payload % (_encode(item_id), _encode(item.encrypted_content))
        return frames + self._whole_item(index, empty, OutputItem(item_id, full, full))

    def _other_item(self, item: OtherItem) -> bytes:
        frames = self._close()
        index, derived = self._next("item_")
        item_id = item.id or derived
        members = json_members.split(bytes(item.raw))
        payload = json_members.join({**members, "id": json_members.text(item_id)})
        return frames + self._whole_item(index, payload, OutputItem(item_id, payload, payload))

    def _whole_item(self, index: int, added: bytes, item: OutputItem) -> bytes:
        self._closed.append(item)
        self._has_answer = True
        return self._writer.item_event(
            b"response.output_item.added", index, added
        ) + self._writer.item_event(b"response.output_item.done", index, item.shown)

    # ------------------------------------------------------------------------------- how it ends

    def _end(self, event: ChoiceFinished) -> bytes:
        self._incomplete_reason = _CUT.get(event.finish_reason)
        frames = self._close("incomplete" if self._incomplete_reason else "completed")
        if event.finish_reason == "stop" and not self._has_answer:
            message, opened = self._open_message()
            frames += opened + message.add_nothing(self._writer) + self._close()
        return frames

    def _count(self, event: UsageReported) -> bytes:
        self._usage += event.usage
        self._compacted = event.compacted or self._compacted
        self._service_tier = event.service_tier or self._service_tier
        return b""

    def _close(self, status: ItemStatus = "completed") -> bytes:
        """Close the open item; calls that waited for it are said before."""
        frames = b""
        while self._held:
            frames += self._release()
        return frames + self._close_open(status)

    def _close_open(self, status: ItemStatus) -> bytes:
        item, self._open = self._open, None
        if item is None:
            return b""
        frames = item.close(self._writer, status)
        self._closed.append(item.finished(status))
        return frames

    def _next(self, prefix: str) -> tuple[int, str]:
        index = len(self._closed)
        return index, derived_id(prefix, self._echo.response_id, index)

    def _begun(self, status: Status) -> bytes:
        return encode_response(self._echo, Outcome(status=status), stored=True)

    def _body(
        self,
        status: Status,
        *,
        info: ErrorInfo | None = None,
        completed_unix_s: int | None = None,
        stored: bool = True,
    ) -> bytes:
        whole = status in ("completed", "incomplete")
        outcome = Outcome(
            status=status,
            output=[item.shown for item in self.output],
            usage=self._usage if whole or self._usage.total_tokens else None,
            error=info and response_error(info),
            incomplete_reason=self._incomplete_reason if status == "incomplete" else None,
            completed_unix_s=completed_unix_s if status == "completed" else None,
            service_tier=self._service_tier,
            details=self._details,
            compacted=self._compacted,
        )
        return encode_response(self._echo, outcome, stored=stored)
