# ruff: noqa: E501  one case, one line
"""Tools in other dialects' words become chat's own."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from api_gateway.dialects.chat.foreign_tools import as_chat_choice, as_chat_tools
from wire.errors import InvalidRequestError

SCHEMA: Any = {"type": "object", "properties": {}}
NESTED: Any = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
GRAMMAR = {"syntax": "lark", "definition": "start: x"}
FOREIGN = pytest.mark.requirement("chat:foreign:tools")


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


TOOLS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (NESTED, NESTED),
    ({"type": "function", "name": "f", "parameters": SCHEMA}, NESTED),
    ({"name": "f", "parameters": SCHEMA}, NESTED),
    ({"name": "f", "input_schema": SCHEMA}, NESTED),
    ({"type": "custom", "name": "f", "input_schema": SCHEMA}, NESTED),
    (
        {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}},
    ),
    ({"type": "custom", "name": "sh"}, {"type": "custom", "custom": {"name": "sh"}}),
    (
        {"type": "custom", "name": "sh", "format": {"type": "grammar", **GRAMMAR}},
        {"type": "custom", "custom": {"name": "sh", "format": {"type": "grammar", "grammar": GRAMMAR}}},
    ),
    (
        {"type": "custom", "name": "sh", "format": {"type": "grammar", "grammar": GRAMMAR}},
        {"type": "custom", "custom": {"name": "sh", "format": {"type": "grammar", "grammar": GRAMMAR}}},
    ),
    ({"type": "custom", "name": "sh", "format": {"type": "text"}}, {"type": "custom", "custom": {"name": "sh", "format": {"type": "text"}}}),
    ({"type": "web_search"}, {"type": "web_search"}),
    ({"type": "web_search_20250305", "name": "web_search"}, {"type": "web_search_20250305", "name": "web_search"}),
    ({"type": "function"}, {"type": "function"}),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "expected"), TOOLS)
@FOREIGN
def test_a_tool_of_any_dialect_is_chats(tool: dict[str, Any], expected: dict[str, Any]) -> None:
    found = as_chat_tools(raw([NESTED, tool]))

    assert json.loads(bytes(found)) == [NESTED, expected]


CHOICES: list[tuple[object, object]] = [
    ("auto", "auto"),
    ("any", "required"),
    ("sometimes", "sometimes"),
    ({"type": "auto"}, "auto"),
    ({"type": "any", "disable_parallel_tool_use": True}, "required"),
    ({"type": "none"}, "none"),
    ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
    ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
    ({"type": "custom", "name": "f"}, {"type": "custom", "custom": {"name": "f"}}),
    ({"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "f"}}),
    (
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "name": "f"}]}},
    ),
    ({"type": "web_search"}, {"type": "web_search"}),
]  # fmt: skip


@pytest.mark.parametrize(("choice", "expected"), CHOICES)
@FOREIGN
def test_a_choice_of_any_dialect_is_chats(choice: object, expected: object) -> None:
    assert json.loads(bytes(as_chat_choice(raw(choice)))) == expected


@pytest.mark.parametrize(
    ("tools", "param"),
    [({}, "tools"), (["x"], "tools[0]"), ([{"name": 5}], "tools[0].name")],
)
@FOREIGN
def test_what_is_no_tool_is_refused_where_it_is(tools: object, param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        as_chat_tools(raw(tools))

    assert (refused.value.param, refused.value.code) == (param, "invalid_type")


@pytest.mark.parametrize(("choice", "param"), [(5, "tool_choice"), ({}, "tool_choice.type")])
@FOREIGN
def test_what_is_no_choice_is_refused(choice: object, param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        as_chat_choice(raw(choice))

    assert refused.value.param == param
