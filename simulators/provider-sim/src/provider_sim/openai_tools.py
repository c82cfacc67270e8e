"""What OpenAI's two wires share: sampling, tool choice, strict schemas, images."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from provider_sim.json_types import dumps
from provider_sim.prompt import ToolChoice
from provider_sim.wire_errors import WireError, missing, wrong_type, wrong_value

if TYPE_CHECKING:
    from provider_sim.json_types import Json, JsonObject
    from provider_sim.prompt import Tool
    from provider_sim.request_fields import Fields

_LOW_DETAIL_TOKENS = 85
_TILE_TOKENS = 170
_TILE_PX = 512
UNKNOWN_SIZE = (1024, 1024)
_LONGEST_SIDE_PX = 2048
_SHORTEST_SIDE_PX = 768
FILE_TOKENS = 1_000
AUDIO_TOKENS = 500
_PNG, _GIF, _JPEG = b"\x89PNG\r\n\x1a\n", b"GIF8", b"\xff\xd8"
_HEADER_CHARS = 65_536
_JPEG_MARKER = 0xFF
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def check_model(fields: Fields) -> str:
    """The model asked for; an empty name is none."""
    model = fields.text("model")
    if not model:
        raise missing("model")
    return model


def check_sampling(fields: Fields) -> None:
    """Ranges that both wires share."""
    fields.decimal("temperature", 0, 2)
    fields.decimal("top_p", 0, 1)
    fields.integer("top_logprobs", 0, 20)
    if fields.has("metadata"):
        fields.child("metadata")
    if fields.has("stream_options") and not fields.flag("stream", default=False):
        raise WireError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )


def read_tool_choice(fields: Fields, tools: tuple[Tool, ...], *, nested: bool) -> ToolChoice:
    """`tool_choice` of Chat (`nested`) or of Responses."""
    value = fields.raw("tool_choice")
    if value is None:
        return ToolChoice()
    if isinstance(value, str):
        mode = fields.choice("tool_choice", ("none", "auto", "required"))
        return _mode_choice(mode, tools)
    if not isinstance(value, dict):
        raise wrong_type("tool_choice", "a string or an object", value)
    choice = fields.child("tool_choice")
    kind = choice.text("type")
    if kind == "allowed_tools":
        allowed = choice.child("allowed_tools") if nested else choice
        mode = _mode_choice(allowed.choice("mode", ("auto", "required")), tools)
        return replace(mode, allowed=_allowed_names(allowed, nested=nested))
    if kind not in {"function", "custom"}:
        raise wrong_value("tool_choice.type", kind, "'function', 'custom', 'allowed_tools'")
    name = (choice.child(kind) if nested else choice).text("name")
    if not any(tool.answers_to(name) for tool in tools):
        raise WireError(
            f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice"
        )
    return ToolChoice("required", name)


def _allowed_names(allowed: Fields, *, nested: bool) -> tuple[str, ...]:
    listed = allowed.children("tools")
    return tuple(
        (tool.child(tool.text("type")) if nested else tool).text("name") for tool in listed
    )


def _mode_choice(mode: str, tools: tuple[Tool, ...]) -> ToolChoice:
    if mode == "required" and not tools:
        raise WireError(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are "
            "specified.",
            param="tool_choice",
        )
    return ToolChoice("none" if mode == "none" else "required" if mode == "required" else "auto")


def check_strict_schema(schema: JsonObject, param: str, code: str, path: str = "") -> None:
    """What vendors demand of a schema with `strict`: closed objects, every property required."""
    if not path and schema.get("type") != "object":
        raise WireError(
            f"Invalid schema: schema must be a JSON Schema of 'type: \"object\"', got "
            f"'type: {schema.get('type')}'.",
            param=param,
            code=code,
        )
    if schema.get("type") == "object" or "properties" in schema:
        _check_closed(schema, param, code, path)
    for key, part in subschemas(schema):
        check_strict_schema(part, param, code, f"{path}/{key}")


def _check_closed(schema: JsonObject, param: str, code: str, path: str) -> None:
    properties, required = schema.get("properties"), schema.get("required")
    names = set(properties) if isinstance(properties, dict) else set[str]()
    listed = (
        {name for name in required if isinstance(name, str)}
        if isinstance(required, list)
        else set[str]()
    )
    if schema.get("additionalProperties") is not False:
        problem = "'additionalProperties' is required to be supplied and to be false"
    elif names != listed:
        problem = (
            "'required' is required to be supplied and to be an array including every key in "
            f"properties. Missing or extra: {sorted(names ^ listed)}"
        )
    else:
        return
    raise WireError(f"Invalid schema: in context=({path}), {problem}.", param=param, code=code)


def subschemas(schema: JsonObject) -> list[tuple[str, JsonObject]]:
    """The schemas directly inside a schema, each with its place."""
    found: list[tuple[str, Json]] = []
    for key in ("properties", "$defs", "definitions"):
        group = schema.get(key)
        found += (
            [(f"{key}/{name}", part) for name, part in group.items()]
            if isinstance(group, dict)
            else []
        )
    for key in ("anyOf", "oneOf", "allOf"):
        group = schema.get(key)
        found += (
            [(f"{key}/{i}", part) for i, part in enumerate(group)]
            if isinstance(group, list)
            else []
        )
    found.append(("items", schema.get("items")))
    return [(key, part) for key, part in found if isinstance(part, dict)]


def tool_text(definitions: Json) -> str:
    """Tool definitions and schemas as a vendor renders them into the context."""
    return dumps(definitions).decode() if definitions else ""


def image_tokens(url: str, detail: str) -> int:
    """By detail and size, never by the bytes of the picture."""
    if detail == "low":
        return _LOW_DETAIL_TOKENS
    width, height = image_size(url) or UNKNOWN_SIZE
    scale = min(1.0, _LONGEST_SIDE_PX / max(width, height))
    scale *= min(1.0, _SHORTEST_SIDE_PX / (min(width, height) * scale))
    across, down = (-(-max(1, round(side * scale)) // _TILE_PX) for side in (width, height))
    return _LOW_DETAIL_TOKENS + _TILE_TOKENS * across * down


def image_size(url: str) -> tuple[int, int] | None:
    """Width and height in pixels of a data URL, read from the picture's header."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or "base64" not in head:
        return None
    try:
        raw = base64.b64decode(data[:_HEADER_CHARS], validate=False)
    except (binascii.Error, ValueError):
        return None
    size = _size_in_header(raw)
    return size if size and all(size) else None


def _size_in_header(raw: bytes) -> tuple[int, int] | None:
    try:
        if raw.startswith(_PNG):
            return struct.unpack_from(">II", raw, 16)
        if raw.startswith(_GIF):
            return struct.unpack_from("<HH", raw, 6)
        return _jpeg_size(raw) if raw.startswith(_JPEG) else None
    except struct.error:
        return None


def _jpeg_size(raw: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(raw) and raw[at] == _JPEG_MARKER:
        marker, length = raw[at + 1], struct.unpack_from(">H", raw, at + 2)[0]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", raw, at + 5)
            return width, height
        at += 2 + length
    return None
