"""Tools as Anthropic takes them: their names, their schemas, and free text in a wrapping. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from model_providers.anthropic_messages.blocks import CacheControl
from model_providers.anthropic_messages.schemas import guaranteed_schema
from model_providers.json_values import JsonObject, loads
from model_providers.tool_names import ToolName
from wire.conversation import CustomTool, FunctionTool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wire.conversation import Tool

MAX_NAME_CHARS = 128
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_COMBINATIONS = ("oneOf", "anyOf", "allOf")
_ANY_OBJECT = msgspec.Raw(b'{"type":"object"}')
_FREE_TEXT = msgspec.Raw(
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],'
    b'"additionalProperties":false}'
)
FREE_TEXT_KEY = "input"

_ENCODER = msgspec.json.Encoder()


class ToolDefinition(msgspec.Struct, omit_defaults=True):
    name: str
    input_schema: msgspec.Raw
    description: str | None = None
    strict: bool = False
    cache_control: CacheControl | None = None


def vendor_name(name: ToolName) -> str:
    """A name in the letters the API takes."""
    return _FOREIGN.sub("_", name.flat)[:MAX_NAME_CHARS] or "_"


def offered_names(tools: Iterable[Tool]) -> dict[str, ToolName]:
    """The tools of a request by the name the vendor sees; no two share one."""
    names: dict[str, ToolName] = {}
    for name in dict.fromkeys(ToolName(tool.name, tool.namespace) for tool in tools):
        names[_free_name(vendor_name(name), names)] = name
    return names


def _free_name(wanted: str, taken: Mapping[str, ToolName]) -> str:
    name, number = wanted, 2
    while name in taken:
        suffix = f"_{number}"
        name, number = wanted[: MAX_NAME_CHARS - len(suffix)] + suffix, number + 1
    return name


def define(tool: Tool, name: str, *, guaranteed: bool) -> ToolDefinition:
    """`guaranteed`: the model can be held to a strict tool's schema."""
    if isinstance(tool, CustomTool):
        return ToolDefinition(name, _FREE_TEXT, _described(tool))
    strict = tool.strict is True and guaranteed
    return ToolDefinition(name, _arguments_schema(tool, strict=strict), tool.description, strict)


def define_called(name: str) -> ToolDefinition:
    """A tool that the conversation shows being called and nobody offers any more."""
    return ToolDefinition(name, _ANY_OBJECT)


def _described(tool: CustomTool) -> str:
    """The grammar is told in words: nothing here enforces it."""
    said = [tool.description] if tool.description else []
    if tool.format:
        said.append(f"The `input` follows this format: {bytes(tool.format).decode()}")
    return "\n".join(said) or "Takes free text as `input`."


def _arguments_schema(tool: FunctionTool, *, strict: bool) -> msgspec.Raw:
    """Verbatim where the API takes it: an object without combinations on top."""
    schema = _schema_object(tool.parameters)
    if schema is None:
        return _ANY_OBJECT
    if strict:
        return msgspec.Raw(_ENCODER.encode(guaranteed_schema(_object_on_top(schema))))
    if schema.get("type") == "object" and not any(key in schema for key in _COMBINATIONS):
        return tool.parameters
    return msgspec.Raw(_ENCODER.encode(_object_on_top(schema)))


def _object_on_top(schema: JsonObject) -> JsonObject:
    kept = {key: value for key, value in schema.items() if key not in _COMBINATIONS}
    return {**kept, "type": "object"}


def _schema_object(schema: msgspec.Raw) -> JsonObject | None:
    try:
        decoded = loads(bytes(schema)) if schema else None
    except msgspec.DecodeError:
        return None
    return decoded if isinstance(decoded, dict) else None
