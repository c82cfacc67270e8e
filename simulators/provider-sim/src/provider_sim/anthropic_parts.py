"""Content blocks of Anthropic's Messages wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provider_sim.openai_tools import FILE_TOKENS, UNKNOWN_SIZE, image_size
from provider_sim.wire_errors import WireError, missing

if TYPE_CHECKING:
    from provider_sim.request_fields import Fields

USER_BLOCKS = ("text", "image", "document", "tool_result")
ASSISTANT_BLOCKS = ("text", "tool_use", "thinking", "redacted_thinking")
_RESULT_BLOCKS = ("text", "image", "document")
_IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_LONGEST_SIDE_PX = 1_568
_PIXELS_A_TOKEN = 750
SIGNATURE_PREFIX = "sim-signature-"


@dataclass(frozen=True, slots=True)
class Part:
    text: str = ""
    media_tokens: int = 0


def read_part(block: Fields) -> Part:
    """A part of what a user says, or of what a tool answered."""
    kind = block.text("type")
    if kind == "text":
        return Part(block.text("text"))
    return _read_image(block) if kind == "image" else _read_document(block)


def read_result(block: Fields) -> Part:
    """The content of a tool's result; it may be empty."""
    block.flag("is_error", default=False)
    if not block.has("content"):
        return Part()
    if isinstance(block.raw("content"), str):
        return Part(block.text("content"))
    parts: list[Part] = []
    for inner in block.children("content"):
        inner.choice("type", _RESULT_BLOCKS)
        parts.append(read_part(inner))
    return Part(
        "\n".join(part.text for part in parts if part.text),
        sum(part.media_tokens for part in parts),
    )


def check_thinking(block: Fields) -> None:
    """Thinking that a client replays must be the model's own.

    Raises:
        WireError: the signature is none that was given out.
    """
    proof = block.text("signature" if block.text("type") == "thinking" else "data")
    if not proof.startswith(SIGNATURE_PREFIX):
        raise WireError(f"{block.path}: Invalid `signature` in `thinking` block")


def _read_image(block: Fields) -> Part:
    source = block.child("source")
    size = UNKNOWN_SIZE
    if source.choice("type", ("base64", "url")) == "base64":
        media_type = source.choice("media_type", _IMAGE_TYPES)
        size = image_size(f"data:{media_type};base64,{_data(source)}") or UNKNOWN_SIZE
    else:
        source.text("url")
    return Part(media_tokens=_image_tokens(size))


def _image_tokens(size: tuple[int, int]) -> int:
    scale = min(1.0, _LONGEST_SIDE_PX / max(size))
    return max(1, round(size[0] * scale * size[1] * scale / _PIXELS_A_TOKEN))


def _read_document(block: Fields) -> Part:
    source = block.child("source")
    kind = source.choice("type", ("base64", "text", "url"))
    if kind == "text":
        source.choice("media_type", ("text/plain",))
        return Part(_data(source))
    if kind == "base64":
        source.choice("media_type", ("application/pdf",))
        _data(source)
    else:
        source.text("url")
    return Part(media_tokens=FILE_TOKENS)


def _data(source: Fields) -> str:
    data = source.text("data")
    if not data:
        raise missing(source.at("data"))
    return data
