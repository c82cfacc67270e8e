"""Messages in other dialects' words, as editors send them to chat's door, in chat's own.

Cursor sends Responses' items and parts, and for some models Anthropic's blocks, to
`/v1/chat/completions`, and mixes them with chat's messages. They are read into the neutral form and
written as chat's messages, so that whatever reads or passes on a request knows one shape only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from api_gateway.dialects.responses.content import InputPart, to_part
from api_gateway.dialects.responses.items import decode_item
from model_providers.openai_chat.encode import encode_messages
from wire.conversation import (
    CompactionItem,
    Item,
    Message,
    OtherItem,
    Part,
    RefusalPart,
    TextPart,
    ToolCall,
    ToolKind,
    ToolResult,
)
from wire.openai_chat import FileInput, ImageUrl, MessageToolCall
from wire.raw_json import ABSENT, is_present
from wire.specs import ModelSpec, ProviderSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

# A backend that can do everything: nothing of the conversation is adapted to a lesser one here.
_ANY = ModelSpec(
    name="any",
    provider=ProviderSpec(name="any", kind="openai", base_url=""),
    upstream_model="any",
)
_ROLES = ("system", "developer", "user", "assistant", "tool")
# Parts and items that chat does not have. Inside a JSON string the quotes would be escaped.
_FOREIGN = re.compile(
    rb'"type"\s*:\s*"(?:input_text|output_text|summary_text|input_image|input_file|function_call'
    rb"|function_call_output|custom_tool_call|custom_tool_call_output|reasoning|tool_use|tool_result"
    rb'|thinking|redacted_thinking|image)"'
)
# Thoughts of before, sealed or not: chat has no place for them.
_DROPPED_PARTS = ("thinking", "redacted_thinking", "reasoning")


class _Source(msgspec.Struct):
    """Where the bytes of one of Anthropic's images are."""

    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None


class _Part(msgspec.Struct):
    """A part of any dialect; which fields matter depends on `type`."""

    type: str
    text: str | None = None
    image_url: str | ImageUrl | None = None
    file: FileInput | None = None
    source: _Source | None = None
    detail: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = ABSENT
    tool_use_id: str | None = None
    content: str | list[msgspec.Raw] | None = None


class _Message(msgspec.Struct):
    """A message of any dialect, or an item that is none; `role` is None then."""

    role: str | None = None
    type: str | None = None
    content: str | list[msgspec.Raw] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[MessageToolCall] | None = None
    tool_call_id: str | None = None


_LIST = msgspec.json.Decoder(str | list[msgspec.Raw])
_MESSAGE = msgspec.json.Decoder(_Message)
_PART = msgspec.json.Decoder(_Part)
_INPUT_PART = msgspec.json.Decoder(InputPart)
_encode = msgspec.json.Encoder().encode


def is_foreign(messages: msgspec.Raw) -> bool:
    """Whether there is something in them that chat has no word for."""
    return _FOREIGN.search(messages) is not None


def as_chat_messages(
    raw: msgspec.Raw, root: str, *, instructions: str | None = None
) -> msgspec.Raw:
    """An array of messages, items or both, or a text, as chat's messages; `root` is its name.

    Raises:
        InvalidRequestError: with the path of the first fault.
        NotFoundError: a reference to a stored item.
    """
    try:
        json_members.check_encoding({root: raw})
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem, root) from None
    entries = _decode(_LIST, raw, root)
    if isinstance(entries, str):
        items: list[Item] = [Message("user", (TextPart(entries),))]
    else:
        if not entries:
            raise openai_errors.empty_array(root)
        items = _items(entries, root)
    if instructions:
        items.insert(0, Message("system", (TextPart(instructions),)))
    return msgspec.Raw(_encode(encode_messages(items, _ANY)))


def _items(entries: Sequence[msgspec.Raw], root: str) -> list[Item]:
    items: list[Item] = []
    kinds: dict[str, ToolKind] = {}  # a chat's result does not say which kind of tool it is from
    for index, raw in enumerate(entries):
        path = f"{root}[{index}]"
        for item in _entry(raw, path, kinds):
            if isinstance(item, ToolCall):
                kinds[item.call_id] = item.kind
            items.append(item)
    return items


def _entry(raw: msgspec.Raw, path: str, kinds: dict[str, ToolKind]) -> Iterator[Item]:
    message = _decode(_MESSAGE, raw, path)
    if message.role is None:
        yield from _other_items(raw, path)
    elif message.role not in _ROLES:
        raise openai_errors.invalid_value(f"{path}.role", repr(message.role), _ROLES)
    elif message.role == "tool":
        if message.tool_call_id is None:
            raise openai_errors.missing(f"{path}.tool_call_id")
        output = _texts(message.content, f"{path}.content")
        yield ToolResult(message.tool_call_id, output, kinds.get(message.tool_call_id, "function"))
    else:
        yield from _message_items(message, path)


def _other_items(raw: msgspec.Raw, path: str) -> Iterator[Item]:
    """What Responses has beside messages. What is sealed can be opened at its own door only."""
    item = decode_item(raw, path)
    if isinstance(item, CompactionItem) or (
        isinstance(item, OtherItem) and item.item_type == "compaction_trigger"
    ):
        raise openai_errors.unsupported_parameter(
            path, "Compaction is not supported here; send the request to /v1/responses instead."
        )
    if item is not None:
        yield item


def _message_items(message: _Message, path: str) -> Iterator[Item]:
    """One message, and the calls and results that other dialects keep among its parts."""
    role = message.role
    if role not in ("system", "developer", "user", "assistant"):
        raise AssertionError("a role was not checked")
    calls = message.tool_calls or []
    if message.content is None and not (calls or message.refusal):
        raise openai_errors.missing(f"{path}.content")
    said: list[Part] = []
    for item in _contents(message.content, f"{path}.content"):
        if not isinstance(item, ToolCall | ToolResult):
            said.append(item)
            continue
        if said:
            yield Message(role, tuple(said), name=message.name)
            said = []
        yield item
    if message.refusal:
        said.append(RefusalPart(message.refusal))
    if said:
        yield Message(role, tuple(said), name=message.name)
    for index, call in enumerate(calls):
        yield _tool_call(call, f"{path}.tool_calls[{index}]")


def _contents(
    content: str | list[msgspec.Raw] | None, path: str
) -> Iterator[Part | ToolCall | ToolResult]:
    if isinstance(content, str):
        yield TextPart(content)
        return
    for index, raw in enumerate(content or ()):
        place = f"{path}[{index}]"
        part = _decode(_PART, raw, place)
        match part.type:
            case "tool_use":
                yield _tool_use(part, place)
            case "tool_result":
                yield _tool_result(part, place)
            case dropped if dropped in _DROPPED_PARTS:
                pass
            case _:
                yield _part(part, raw, place)


def _texts(content: str | list[msgspec.Raw] | None, path: str) -> tuple[Part, ...]:
    """Content in which no calls or results have a place."""
    parts = tuple(_contents(content, path))
    for index, part in enumerate(parts):
        if isinstance(part, ToolCall | ToolResult):
            raise openai_errors.invalid_value(f"{path}[{index}].type", repr("tool_use"))
    return tuple(part for part in parts if not isinstance(part, ToolCall | ToolResult))


def _part(part: _Part, raw: msgspec.Raw, path: str) -> Part:
    match part:
        case _Part(type="image_url" | "input_image", image_url=ImageUrl(url=url, detail=detail)):
            return to_part(InputPart("input_image", image_url=url, detail=detail), path)
        case _Part(type="image_url", image_url=str(url)):
            return to_part(InputPart("input_image", image_url=url), path)
        case _Part(type="file", file=FileInput() as file):
            return to_part(
                InputPart(
                    "input_file",
                    file_data=file.file_data,
                    file_id=file.file_id,
                    filename=file.filename,
                ),
                path,
            )
        case _Part(type="image", source=_Source() as source):
            return to_part(InputPart("input_image", image_url=_url(source, f"{path}.source")), path)
        case _:
            return to_part(_decode(_INPUT_PART, raw, path), path)


def _url(source: _Source, path: str) -> str:
    if source.type == "base64" and source.data is not None:
        return f"data:{source.media_type or 'application/octet-stream'};base64,{source.data}"
    if source.type == "url" and source.url is not None:
        return source.url
    raise openai_errors.invalid_value(f"{path}.type", repr(source.type), ("base64", "url"))


def _tool_use(part: _Part, path: str) -> ToolCall:
    if part.id is None:
        raise openai_errors.missing(f"{path}.id")
    if part.name is None:
        raise openai_errors.missing(f"{path}.name")
    arguments = bytes(part.input).decode() if is_present(part.input) else "{}"
    return ToolCall(part.id, part.name, arguments)


def _tool_result(part: _Part, path: str) -> ToolResult:
    if part.tool_use_id is None:
        raise openai_errors.missing(f"{path}.tool_use_id")
    return ToolResult(part.tool_use_id, _texts(part.content, f"{path}.content"))


def _tool_call(call: MessageToolCall, path: str) -> ToolCall:
    if call.type == "custom" and call.custom is not None:
        return ToolCall(call.id, call.custom.name, call.custom.input, "custom")
    if call.type == "function" and call.function is not None:
        return ToolCall(call.id, call.function.name, call.function.arguments)
    if call.type in ("function", "custom"):
        raise openai_errors.missing(f"{path}.{call.type}")
    raise openai_errors.invalid_value(f"{path}.type", repr(call.type), ("function", "custom"))


def _decode(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, root: str) -> T:
    try:
        return decoder.decode(raw)
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem, root) from None
