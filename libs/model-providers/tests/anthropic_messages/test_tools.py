"""Tools as Anthropic takes them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.anthropic_messages.tools import (
    MAX_NAME_CHARS,
    define,
    define_called,
    offered_names,
    vendor_name,
)
from model_providers.tool_names import ToolName
from wire.conversation import CustomTool, FunctionTool

SCHEMA = msgspec.Raw(b'{"type": "object",  "x-order": [2, 1]}')


def schema_of(raw: bytes, *, strict: bool = False) -> object:
    tool = FunctionTool("f", None, msgspec.Raw(raw), strict=strict)
    return msgspec.json.decode(define(tool, "f", guaranteed=True).input_schema)


def test_a_function_keeps_its_schema_to_the_byte() -> None:
    definition = define(FunctionTool("f", "Does.", SCHEMA), "f", guaranteed=True)

    assert bytes(definition.input_schema) == bytes(SCHEMA)
    assert (definition.description, definition.strict) == ("Does.", False)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", {"type": "object"}),
        (b"[1]", {"type": "object"}),
        (b'{"a":', {"type": "object"}),
        (b'{"properties":{}}', {"properties": {}, "type": "object"}),
        (b'{"type":"object","anyOf":[{}]}', {"type": "object"}),
    ],
)
def test_arguments_are_an_object_whatever_the_client_wrote(raw: bytes, expected: object) -> None:
    assert schema_of(raw) == expected


def test_strict_is_kept_where_it_can_be_guaranteed() -> None:
    tool = FunctionTool("f", None, SCHEMA, strict=True)

    held, free = (define(tool, "f", guaranteed=guaranteed) for guaranteed in (True, False))

    assert (held.strict, free.strict) == (True, False)
    assert msgspec.json.decode(held.input_schema)["additionalProperties"] is False
    assert bytes(free.input_schema) == bytes(SCHEMA)


def test_free_text_is_wrapped() -> None:
    grammar = msgspec.Raw(b'{"type":"grammar","definition":"x"}')

    patch = define(CustomTool("patch", "Patches.", grammar), "patch", guaranteed=False)
    bare = define(CustomTool("bare"), "bare", guaranteed=False)

    schema = msgspec.json.decode(patch.input_schema)
    assert (schema["properties"], schema["required"]) == ({"input": {"type": "string"}}, ["input"])
    assert patch.description is not None
    assert patch.description.startswith("Patches.\n")
    assert '"definition":"x"' in patch.description
    assert bare.description


def test_a_tool_of_the_past_takes_anything() -> None:
    assert bytes(define_called("f").input_schema) == b'{"type":"object"}'


def test_names_differ_though_their_letters_do_not() -> None:
    tools = (FunctionTool("a.b"), FunctionTool("a b"), FunctionTool("b", namespace="a_"))

    names = offered_names((*tools, tools[0]))

    assert names == {
        "a_b": ToolName("a.b"),
        "a_b_2": ToolName("a b"),
        "a___b": ToolName("b", "a_"),
    }


@given(st.lists(st.text(min_size=1, max_size=200), max_size=12))
def test_any_names_become_distinct_ones_that_the_vendor_takes(wanted: list[str]) -> None:
    names = offered_names(FunctionTool(name) for name in wanted)

    assert {name.name for name in names.values()} == set(wanted)
    assert all(vendor_name(ToolName(name)) == name for name in names)
    assert all(0 < len(name) <= MAX_NAME_CHARS for name in names)
