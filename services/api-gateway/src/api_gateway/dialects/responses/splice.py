"""Passing Responses through: what must change in a request and in its answer, and no more.

The vendor keeps nothing: what is stored is stored here, so a request carries its whole history and
`store: false`. Its answer gets back the id and the name it has here; everything in between, items
and their ids included, is the vendor's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api_gateway.dialects import json_members
from api_gateway.dialects.responses.head import ENCRYPTED_REASONING
from api_gateway.dialects.responses.items import is_reasoning
from api_gateway.dialects.responses.output_items import EventWriter, OutputItem
from api_gateway.dialects.responses.response_object import (
    FinalResponse,
    Outcome,
    Status,
    encode_response,
    failure_frames,
    is_tier,
    response_error,
)
from api_gateway.openai_errors import JSON_PROBLEMS
from wire.conversation import Usage
from wire.errors import UpstreamProtocolError
from wire.ids import derived_id
from wire.openai_responses import ResponsesRequest
from wire.raw_json import is_present
from wire.sse import EventTooLargeError, SseReader, named_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api_gateway.dialects.responses.decode import ResponsesBody
    from api_gateway.dialects.responses.response_object import ResponseEcho
    from wire.errors import ErrorInfo
    from wire.specs import ModelSpec
    from wire.sse import SseEvent

_encode = msgspec.json.Encoder().encode
_FALSE = msgspec.Raw(b"false")
_NULL = msgspec.Raw(b"null")
# Kept here, or settled before the request leaves.
_OURS = ("background", "context_management", "conversation", "metadata", "previous_response_id")
# OpenAI itself refuses members it does not know; compatible backends get what clients send.
_OPENAI_MEMBERS = (
    frozenset(ResponsesRequest.__struct_fields__)
    | {"access_programs", "image", "moderation", "prompt_cache_options", "prompt_cache_retention"}
) - {"frequency_penalty", "presence_penalty"}
# What the client is told about these is about us and not about the vendor.
_OWN_MEMBERS = frozenset(
    {
        "background",
        "conversation",
        "created_at",
        "id",
        "instructions",
        "metadata",
        "model",
        "object",
        "previous_response_id",
        "store",
        "truncation",
        "user",
    }
)
_BEGUN: dict[str, Status] = {
    "response.created": "in_progress",
    "response.queued": "queued",
    "response.in_progress": "in_progress",
}
_ENDED: dict[str, Status] = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
}
_OPENAI_KINDS = ("openai", "azure-openai")


class VendorFailedError(Exception):
    """The backend reported a failure in place of an answer. `raw` is the error object's JSON."""

    def __init__(self, raw: bytes) -> None:
        super().__init__("error object in place of an answer")
        self.raw = raw


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


class _Event(msgspec.Struct):
    """What is read of an event that needs a closer look."""

    type: str = ""
    sequence_number: int | None = None
    response: msgspec.Raw = msgspec.Raw()
    item: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


class _Item(msgspec.Struct):
    id: str | None = None
    encrypted_content: str | None = None


_EVENT = msgspec.json.Decoder(_Event)
_ITEM = msgspec.json.Decoder(_Item)
_USAGE = msgspec.json.Decoder(_Usage | None)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


# --------------------------------------------------------------------------------------- request


def splice_request(body: ResponsesBody, history: Sequence[msgspec.Raw], model: ModelSpec) -> bytes:
    """The client's request for this model's backend, with the items that come before its own."""
    members = dict(body.head.members)
    if model.provider.kind in _OPENAI_KINDS:
        members = {name: raw for name, raw in members.items() if name in _OPENAI_MEMBERS}
    for name in (*_OURS, *_refused(model)):
        members.pop(name, None)
    members["model"] = json_members.text(model.upstream_model)
    members["store"] = _FALSE
    members["input"] = _input(body, history)
    _set_include(members, body, model)
    return json_members.join(members)


def _refused(model: ModelSpec) -> tuple[str, ...]:
    """Clients send these to any model; a backend that knows them not would refuse the request."""
    can = model.capabilities
    names = () if can.reasoning else ("reasoning",)
    return names if can.sampling is not False else (*names, "temperature", "top_p")


def _input(body: ResponsesBody, history: Sequence[msgspec.Raw]) -> msgspec.Raw:
    own = body.raw_input
    if isinstance(own, str):
        if not history:
            return json_members.text(own)
        own = [msgspec.Raw(b'{"role":"user","content":%b}' % _encode(own))]
    items = [raw for raw in (*history, *own) if _is_usable(raw)]
    return msgspec.Raw(b"[" + b",".join(items) + b"]")


def _is_usable(raw: msgspec.Raw) -> bool:
    """A vendor that stores nothing looks in vain for reasoning that does not carry itself."""
    return not is_reasoning(raw) or _ITEM.decode(raw).encrypted_content is not None


def _set_include(members: json_members.Members, body: ResponsesBody, model: ModelSpec) -> None:
    """Reasoning has to come back sealed, or the next turn would have to do without it."""
    asked = [name for name in body.head.parameters.include or () if name != ENCRYPTED_REASONING]
    if model.capabilities.reasoning:
        asked.append(ENCRYPTED_REASONING)
    if asked:
        members["include"] = msgspec.Raw(_encode(asked))
    else:
        members.pop("include", None)


# ---------------------------------------------------------------------------------------- answer


class SplicedResponse:
    """What a backend's answer amounts to under the name and id it has here."""

    def __init__(self, echo: ResponseEcho, provider: str) -> None:
        self.output: list[OutputItem] = []
        self.usage: Usage | None = None
        self._echo = echo
        self._provider = provider
        self._final: tuple[Status, json_members.Members] | None = None
        self._failure: FinalResponse | None = None
        self._last = b""
        self._events = 0

    @property
    def ended(self) -> bool:
        return self._final is not None

    def take_whole(self, body: bytes) -> None:
        """A whole answer.

        Raises:
            VendorFailedError: it says that it failed.
            UpstreamProtocolError: it is not a response.
        """
        members = self._split(body)
        status = members.get("status")
        if "output" not in members:
            if is_present(members.get("error", _NULL)):
                raise VendorFailedError(bytes(members["error"]))
            raise self._malformed()
        if status is not None and bytes(status) in (b'"failed"', b'"cancelled"'):
            raise VendorFailedError(bytes(members.get("error", _NULL)))
        is_incomplete = status is not None and bytes(status) == b'"incomplete"'
        self._end("incomplete" if is_incomplete else "completed", members)

    def take_event(self, event: SseEvent) -> bytes:
        """One event of a stream: the frame to send on, none for the last one.

        Raises:
            VendorFailedError: it says that the response failed.
            UpstreamProtocolError: it is not an event of this dialect.
        """
        if not event.data or event.data.startswith(b"[DONE]"):
            return b""
        name = event.event or self._read(event.data).type
        data = event.data if name.endswith(".delta") else self._told(name, event.data)
        self._last = event.data
        self._events += 1
        return named_frame(name, data) if data else b""

    def complete(self, completed_unix_s: int, *, stored: bool) -> FinalResponse:
        """The response and its last event, once it has `ended`."""
        if self._final is None:
            raise AssertionError("a spliced response was completed before it ended")
        status, theirs = self._final
        body = self._response(status, theirs, stored=stored, completed_unix_s=completed_unix_s)
        frames = EventWriter(self._sequence - 1).event(
            f"response.{status}".encode(), b'"response":%b' % body
        )
        return FinalResponse(status, body, frames)

    def cancelled(self) -> FinalResponse:
        """What there is of a response whose client has left."""
        return FinalResponse("cancelled", self._unfinished("cancelled"), b"")

    def fail(self, info: ErrorInfo) -> FinalResponse:
        """In place of `complete`: see `ResponseEncoder.fail`."""
        if self._failure is None:
            body = self._unfinished("failed", info)
            frames = failure_frames(EventWriter(self._sequence), info, body)
            self._failure = FinalResponse("failed", body, frames)
        return self._failure

    def failure(self, info: ErrorInfo) -> bytes:
        """The frames of `fail`."""
        return self.fail(info).frames

    @property
    def _sequence(self) -> int:
        """The number the next event has: the vendor counts, unless it does not."""
        told = self._read(self._last).sequence_number if self._last else None
        return self._events if told is None else told + 1

    def _told(self, name: str, data: bytes) -> bytes:
        """An event that may concern the response as a whole; what of it is sent on."""
        if name in _BEGUN:
            return self._begun(name, data)
        if name == "response.output_item.done":
            self._keep(self._read(data).item)
        elif name in _ENDED:
            self._end(_ENDED[name], self._split(self._read(data).response))
            return b""
        elif name == "response.failed":
            members = self._split(self._read(data).response)
            raise VendorFailedError(bytes(members.get("error", _NULL)))
        elif name == "error":
            error = self._read(data).error
            raise VendorFailedError(bytes(error) if is_present(error) else data)
        return data

    def _begun(self, name: str, data: bytes) -> bytes:
        members = self._split(data)
        theirs = self._split(members.get("response", _NULL))
        response = self._response(_BEGUN[name], theirs, stored=True)
        return json_members.join({**members, "response": msgspec.Raw(response)})

    def _end(self, status: Status, theirs: json_members.Members) -> None:
        """The final response says all; what its stream already brought is not read again."""
        self._final = (status, theirs)
        self.usage = self._counted(theirs)
        try:
            items = _LIST.decode(theirs.get("output", msgspec.Raw(b"[]")))
        except JSON_PROBLEMS:
            raise self._malformed() from None
        if items:
            self.output = []
            for raw in items:
                self._keep(raw)

    def _keep(self, raw: msgspec.Raw) -> None:
        try:
            item = _ITEM.decode(raw)
        except JSON_PROBLEMS:
            raise self._malformed() from None
        payload = bytes(raw)
        item_id = item.id
        if item_id is None:
            item_id = derived_id("item_", self._echo.response_id, len(self.output))
            members = self._split(raw)
            payload = json_members.join({"id": json_members.text(item_id), **members})
        self.output.append(OutputItem(item_id, payload, payload))

    def _response(
        self,
        status: Status,
        theirs: json_members.Members,
        *,
        stored: bool,
        completed_unix_s: int | None = None,
    ) -> bytes:
        """The vendor's response object, completed by what only we know or what it left out."""
        done = completed_unix_s if status == "completed" else None
        has_ended = status in _ENDED.values()
        usage = self._counted(theirs) or (Usage() if has_ended else None)
        outcome = Outcome(status=status, usage=usage, completed_unix_s=done)
        ours = json_members.split(encode_response(self._echo, outcome, stored=stored))
        told = {
            name: raw
            for name, raw in theirs.items()
            if name not in _OWN_MEMBERS and _says_something(name, raw)
        }
        return json_members.join({**ours, **told, "usage": ours["usage"]})

    def _unfinished(self, status: Status, info: ErrorInfo | None = None) -> bytes:
        outcome = Outcome(
            status=status,
            output=[item.shown for item in self.output],
            error=info and response_error(info),
        )
        return encode_response(self._echo, outcome, stored=True)

    def _counted(self, theirs: json_members.Members) -> Usage | None:
        try:
            counted = _USAGE.decode(theirs.get("usage", _NULL))
        except JSON_PROBLEMS:
            return None
        if counted is None:
            return None
        details, output_details = counted.input_tokens_details, counted.output_tokens_details
        return Usage(
            input_tokens=counted.input_tokens,
            output_tokens=counted.output_tokens,
            cached_tokens=(details.cached_tokens or 0) if details else 0,
            cache_write_tokens=(details.cache_write_tokens or 0) if details else 0,
            reasoning_tokens=(output_details.reasoning_tokens or 0) if output_details else 0,
        )

    def _read(self, data: bytes) -> _Event:
        try:
            return _EVENT.decode(data)
        except JSON_PROBLEMS:
            raise self._malformed() from None

    def _split(self, data: bytes | msgspec.Raw) -> json_members.Members:
        try:
            return json_members.split(bytes(data))
        except JSON_PROBLEMS:
            raise self._malformed() from None

    def _malformed(self) -> UpstreamProtocolError:
        return UpstreamProtocolError(
            f"{self._provider} sent an answer that is not a response", provider=self._provider
        )


def _says_something(name: str, raw: msgspec.Raw) -> bool:
    """Whether a vendor's member is better than ours; it may not have been told what was asked."""
    if name == "service_tier":
        return is_tier(bytes(raw).decode(errors="replace").strip('"'))
    if name == "reasoning":
        return b'"' in b"".join(bytes(each) for each in _members_of(raw).values())
    return is_present(raw)


def _members_of(raw: msgspec.Raw) -> json_members.Members:
    try:
        return json_members.split(bytes(raw))
    except JSON_PROBLEMS:
        return {}


class StreamSplicer:
    """One streamed response: the backend's bytes in, the client's out, but for the last event."""

    def __init__(self, response: SplicedResponse, provider: str) -> None:
        self._response = response
        self._provider = provider
        self._reader = SseReader()
        self._failure: VendorFailedError | UpstreamProtocolError | None = None

    def feed(self, chunk: bytes) -> bytes:
        """What to send on; whatever then, `check` comes next.

        Nothing more comes once the response has ended.
        """
        frames: list[bytes] = []
        try:
            for event in self._reader.feed(chunk):
                if self._response.ended:
                    break
                frames.append(self._response.take_event(event))
        except (VendorFailedError, UpstreamProtocolError) as failure:
            self._failure = failure
        except EventTooLargeError as error:
            self._failure = UpstreamProtocolError(
                f"{self._provider} sent an event that is too large: {error}",
                provider=self._provider,
            )
        return b"".join(frames)

    def check(self) -> None:
        """Tell of a failure, now that what came before it has been sent on.

        Raises:
            VendorFailedError, UpstreamProtocolError: see `SplicedResponse.take_event`.
        """
        if self._failure is not None:
            raise self._failure

    def end(self) -> None:
        """The backend closed its stream.

        Raises:
            UpstreamProtocolError: it stopped before it had finished.
        """
        if not self._response.ended:
            raise UpstreamProtocolError(
                f"{self._provider} ended its stream before the answer was complete",
                provider=self._provider,
            )
