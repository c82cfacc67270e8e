"""JSON that fits a JSON Schema: makes an instance, and checks one.

Pure. Knows what vendors accept in structured output and tool parameters; of `pattern` it knows
the plain regular ones and gives its best for the rest.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, TypeAlias, cast

from provider_sim import prose
from provider_sim.pattern_text import text_matching

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from provider_sim.json_types import Json, JsonObject

_DEEPEST = 12
_FORMATS = {
    "date-time": "2025-03-14T09:26:53Z",
    "date": "2025-03-14",
    "time": "09:26:53Z",
    "duration": "PT15M",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/a",
    "url": "https://example.com/a",
    "uuid": "6f1d3c52-9a3e-4c55-8a2b-2f4c0f6b7e11",
    "ipv4": "192.0.2.7",
    "ipv6": "2001:db8::7",
}


class SchemaWriter:
    """Writes one instance. `first_text` goes into the first string that can hold it."""

    def __init__(
        self, schema: JsonObject, rng: random.Random, topic: str, first_text: str | None = None
    ) -> None:
        self._root = schema
        self._rng = rng
        self._topic = topic
        self._first_text = first_text

    def write(self) -> Json:
        return self._value(self._root, 0)

    def _value(self, schema: Json, depth: int) -> Json:
        schema = merged(resolve(schema, self._root), self._root)
        if "const" in schema:
            return schema["const"]
        choices = schema.get("enum")
        if isinstance(choices, list) and choices:
            return self._rng.choice(choices)
        options = schema.get("anyOf") or schema.get("oneOf")
        if isinstance(options, list) and options:
            return self._value(self._option(options, depth), depth)
        writers: dict[str, Callable[[JsonObject, int], Json]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": self._boolean,
        }
        writer = writers.get(self._type(schema, depth))
        return writer(schema, depth) if writer else None

    def _boolean(self, _schema: JsonObject, _depth: int) -> Json:
        return self._rng.random() < 0.5  # noqa: PLR2004 - either

    def _option(self, options: list[Json], depth: int) -> Json:
        """Deep down take the option that ends soonest."""
        if depth < _DEEPEST:
            return self._rng.choice(options)
        flat = [option for option in options if not _nests(resolve(option, self._root))]
        return (flat or options)[0]

    def _type(self, schema: JsonObject, depth: int) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            names = [name for name in kind if isinstance(name, str)]
            if depth >= _DEEPEST and "null" in names:
                return "null"
            solid = [name for name in names if name != "null"] or names
            return self._rng.choice(solid)
        if isinstance(kind, str):
            return kind
        if "properties" in schema:
            return "object"
        return "array" if "items" in schema else "string"

    def _object(self, schema: JsonObject, depth: int) -> Json:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        needed = set(cast("list[str]", required)) if isinstance(required, list) else set[str]()
        written: JsonObject = {}
        for name, part in properties.items():
            if name in needed or depth < _DEEPEST // 4:
                written[name] = self._value(part, depth + 1)
        for name in sorted(needed - set(written)):
            written[name] = self._value(schema.get("additionalProperties"), depth + 1)
        return written

    def _array(self, schema: JsonObject, depth: int) -> Json:
        fewest = _whole(schema.get("minItems"), 0)
        most = _whole(schema.get("maxItems"), max(fewest, 3))
        count = (
            fewest
            if depth >= _DEEPEST // 2
            else self._rng.randint(min(max(fewest, 1), most), max(fewest, min(most, 3)))
        )
        prefix = schema.get("prefixItems")
        parts = list(prefix) if isinstance(prefix, list) else []
        item = schema.get("items", {})
        values = [self._value(part, depth + 1) for part in parts]
        if item is not False:
            values += [self._value(item, depth + 1) for _ in range(count - len(values))]
        return self._distinct(values, item, depth) if schema.get("uniqueItems") else values

    def _distinct(self, values: list[Json], item: Json, depth: int) -> list[Json]:
        kept: list[Json] = []
        for value in values:
            candidate = value
            for _ in range(32):
                if candidate not in kept:
                    kept.append(candidate)
                    break
                candidate = self._value(item, depth + 1)
        return kept

    def _string(self, schema: JsonObject, _depth: int) -> Json:
        text = self._first_text
        if text is not None and validates(text, schema, self._root):
            self._first_text = None
            return text
        named = schema.get("format")
        if isinstance(named, str) and named in _FORMATS:
            return _FORMATS[named]
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            return text_matching(pattern, self._rng)
        return self._sized(schema)

    def _sized(self, schema: JsonObject) -> str:
        shortest = _whole(schema.get("minLength"), 0)
        longest = _whole(schema.get("maxLength"), 10_000)
        text = prose.short_phrase(self._rng, self._topic)
        while len(text) < shortest:
            text += " " + prose.short_phrase(self._rng, self._topic)
        return text[:longest]

    def _integer(self, schema: JsonObject, _depth: int) -> Json:
        lowest, highest = _range(schema)
        step = schema.get("multipleOf")
        unit = int(step) if isinstance(step, int | float) and step >= 1 else 1
        first = math.ceil(lowest / unit)
        last = max(first, math.floor(highest / unit))
        value = self._rng.randint(first, last) * unit
        if value == schema.get("exclusiveMinimum"):
            value += unit
        return value - unit if value == schema.get("exclusiveMaximum") else value

    def _number(self, schema: JsonObject, depth: int) -> Json:
        if "multipleOf" in schema:
            return self._integer(schema, depth)
        lowest, highest = _range(schema)
        middle = lowest + (highest - lowest) * self._rng.uniform(0.25, 0.75)
        rounded = round(middle, 2)
        return rounded if lowest < rounded < highest else middle


def resolve(schema: Json, root: JsonObject, hops: int = 16) -> JsonObject:
    """Follow `$ref` inside the document."""
    if not isinstance(schema, dict):
        return {}
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not hops:
        return schema
    target: Json = root
    for part in reference.lstrip("#").strip("/").split("/") if reference != "#" else []:
        key = part.replace("~1", "/").replace("~0", "~")
        target = target.get(key) if isinstance(target, dict) else None
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {**resolve(target, root, hops - 1), **rest}


def merged(schema: JsonObject, root: JsonObject) -> JsonObject:
    """Fold `allOf` into one schema; properties and required join."""
    parts = schema.get("allOf")
    if not isinstance(parts, list):
        return schema
    result = {key: value for key, value in schema.items() if key != "allOf"}
    for part in parts:
        resolved = merged(resolve(part, root), root)
        for key, value in resolved.items():
            known = result.get(key)
            if key == "properties" and isinstance(known, dict) and isinstance(value, dict):
                result[key] = {**known, **value}
            elif key == "required" and isinstance(known, list) and isinstance(value, list):
                result[key] = [*known, *value]
            else:
                result[key] = value
    return result


def _nests(schema: JsonObject) -> bool:
    return schema.get("type") in {"object", "array"} or "properties" in schema


def _whole(value: Json, default: int) -> int:
    return int(value) if isinstance(value, int | float) else default


def _range(schema: JsonObject) -> tuple[float, float]:
    lowest = schema.get("minimum", schema.get("exclusiveMinimum"))
    highest = schema.get("maximum", schema.get("exclusiveMaximum"))
    low = lowest if isinstance(lowest, int | float) else None
    high = highest if isinstance(highest, int | float) else None
    if low is None and high is None:
        return 1, 100
    if low is None:
        assert high is not None  # noqa: S101 - narrows
        return high - 100, high
    return (low, low + 100) if high is None else (low, high)


_Check: TypeAlias = "Callable[[Json, JsonObject, JsonObject], bool]"
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "integer": (int,),
}


def validates(value: Json, schema: Json, root: JsonObject) -> bool:
    """Whether the value fits the schema, as far as the keywords known here say."""
    if isinstance(schema, bool):
        return schema
    schema = merged(resolve(schema, root), root)
    if "const" in schema and not _same(value, schema["const"]):
        return False
    choices = schema.get("enum")
    if isinstance(choices, list) and not any(_same(value, choice) for choice in choices):
        return False
    options = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list) and not any(validates(value, part, root) for part in options):
        return False
    return _has_type(value, schema.get("type")) and _fits(value, schema, root)


def _same(value: Json, other: Json) -> bool:
    """JSON's equality: true is not 1, though Python says so."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _has_type(value: Json, kind: Json) -> bool:
    if kind is None:
        return True
    names = kind if isinstance(kind, list) else [kind]
    return any(isinstance(name, str) and _is(value, name) for name in names)


def _is(value: Json, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(name, ()))


def _fits(value: Json, schema: JsonObject, root: JsonObject) -> bool:
    if isinstance(value, dict):
        return _object_fits(value, schema, root)
    if isinstance(value, list):
        return _array_fits(value, schema, root)
    if isinstance(value, str):
        return _string_fits(value, schema)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number_fits(value, schema)
    return True


def _object_fits(value: JsonObject, schema: JsonObject, root: JsonObject) -> bool:
    required = schema.get("required")
    if isinstance(required, list) and any(name not in value for name in required):
        return False
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    others = schema.get("additionalProperties", True)
    return all(validates(part, known.get(name, others), root) for name, part in value.items())


def _array_fits(value: list[Json], schema: JsonObject, root: JsonObject) -> bool:
    size_fits = (
        _whole(schema.get("minItems"), 0)
        <= len(value)
        <= _whole(schema.get("maxItems"), len(value))
    )
    distinct = not schema.get("uniqueItems") or all(
        part not in value[:index] for index, part in enumerate(value)
    )
    item = schema.get("items", True)
    return size_fits and distinct and all(validates(part, item, root) for part in value)


def _string_fits(value: str, schema: JsonObject) -> bool:
    if not _whole(schema.get("minLength"), 0) <= len(value):
        return False
    if len(value) > _whole(schema.get("maxLength"), len(value)):
        return False
    named = schema.get("format")
    if isinstance(named, str) and named in _FORMATS:
        return value == _FORMATS[named]  # every other instance is somebody else's to judge
    pattern = schema.get("pattern")
    try:
        return not isinstance(pattern, str) or re.search(pattern, value) is not None
    except re.error:
        return True


def _number_fits(value: float, schema: JsonObject) -> bool:
    lowest, highest = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    step = schema.get("multipleOf")
    return (
        (not isinstance(lowest, int | float) or value >= lowest)
        and (not isinstance(highest, int | float) or value <= highest)
        and (not isinstance(above, int | float) or value > above)
        and (not isinstance(below, int | float) or value < below)
        and (not isinstance(step, int | float) or math.isclose(value % step, 0, abs_tol=1e-9))
    )
