# ruff: noqa: E501  one case, one line
"""Tools of a Responses request."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.responses.tools import (
    HOSTED_KINDS,
    DecodedTools,
    decode_tool_choice,
    decode_tools,
    joined,
)
from wire.conversation import CustomTool, FunctionTool, ToolChoice
from wire.errors import InvalidRequestError

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FUNCTION = {"type": "function", "name": "f", "parameters": SCHEMA}
CUSTOM = {"type": "custom", "name": "sh", "format": {"type": "text"}}
NAMESPACE = {"type": "namespace", "name": "weather", "description": "w", "tools": [
    {"type": "function", "name": "now"}, {"type": "custom", "name": "ask"}, {"type": "odd"}]}  # fmt: skip


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def tools(*definitions: object) -> DecodedTools:
    return decode_tools(raw(definitions))


def choice(value: object, *definitions: object) -> ToolChoice:
    return decode_tool_choice(raw(value), tools(*definitions))


@pytest.mark.requirement("responses:tools:both-ways")
def test_functions_custom_tools_and_namespaces_are_read() -> None:
    read = tools({**FUNCTION, "description": "d", "strict": None}, CUSTOM, NAMESPACE).tools

    function, custom, now, ask = read
    assert isinstance(function, FunctionTool)
    assert isinstance(custom, CustomTool)
    assert (function.name, function.description, function.strict) == ("f", "d", None)
    assert json.loads(bytes(function.parameters)) == SCHEMA
    assert (custom.name, json.loads(bytes(custom.format))) == ("sh", {"type": "text"})
    assert (now.name, now.namespace, ask.name, ask.namespace) == (
        "now",
        "weather",
        "ask",
        "weather",
    )


@pytest.mark.requirement("responses:leniency")
def test_a_null_is_no_parameters() -> None:
    (function,) = tools({"type": "function", "name": "f", "parameters": None}).tools

    assert isinstance(function, FunctionTool)
    assert not function.parameters


@pytest.mark.requirement("responses:tools:hosted")
def test_hosted_and_unknown_tools_are_left_out() -> None:
    read = tools(
        {"type": "web_search", "external_web_access": True}, FUNCTION, {"type": "new_kind"}
    )

    assert [tool.name for tool in read.tools] == ["f"]
    assert read.hosted == {"web_search", "new_kind"}
    assert [json.loads(bytes(each))["type"] for each in read.echo] == ["function"]


@pytest.mark.requirement("responses:object:all-keys")
def test_an_echoed_function_has_the_keys_validators_want() -> None:
    (echo,) = tools({"type": "function", "name": "f", "defer_loading": True}).echo

    assert json.loads(bytes(echo)) == {
        "type": "function", "name": "f", "defer_loading": True,
        "description": None, "parameters": None, "strict": None,
    }  # fmt: skip


@pytest.mark.parametrize("kind", sorted(HOSTED_KINDS))
@pytest.mark.requirement("responses:tools:hosted")
def test_forcing_a_hosted_tool_is_refused(kind: str) -> None:
    with pytest.raises(InvalidRequestError, match=kind) as refused:
        choice({"type": kind}, {"type": kind}, FUNCTION)

    assert (refused.value.param, refused.value.code) == ("tool_choice", "unsupported_value")


@pytest.mark.requirement("responses:tools:hosted")
def test_requiring_a_call_of_hosted_tools_alone_is_refused() -> None:
    for forced in (
        "required",
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]},
    ):
        with pytest.raises(InvalidRequestError, match="web_search") as refused:
            choice(forced, {"type": "web_search"})
        assert refused.value.code == "unsupported_value"


CHOICES: list[tuple[Any, ToolChoice]] = [
    (None, ToolChoice()),
    ("none", ToolChoice("none")),
    ("auto", ToolChoice("auto")),
    ("required", ToolChoice("required")),
    ({"type": "function", "name": "f"}, ToolChoice("tool", name="f")),
    ({"type": "custom", "name": "sh"}, ToolChoice("tool", name="sh", kind="custom")),
    ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}, ToolChoice("required", allowed=("f",))),
    ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "namespace", "name": "weather"}, {"type": "mcp", "server_label": "x"}]}, ToolChoice("auto", allowed=("now", "ask"))),
    ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]}, ToolChoice("none")),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), CHOICES)
@pytest.mark.requirement("responses:tools:both-ways")
def test_a_choice_is_read(value: object, expected: ToolChoice) -> None:
    assert choice(value, FUNCTION, CUSTOM, NAMESPACE) == expected


BAD_CHOICES: list[tuple[Any, str, str]] = [
    ("sometimes", "tool_choice", "invalid_value"),
    (5, "tool_choice", "invalid_type"),
    ({"type": "function"}, "tool_choice.name", "missing_required_parameter"),
    ({"type": "function", "name": "g"}, "tool_choice", "invalid_value"),
    ({"type": "magic"}, "tool_choice.type", "invalid_value"),
    ({"type": "allowed_tools", "mode": "auto"}, "tool_choice.tools", "missing_required_parameter"),
    ({"type": "allowed_tools", "mode": "none", "tools": []}, "tool_choice.mode", "invalid_value"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "param", "code"), BAD_CHOICES)
@pytest.mark.requirement("responses:errors:items")
def test_a_wrong_choice_is_refused(value: object, param: str, code: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        choice(value, FUNCTION)

    assert (refused.value.param, refused.value.code) == (param, code)


@pytest.mark.requirement("responses:errors:items")
def test_requiring_a_call_without_tools_is_refused() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        choice("required")

    assert (refused.value.param, refused.value.code) == ("tool_choice", "invalid_value")


BAD_TOOLS: list[tuple[Any, str, str]] = [
    ("f", "tools[0]", "invalid_type"),
    ({"name": "f"}, "tools[0].type", "missing_required_parameter"),
    ({"type": "function"}, "tools[0].name", "missing_required_parameter"),
    ({"type": "function", "function": {"name": "f"}}, "tools[0].name", "missing_required_parameter"),
    ({"type": "function", "name": "a b"}, "tools[0].name", "invalid_value"),
    ({"type": "function", "name": "x" * 129}, "tools[0].name", "string_above_max_length"),
    ({"type": "function", "name": "f", "parameters": []}, "tools[0].parameters", "invalid_function_parameters"),
    ({"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}, "tools[0].parameters", "invalid_function_parameters"),
    ({"type": "namespace", "name": "n"}, "tools[0].tools", "missing_required_parameter"),
    ({"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "a b"}]}, "tools[0].tools[0].name", "invalid_value"),
]  # fmt: skip


@pytest.mark.parametrize(("definition", "param", "code"), BAD_TOOLS)
@pytest.mark.requirement("responses:errors:items")
def test_a_wrong_tool_is_refused_by_its_path(definition: object, param: str, code: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        tools(definition)

    assert (refused.value.param, refused.value.code) == (param, code)


def test_several_arrays_are_one() -> None:
    both = joined([tools(FUNCTION), tools(CUSTOM, {"type": "mcp"})])

    assert [tool.name for tool in both.tools] == ["f", "sh"]
    assert (len(both.echo), both.hosted) == (2, {"mcp"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)  # fmt: skip
KINDS = st.sampled_from(["function", "custom", "namespace", "allowed_tools", "web_search", "x"])
NAMES = st.sampled_from(["name", "parameters", "strict", "tools", "mode", "format", "description"])


@st.composite
def odd(draw: st.DrawFn) -> dict[str, Any]:
    return {"type": draw(KINDS), **draw(st.dictionaries(NAMES, JSON, max_size=5))}


@given(st.lists(odd() | JSON, max_size=3) | JSON, odd() | JSON)
@pytest.mark.requirement("responses:errors:typed")
def test_any_tools_are_read_or_refused_with_a_typed_error(
    definitions: object, chosen: object
) -> None:
    with contextlib.suppress(InvalidRequestError):
        decode_tool_choice(raw(chosen), decode_tools(raw(definitions)))
