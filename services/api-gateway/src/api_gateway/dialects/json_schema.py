"""JSON schemas clients send for tools and structured outputs.

In strict mode the answer must validate, so a schema that cannot be obeyed is refused at the door.
Checked are the rules OpenAI states for strict schemas: every object closes itself with
`additionalProperties: false` and requires all of its properties. Keywords beyond those named here
are the backend's to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api_gateway import openai_errors
from wire.errors import InvalidRequestError
from wire.raw_json import is_present

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_MAX_DEPTH = 64
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Schema(
    msgspec.Struct,
    rename={
        "any_of": "anyOf",
        "defs": "$defs",
        "ref": "$ref",
        "additional_properties": "additionalProperties",
    },
):
    type: str | list[str] | None = None
    properties: dict[str, _Schema] | None = None
    required: list[str] | None = None
    additional_properties: bool | _Schema | None = None
    items: bool | _Schema | None = None
    any_of: list[_Schema] | None = None
    defs: dict[str, _Schema] | None = None
    definitions: dict[str, _Schema] | None = None
    ref: str | None = None


_SCHEMA = msgspec.json.Decoder(_Schema)


def check_parameters(raw: msgspec.Raw, param: str, *, strict: bool) -> None:
    """A function's parameters: an object, and in strict mode one that can be obeyed.

    Raises:
        InvalidRequestError: code `invalid_function_parameters`.
    """
    _check(raw, param, "invalid_function_parameters", strict=strict)


def check_response_schema(
    raw: msgspec.Raw,
    *,
    strict: bool,
    param: str = "response_format",
    place: str = "response_format.json_schema.schema",
) -> None:
    """The schema of a structured output; `place` is where it stands, `param` who is blamed.

    Raises:
        InvalidRequestError: code `invalid_json_schema`, or the schema is missing in strict mode.
    """
    if is_present(raw):
        _check(raw, param, "invalid_json_schema", strict=strict)
    elif strict:
        raise openai_errors.missing(place)


def _check(raw: msgspec.Raw, param: str, code: str, *, strict: bool) -> None:
    problem = _strict_problem(raw) if strict else _object_problem(raw)
    if problem is not None:
        raise InvalidRequestError(
            f"Invalid schema for '{param}': {problem}.", param=param, code=code
        )


def _object_problem(raw: msgspec.Raw) -> str | None:
    try:
        _OBJECT.decode(raw)
    except openai_errors.JSON_PROBLEMS:
        return "expected a JSON schema, which is an object"
    return None


def _strict_problem(raw: msgspec.Raw) -> str | None:
    try:
        schema = _SCHEMA.decode(raw)
    except msgspec.ValidationError as problem:
        return f"not a JSON schema: {str(problem)[:200]}"
    except openai_errors.JSON_PROBLEMS:
        return "expected a JSON schema, which is an object"
    if schema.type != "object" and schema.ref is None:
        return "in strict mode the schema must be of type 'object'"
    return next(_problems(schema, ()), None)


def _problems(schema: _Schema, path: tuple[str, ...]) -> Iterator[str]:
    if len(path) > _MAX_DEPTH:
        yield f"nested more than {_MAX_DEPTH} deep"
        return
    types = [schema.type] if isinstance(schema.type, str) else schema.type or []
    place = f"in context=({', '.join(map(repr, path))})"
    unknown = [name for name in types if name not in _TYPES]
    if unknown:
        yield f"{place}, '{unknown[0][:40]}' is not a type of JSON Schema"
    if "object" in types or schema.properties is not None:
        yield from _object_problems(schema, place)
    for name, child in _children(schema):
        yield from _problems(child, (*path, *name))


def _object_problems(schema: _Schema, place: str) -> Iterator[str]:
    if schema.additional_properties is not False:
        yield f"{place}, 'additionalProperties' is required to be supplied and to be false"
    lacking = sorted(set(schema.properties or ()).difference(schema.required or ()))
    if lacking:
        yield (
            f"{place}, 'required' is required to be supplied and to be an array including every "
            f"key in properties. Missing '{lacking[0][:80]}'"
        )


def _children(schema: _Schema) -> Iterator[tuple[tuple[str, ...], _Schema]]:
    for keyword, group in (
        ("properties", schema.properties),
        ("$defs", schema.defs),
        ("definitions", schema.definitions),
    ):
        for name, child in (group or {}).items():
            yield (keyword, name), child
    for index, child in enumerate(schema.any_of or []):
        yield ("anyOf", str(index)), child
    if isinstance(schema.items, _Schema):
        yield ("items",), schema.items
