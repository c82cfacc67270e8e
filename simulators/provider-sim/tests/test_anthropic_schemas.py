"""What Anthropic demands of schemas."""

import pytest

from provider_sim.anthropic_schemas import check_output_schema, check_tool_schema
from provider_sim.json_types import JsonObject
from provider_sim.wire_errors import WireError

OPEN: JsonObject = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
CLOSED: JsonObject = {**OPEN, "additionalProperties": False}
PLAIN: JsonObject = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "tags": {"type": "array", "minItems": 1}},
    "additionalProperties": False,
}


def test_a_tool_that_is_not_strict_may_have_any_object() -> None:
    check_tool_schema(OPEN, "input_schema", strict=False)
    with pytest.raises(WireError):
        check_tool_schema(OPEN, "input_schema", strict=True)


def test_a_plain_closed_schema_is_taken() -> None:
    check_output_schema(PLAIN, "schema")


@pytest.mark.parametrize(
    "schema",
    [
        OPEN,
        CLOSED,
        {"oneOf": [{"type": "string"}]},
        {"type": "string", "minLength": 3},
        {"type": "array", "minItems": 2},
        {**PLAIN, "properties": {"inner": {"anyOf": [OPEN, {"type": "null"}]}}},
    ],
)
def test_what_decoding_cannot_guarantee_is_refused(schema: JsonObject) -> None:
    with pytest.raises(WireError, match="schema"):
        check_output_schema(schema, "schema")


@pytest.mark.parametrize("schema", [{}, {"type": "array"}, {"type": "object", "anyOf": []}])
def test_arguments_are_one_object(schema: JsonObject) -> None:
    with pytest.raises(WireError):
        check_tool_schema(schema, "input_schema", strict=False)
