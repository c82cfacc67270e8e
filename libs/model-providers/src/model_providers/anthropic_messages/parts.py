"""Parts of a message as content blocks. Pure.

What the API cannot hold becomes text that says so: nothing is dropped in silence, and no block is
ever blank, which the API refuses.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from model_providers.anthropic_messages.blocks import (
    Base64Source,
    DocumentBlock,
    ImageBlock,
    PartBlock,
    TextBlock,
    TextSource,
    UrlSource,
)
from wire.conversation import AudioPart, FilePart, ImagePart, Part, RefusalPart, TextPart

if TYPE_CHECKING:
    from collections.abc import Iterable

_DATA_URL = re.compile(r"data:([\w.+/-]*)(?:;[\w=.-]+)*?;base64,", re.IGNORECASE)
_IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PDF = "application/pdf"


def part_blocks(parts: Iterable[Part], *, images: bool) -> list[PartBlock]:
    """The blocks of these parts; `images`: the model reads them."""
    blocks = (_part_block(part, images=images) for part in parts)
    return [block for block in blocks if block is not None]


def text_block(text: str) -> TextBlock | None:
    """None: the text is blank, and the API would refuse it."""
    return TextBlock(text) if text.strip() else None


def _part_block(part: Part, *, images: bool) -> PartBlock | None:
    match part:
        case TextPart(text):
            return text_block(text)
        case RefusalPart(refusal):
            return text_block(refusal)
        case ImagePart(url):
            return _image(url, images=images)
        case FilePart():
            return _file(part)
        case AudioPart():
            return TextBlock("[audio left out: this model hears none]")


def _image(url: str, *, images: bool) -> PartBlock:
    if not images:
        return TextBlock("[image left out: this model reads no images]")
    head = _DATA_URL.match(url)
    if head is None:
        return ImageBlock(UrlSource(url))
    media_type = "image/jpeg" if head[1].lower() == "image/jpg" else head[1].lower()
    if media_type not in _IMAGE_TYPES:
        return TextBlock(f"[image left out: the model does not read {media_type or 'its format'}]")
    return ImageBlock(Base64Source(media_type, url[head.end() :]))


def _file(part: FilePart) -> PartBlock:
    if part.file_data is not None:
        return _file_by_value(part.file_data, part.filename)
    if part.file_url is not None:
        return DocumentBlock(UrlSource(part.file_url), part.filename)
    return TextBlock(f"[file: {part.filename or 'unnamed'}]")


def _file_by_value(file_data: str, filename: str | None) -> PartBlock:
    head = _DATA_URL.match(file_data)
    data = file_data if head is None else file_data[head.end() :]
    media_type = _PDF if head is None else head[1].lower()
    if media_type == _PDF:
        return DocumentBlock(Base64Source(_PDF, data), filename)
    text = _decoded(data) if media_type.startswith("text/") else None
    if not text or not text.strip():
        return TextBlock(f"[file left out: {filename or 'unnamed'}, {media_type or 'unknown'}]")
    return DocumentBlock(TextSource("text/plain", text), filename)


def _decoded(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None
