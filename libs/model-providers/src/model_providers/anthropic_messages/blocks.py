"""Content blocks of Anthropic's Messages API, as requests carry them. Pure.

Source: Anthropic's API reference, `POST /v1/messages`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec


class CacheControl(msgspec.Struct):
    """What stands before and in the block that carries this is cached."""

    type: Literal["ephemeral"] = "ephemeral"


class Base64Source(msgspec.Struct, tag_field="type", tag="base64"):
    media_type: str
    data: str


class UrlSource(msgspec.Struct, tag_field="type", tag="url"):
    url: str


class TextSource(msgspec.Struct, tag_field="type", tag="text"):
    media_type: str
    data: str


class TextBlock(msgspec.Struct, tag_field="type", tag="text", omit_defaults=True):
    text: str
    cache_control: CacheControl | None = None


class ImageBlock(msgspec.Struct, tag_field="type", tag="image", omit_defaults=True):
    source: Base64Source | UrlSource
    cache_control: CacheControl | None = None


class DocumentBlock(msgspec.Struct, tag_field="type", tag="document", omit_defaults=True):
    source: Base64Source | UrlSource | TextSource
    title: str | None = None
    cache_control: CacheControl | None = None


class ToolUseBlock(msgspec.Struct, tag_field="type", tag="tool_use", omit_defaults=True):
    id: str
    name: str
    input: msgspec.Raw
    cache_control: CacheControl | None = None


PartBlock: TypeAlias = TextBlock | ImageBlock | DocumentBlock


class ToolResultBlock(msgspec.Struct, tag_field="type", tag="tool_result", omit_defaults=True):
    """Without `content` the tool answered nothing, which is allowed."""

    tool_use_id: str
    content: list[PartBlock] | None = None
    is_error: bool = False
    cache_control: CacheControl | None = None


Block: TypeAlias = PartBlock | ToolUseBlock | ToolResultBlock


class Turn(msgspec.Struct):
    """One message. Roles alternate between user and assistant; `system` only as the last."""

    role: Literal["user", "assistant", "system"]
    content: list[Block]
