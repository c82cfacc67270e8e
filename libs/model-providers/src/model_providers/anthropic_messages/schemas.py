"""A JSON schema cut down to what Anthropic's decoding can guarantee. Pure.

What it refuses (bounds, lengths, patterns) is told to the model in the description instead; whoever
needs it to hold checks the answer. Source: Anthropic's page on structured outputs, limitations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from model_providers.json_values import Json, JsonObject

_KEPT = frozenset(
    {
        "$defs", "$ref", "additionalProperties", "allOf", "anyOf", "const", "default",
        "definitions", "description", "enum", "items", "properties", "required", "title", "type",
    }
)  # fmt: skip
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_GROUPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "allOf")
_NOT_SAID = frozenset({"$schema", "$id", "$comment", "examples", "readOnly", "writeOnly"})


def guaranteed_schema(schema: JsonObject) -> JsonObject:
    """The schema with closed objects and without constraints that the API would refuse."""
    if "$ref" in schema:
        return {key: schema[key] for key in ("$ref", "$defs", "definitions") if key in schema}
    kept = {key: value for key, value in schema.items() if _is_kept(key, value)}
    if "oneOf" in schema and "anyOf" not in kept:
        kept["anyOf"] = schema["oneOf"]
    for name in _GROUPS:
        group = kept.get(name)
        if isinstance(group, dict):
            kept[name] = {key: _inner(part) for key, part in group.items()}
    for name in _LISTS:
        parts = kept.get(name)
        if isinstance(parts, list):
            kept[name] = [_inner(part) for part in parts]
    if "items" in kept:
        kept["items"] = _inner(kept["items"])
    if _is_object(kept):
        kept["additionalProperties"] = False
    return _with_the_rest_said(kept, schema)


def _inner(part: Json) -> Json:
    return guaranteed_schema(part) if isinstance(part, dict) else part


def _is_kept(key: str, value: Json) -> bool:
    if key == "format":
        return value in _FORMATS
    if key == "minItems":
        return value in (0, 1)
    return key in _KEPT


def _is_object(schema: JsonObject) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)


def _with_the_rest_said(kept: JsonObject, schema: JsonObject) -> JsonObject:
    unsaid = kept.keys() | _NOT_SAID | {"oneOf"}
    rest = {key: value for key, value in schema.items() if key not in unsaid}
    if not rest:
        return kept
    said = "{" + ", ".join(f"{key}: {_json(value)}" for key, value in rest.items()) + "}"
    description = kept.get("description")
    whole = f"{description}\n\n{said}" if isinstance(description, str) else said
    return {**kept, "description": whole}


def _json(value: Json) -> str:
    return msgspec.json.encode(value).decode()
