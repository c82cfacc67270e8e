"""What Anthropic demands of the JSON schemas it is given.

Source: the vendor's page on structured outputs, section on limitations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provider_sim.openai_tools import subschemas
from provider_sim.wire_errors import WireError

if TYPE_CHECKING:
    from provider_sim.json_types import JsonObject

_UNSUPPORTED = {
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems", "contains", "prefixItems"),
    "object": ("minProperties", "maxProperties", "patternProperties"),
}
_COMBINATIONS = ("oneOf", "anyOf", "allOf")


def check_tool_schema(schema: JsonObject, path: str, *, strict: bool) -> None:
    """The arguments of a tool are an object; a strict tool's schema is held to more.

    Raises:
        WireError: the vendor would refuse it.
    """
    if schema.get("type") != "object":
        raise WireError(f"{path}.type: Input should be 'object'")
    if any(key in schema for key in _COMBINATIONS):
        raise WireError(f"{path}: input_schema does not support {', '.join(_COMBINATIONS)} on top")
    if strict:
        check_output_schema(schema, path)


def check_output_schema(schema: JsonObject, path: str) -> None:
    """Only closed objects, and only the constraints that decoding can guarantee.

    Raises:
        WireError: the vendor would refuse it.
    """
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not False:
        raise WireError(
            f"{path}: For 'object' type, 'additionalProperties' must be explicitly set to false"
        )
    refused = _UNSUPPORTED.get(kind, ()) if isinstance(kind, str) else ()
    for key in refused:
        if key in schema:
            raise WireError(f"{path}: For '{kind}' type, property '{key}' is not supported")
    if "oneOf" in schema:
        raise WireError(f"{path}: Schema type 'oneOf' is not supported")
    least = schema.get("minItems")
    if least is not None and least not in {0, 1}:
        raise WireError(f"{path}: For 'array' type, 'minItems' values other than 0 or 1 are not")
    for key, part in subschemas(schema):
        check_output_schema(part, f"{path}.{key.replace('/', '.')}")
