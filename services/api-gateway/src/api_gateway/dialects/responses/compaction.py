"""POST /v1/responses/compact: what is to be compacted, and what came of it as OpenAI says it.

Source: OpenAI wire contract, section 3.1. Messages that stay come back as the client wrote them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api_gateway.dialects.responses.output_items import OutputItem
from api_gateway.dialects.responses.response_object import ResponseUsage, response_usage
from wire.conversation import (
    AudioPart,
    Compacted,
    CompactionItem,
    FilePart,
    ImagePart,
    Message,
    RefusalPart,
    TextPart,
    Usage,
)
from wire.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wire.compaction import CompactResult
    from wire.conversation import Item, Part

_encode = msgspec.json.Encoder().encode


class _Text(msgspec.Struct, tag_field="type", tag="input_text"):
    text: str


class _Image(msgspec.Struct, tag_field="type", tag="input_image"):
    image_url: str
    detail: str


class _File(msgspec.Struct, tag_field="type", tag="input_file", omit_defaults=True):
    filename: str | None = None
    file_data: str | None = None
    file_url: str | None = None


class _AudioData(msgspec.Struct):
    data: str
    format: str


class _Audio(msgspec.Struct, tag_field="type", tag="input_audio"):
    input_audio: _AudioData


class _Message(msgspec.Struct, tag_field="type", tag="message"):
    id: str
    status: str
    role: str
    content: list[_Text | _Image | _File | _Audio]


class _Compaction(msgspec.Struct, tag_field="type", tag="compaction"):
    id: str
    encrypted_content: str


class _CompactedResponse(msgspec.Struct):
    id: str
    object: str
    created_at: int
    output: list[msgspec.Raw]
    usage: ResponseUsage


def compacted_items(response_id: str, items: Sequence[Item]) -> list[OutputItem]:
    """The kept messages and the sealed item as they are shown, kept and sent back."""
    shown: list[OutputItem] = []
    for index, item in enumerate(items):
        match item:
            case Message():
                item_id = item.id or derived_id("msg_", response_id, index)
                content = [_part(part) for part in item.content]
                payload = _encode(_Message(item_id, "completed", item.role, content))
            case CompactionItem():
                item_id = derived_id("cmp_", response_id, index)
                payload = _encode(_Compaction(item_id, item.encrypted_content))
            case _:
                continue  # nothing else stays outside the sealed item
        shown.append(OutputItem(item_id, payload, payload))
    return shown


def compacted_response(
    response_id: str, created_unix_s: int, output: Sequence[OutputItem], result: CompactResult
) -> bytes:
    """The whole answer."""
    return _encode(
        _CompactedResponse(
            id=response_id,
            object="response.compaction",
            created_at=created_unix_s,
            output=[msgspec.Raw(item.shown) for item in output],
            usage=response_usage(shown_usage(result), compacted_of(result)),
        )
    )


def shown_usage(result: CompactResult) -> Usage:
    """What clients see: what a model counted, or what went in and what the item opens to."""
    if result.usage.total_tokens:
        return result.usage
    return Usage(result.tokens_before, result.item_tokens, estimated=True)


def compacted_of(result: CompactResult) -> Compacted:
    """What the usage says of it."""
    return Compacted(result.level, result.tokens_before, result.tokens_after, result.reused)


def _part(part: Part) -> _Text | _Image | _File | _Audio:
    match part:
        case TextPart():
            return _Text(part.text)
        case ImagePart():
            return _Image(part.url, part.detail)
        case FilePart():
            return _File(part.filename, part.file_data, part.file_url)
        case AudioPart():
            return _Audio(_AudioData(part.data, part.format))
        case RefusalPart():
            return _Text(part.refusal)
