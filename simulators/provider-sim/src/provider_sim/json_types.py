"""JSON as the wires carry it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias, cast

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"


def dumps(value: Json | Mapping[str, Json]) -> bytes:
    """Compact JSON; text stays UTF-8, nothing is escaped that need not be."""
    return orjson.dumps(value)


def loads(data: bytes | str) -> Json:
    """Parse JSON.

    Raises:
        ValueError: the text is not JSON.
    """
    return cast("Json", orjson.loads(data))


def leading_object(text: str) -> JsonObject | None:
    """The balanced object that a longer text begins with."""
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return None
    return cast("JsonObject", value) if isinstance(value, dict) else None


def object_at(value: Json, *path: str) -> JsonObject:
    """The object at the path, or an empty one when anything on the way is missing."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
