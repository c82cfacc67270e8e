"""Schemas: only what can be obeyed passes in strict mode."""

import json
from typing import Any

import msgspec
import pytest

from api_gateway.dialects.json_schema import check_parameters, check_response_schema
from wire.errors import InvalidRequestError
from wire.raw_json import ABSENT

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


@pytest.mark.parametrize(
    "schema",
    [
        CITY,
        {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
        {
            **CITY,
            "properties": {"city": {"anyOf": [{"$ref": "#/$defs/c"}, {"type": "null"}]}},
            "$defs": {"c": CITY},
        },
        {**CITY, "properties": {"city": {"type": ["string", "null"], "enum": ["a", None]}}},
        {**CITY, "properties": {"city": {"type": "array", "items": CITY}}},
        {"$ref": "#/$defs/c", "$defs": {"c": CITY}},
    ],
)
def test_a_schema_that_can_be_obeyed_passes(schema: dict[str, Any]) -> None:
    check_response_schema(raw(schema), strict=True)
    check_parameters(raw(schema), "tools[0].function.parameters", strict=True)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            "additionalProperties",
        ),
        ({**CITY, "required": []}, "Missing 'city'"),
        ({**CITY, "additionalProperties": True}, "additionalProperties"),
        ({**CITY, "properties": {"city": {"type": "banana"}}}, "'banana'"),
        ({**CITY, "properties": {"city": 5}}, "not a JSON schema"),
        ({"type": "array", "items": CITY}, "type 'object'"),
        ({}, "type 'object'"),
        ([], "not a JSON schema"),
        ({**CITY, "properties": {"city": {"type": "object"}}}, "('properties', 'city')"),
    ],
)
@pytest.mark.requirement("chat:errors:strict-schema")
def test_a_schema_that_cannot_be_obeyed_is_refused(schema: object, told: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        check_response_schema(raw(schema), strict=True)

    assert (refused.value.param, refused.value.code) == ("response_format", "invalid_json_schema")
    assert told in refused.value.message


def test_a_strict_tool_is_refused_under_its_own_name() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        check_parameters(raw({"type": "object"}), "tools[3].function.parameters", strict=True)

    assert refused.value.param == "tools[3].function.parameters"
    assert refused.value.code == "invalid_function_parameters"


def test_without_strict_any_object_passes() -> None:
    check_parameters(raw({"type": "banana"}), "p", strict=False)
    check_response_schema(raw({}), strict=False)


def test_parameters_that_are_no_object_are_refused_also_without_strict() -> None:
    with pytest.raises(InvalidRequestError):
        check_parameters(raw("x"), "p", strict=False)


def test_strict_output_needs_a_schema() -> None:
    check_response_schema(ABSENT, strict=False)

    with pytest.raises(InvalidRequestError) as refused:
        check_response_schema(ABSENT, strict=True)

    assert refused.value.code == "missing_required_parameter"


def test_a_bottomless_schema_ends_in_a_refusal() -> None:
    schema: dict[str, Any] = dict(CITY)
    for _ in range(100):
        schema = {**CITY, "properties": {"city": schema}}

    with pytest.raises(InvalidRequestError, match="deep"):
        check_response_schema(raw(schema), strict=True)
