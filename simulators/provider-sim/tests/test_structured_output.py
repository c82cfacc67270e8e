"""Instances of JSON schemas, judged by an independent validator."""

from collections.abc import Mapping

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_sim.json_types import Json, JsonObject
from provider_sim.stable_hash import seeded
from provider_sim.structured_output import SchemaWriter, validates

PERSON: JsonObject = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["name", "n"],
    "additionalProperties": False,
}
TREE: JsonObject = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "label": {"type": "string"},
                "left": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "rest": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["label", "left", "rest"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}


def number_schema(kind: str, low: int, size: int) -> JsonObject:
    return {"type": kind, "minimum": low, "maximum": low + size}


def string_schema(low: int, size: int) -> JsonObject:
    return {"type": "string", "minLength": low, "maxLength": low + size}


def type_schema(kind: str | list[str]) -> JsonObject:
    return {"type": kind if isinstance(kind, str) else list[Json](kind)}


def array_schema(item: JsonObject, low: int, size: int) -> JsonObject:
    return {"type": "array", "items": item, "minItems": low, "maxItems": low + size}


def object_schema(parts: dict[str, JsonObject]) -> JsonObject:
    return {
        "type": "object",
        "properties": dict[str, Json](parts),
        "required": list[Json](sorted(parts)),
        "additionalProperties": False,
    }


def any_schema(parts: list[JsonObject]) -> JsonObject:
    return {"anyOf": list[Json](parts)}


def scalar_schemas() -> st.SearchStrategy[JsonObject]:
    sizes = st.integers(0, 30)
    plain = st.sampled_from(["string", "integer", "number", "boolean", "null"])
    fixed: list[JsonObject] = [
        {"const": 7},
        {"enum": ["a", 1, None]},
        {"enum": ["x"]},
        {"type": "string", "pattern": r"^[A-Z]{2}\d{3}$"},
        {"type": "string", "format": "date"},
    ]
    return st.one_of(
        st.builds(number_schema, st.sampled_from(["integer", "number"]), st.integers(-50, 50),
                  sizes),
        st.builds(string_schema, sizes, sizes),
        plain.map(type_schema),
        st.lists(plain, min_size=1, max_size=3, unique=True).map(type_schema),
        st.sampled_from(fixed),
    )  # fmt: skip


def wrapped(inner: st.SearchStrategy[JsonObject]) -> st.SearchStrategy[JsonObject]:
    names = st.text("abcxyz", min_size=1, max_size=4)
    return st.one_of(
        st.builds(array_schema, inner, st.integers(0, 3), st.integers(0, 3)),
        st.dictionaries(names, inner, max_size=4).map(object_schema),
        st.lists(inner, min_size=1, max_size=3).map(any_schema),
    )


schemas = st.recursive(scalar_schemas(), wrapped, max_leaves=10)


@pytest.mark.requirement("provider-sim:structured-output")
@given(schemas, st.integers(0, 2**32))
def test_an_instance_validates(schema: JsonObject, seed: int) -> None:
    instance = SchemaWriter(schema, seeded(seed), "glaciers").write()

    jsonschema.validate(instance, schema)
    assert validates(instance, schema, schema)


@pytest.mark.parametrize("seed", range(20))
def test_a_recursive_schema_comes_to_an_end(seed: int) -> None:
    instance = SchemaWriter(TREE, seeded(seed), "x").write()

    jsonschema.validate(instance, TREE)


def test_true_is_not_one() -> None:
    schema: JsonObject = {"enum": ["a", 1, None]}

    assert validates(1, schema, schema)
    assert not validates(True, schema, schema)  # noqa: FBT003 - the JSON value


@given(schemas, st.text(max_size=5) | st.integers(-99, 99) | st.none() | st.booleans())
def test_the_check_agrees_with_the_independent_validator(schema: JsonObject, value: Json) -> None:
    if "format" in str(schema):
        return  # the independent validator does not look at formats

    try:
        jsonschema.validate(value, schema)
        expected = True
    except jsonschema.ValidationError:
        expected = False

    assert validates(value, schema, schema) is expected


def test_the_wanted_text_goes_into_the_first_string_that_can_hold_it() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "short": {"type": "string", "maxLength": 2},
            "answer": {"type": "string"},
            "note": {"type": "string"},
        },
        "required": ["kind", "short", "answer", "note"],
    }

    instance = SchemaWriter(schema, seeded(1), "x", "PONG-1").write()

    assert isinstance(instance, Mapping)
    assert instance["answer"] == "PONG-1"
    assert instance["note"] != "PONG-1"


def test_combined_and_awkward_keywords_are_understood() -> None:
    schema: JsonObject = {
        "type": "object",
        "allOf": [
            {"properties": {"a": {"type": "integer", "multipleOf": 5, "minimum": 3}},
             "required": ["a"]},
            {"properties": {"b": {"type": "array", "items": {"enum": [1, 2, 3]},
                                  "uniqueItems": True, "minItems": 2, "maxItems": 3}},
             "required": ["b"]},
        ],
        "properties": {"c": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}},
        "required": ["c"],
    }  # fmt: skip
    for seed in range(20):
        instance = SchemaWriter(schema, seeded(seed), "x").write()

        jsonschema.validate(instance, schema)


def test_an_instance_is_the_same_for_the_same_seed() -> None:
    first, second = (SchemaWriter(PERSON, seeded(4), "x").write() for _ in range(2))

    assert first == second
