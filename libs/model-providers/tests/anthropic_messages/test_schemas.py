"""Schemas cut down to what can be guaranteed."""

from typing import Any

import pytest
from anthropic import transform_schema
from hypothesis import given
from hypothesis import strategies as st

from model_providers.anthropic_messages.schemas import guaranteed_schema
from model_providers.json_values import JsonObject
from provider_sim.anthropic_schemas import check_output_schema

PERSON: JsonObject = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "format": "email"},
        "age": {"type": "integer", "description": "In years.", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "minItems": 2, "items": {"type": "object"}},
        "at": {"oneOf": [{"type": "string", "format": "moon-phase"}, {"type": "null"}]},
        "ref": {"$ref": "#/$defs/x", "description": "dropped"},
    },
    "required": ["name"],
    "$defs": {"x": {"type": ["object", "null"]}},
}


def test_bounds_are_told_and_objects_closed() -> None:
    assert guaranteed_schema(PERSON) == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "format": "email", "description": "{minLength: 1}"},
            "age": {"type": "integer", "description": "In years.\n\n{minimum: 0, maximum: 150}"},
            "tags": {
                "type": "array",
                "items": {"type": "object", "additionalProperties": False},
                "description": "{minItems: 2}",
            },
            "at": {
                "anyOf": [
                    {"type": "string", "description": '{format: "moon-phase"}'},
                    {"type": "null"},
                ]
            },
            "ref": {"$ref": "#/$defs/x"},
        },
        "required": ["name"],
        "$defs": {"x": {"type": ["object", "null"], "additionalProperties": False}},
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        {"type": "array", "items": {"type": "integer"}, "minItems": 1},
        {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "T"},
        {"enum": ["a", "b"]},
    ],
)
def test_the_vendors_own_sdk_keeps_the_same(schema: dict[str, Any]) -> None:
    assert guaranteed_schema(schema) == transform_schema(schema)


leaves = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "number", "boolean", "null"])},
    optional={"minimum": st.integers(), "maxLength": st.integers(), "pattern": st.text()},
)
schemas: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(st.text(), inner)},
            optional={"additionalProperties": inner, "maxProperties": st.integers()},
        ),
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner}, optional={"minItems": st.integers(0, 3)}
        ),
        st.fixed_dictionaries({"oneOf": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=8,
)


@given(schemas)
def test_any_schema_becomes_one_that_the_vendor_takes(schema: JsonObject) -> None:
    check_output_schema(guaranteed_schema(schema), "schema")
