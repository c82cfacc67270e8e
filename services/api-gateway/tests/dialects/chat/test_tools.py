# ruff: noqa: E501  one case, one line
"""Tools of a request, today's and the legacy ones."""

import json
from typing import Any

import msgspec
import pytest

from api_gateway.dialects.chat.head import decode_head
from api_gateway.dialects.chat.tools import decode_tool_choice, decode_tools, without_unknown_tools
from wire.conversation import CustomTool, FunctionTool, ToolChoice
from wire.errors import InvalidRequestError
from wire.openai_chat import ChatRequest

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}
GREP = {"type": "custom", "custom": {"name": "grep", "format": {"type": "text"}}}
MISSING = "missing_required_parameter"


def request(**members: object) -> ChatRequest:
    body = json.dumps({"model": "m", "messages": [], **members}).encode()
    return msgspec.json.decode(body, type=ChatRequest)


def members_of(**members: object) -> dict[str, msgspec.Raw]:
    return decode_head(json.dumps({"model": "m", "messages": [], **members}).encode()).members


def refusal(**members: object) -> InvalidRequestError:
    parameters = request(**members)
    with pytest.raises(InvalidRequestError) as refused:
        decode_tool_choice(parameters, decode_tools(parameters).tools)
    return refused.value


def choice(**members: object) -> ToolChoice:
    parameters = request(tools=[WEATHER, GREP], **members)
    return decode_tool_choice(parameters, decode_tools(parameters).tools)


def test_tools_keep_their_schemas_verbatim() -> None:
    weather, grep = decode_tools(request(tools=[WEATHER, GREP])).tools

    assert isinstance(weather, FunctionTool)
    assert isinstance(grep, CustomTool)
    assert (weather.name, weather.strict) == ("get_weather", None)
    assert bytes(weather.parameters) == json.dumps(PARAMETERS).encode()
    assert bytes(grep.format) == b'{"type": "text"}'


def test_a_tool_of_an_unknown_kind_is_left_out() -> None:
    found = decode_tools(request(tools=[{"type": "web_search", "external": True}, WEATHER]))

    assert [tool.name for tool in found.tools] == ["get_weather"]
    assert not found.are_all


@pytest.mark.requirement("chat:leniency:tools")
def test_a_backend_gets_the_known_tools_verbatim() -> None:
    tools = [{"type": "web_search"}, WEATHER, {"type": "x"}, GREP]
    members = members_of(tools=tools, tool_choice="auto")

    kept = without_unknown_tools(members)

    assert json.loads(bytes(kept["tools"])) == [WEATHER, GREP]
    assert kept.keys() == members.keys()


@pytest.mark.parametrize("tools", [[], [{"type": "web_search"}]])
@pytest.mark.requirement("chat:leniency:tools")
def test_a_backend_gets_nothing_about_tools_when_there_are_none(tools: object) -> None:
    members = members_of(tools=tools, tool_choice="auto", parallel_tool_calls=True)

    kept = without_unknown_tools(members)

    assert set(kept) == {"model", "messages"}


@pytest.mark.parametrize("members", [{}, {"tools": None}, {"tools": []}, {"functions": None}])
def test_no_tools_is_no_tools(members: dict[str, Any]) -> None:
    assert decode_tools(request(**members)).tools == ()


@pytest.mark.requirement("chat:legacy-functions")
def test_legacy_functions_become_tools() -> None:
    parameters = request(functions=[WEATHER["function"]], function_call={"name": "get_weather"})

    tools = decode_tools(parameters).tools

    assert [tool.name for tool in tools] == ["get_weather"]
    assert decode_tool_choice(parameters, tools) == ToolChoice("tool", name="get_weather")


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ({}, ToolChoice()),
        ({"tool_choice": None}, ToolChoice()),
        ({"tool_choice": "none"}, ToolChoice("none")),
        ({"tool_choice": "required"}, ToolChoice("required")),
        ({"function_call": "auto"}, ToolChoice("auto")),
        (
            {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
            ToolChoice("tool", name="get_weather"),
        ),
        (
            {"tool_choice": {"type": "custom", "custom": {"name": "grep"}}},
            ToolChoice("tool", name="grep", kind="custom"),
        ),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {
                        "mode": "required",
                        "tools": [WEATHER, {"type": "custom", "name": "grep"}],
                    },
                }
            },
            ToolChoice("required", allowed=("get_weather", "grep")),
        ),
    ],
)
def test_every_form_of_choice_is_understood(members: dict[str, Any], wanted: ToolChoice) -> None:
    assert choice(**members) == wanted


REFUSALS: list[tuple[dict[str, Any], str, str]] = [
    ({"tools": "x"}, "tools", "invalid_type"),
    ({"tools": [5]}, "tools[0]", "invalid_type"),
    ({"tools": [{}]}, "tools[0].type", MISSING),
    ({"tools": [{"type": "function"}]}, "tools[0].function", MISSING),
    ({"tools": [{"type": "custom"}]}, "tools[0].custom", MISSING),
    ({"tools": [WEATHER, {"type": "function", "function": {}}]}, "tools[1].function.name", MISSING),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name", "invalid_value"),
    ({"tools": [{"type": "function", "function": {"name": "a" * 65}}]}, "tools[0].function.name", "string_above_max_length"),
    ({"tools": [{"type": "function", "function": {"name": "a", "parameters": 5}}]}, "tools[0].function.parameters", "invalid_function_parameters"),
    ({"tools": [{"type": "function", "function": {"name": "a", "strict": True, "parameters": PARAMETERS}}]}, "tools[0].function.parameters", "invalid_function_parameters"),
    ({"functions": []}, "functions", "empty_array"),
    ({"functions": [{"name": "f"}] * 129}, "functions", "array_above_max_length"),
    ({"tools": [WEATHER], "tool_choice": "maybe"}, "tool_choice", "invalid_value"),
    ({"tools": [WEATHER], "tool_choice": 5}, "tool_choice", "invalid_type"),
    ({"tools": [WEATHER], "tool_choice": {"type": "magic"}}, "tool_choice.type", "invalid_value"),
    ({"tools": [WEATHER], "tool_choice": {"type": "function"}}, "tool_choice.function", MISSING),
    ({"tools": [WEATHER], "tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools", MISSING),
    ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice", "invalid_value"),
    ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
    ({"functions": [{"name": "f"}], "function_call": "required"}, "function_call", "invalid_value"),
    ({"functions": [{"name": "f"}], "function_call": {"name": "g"}}, "function_call", "invalid_value"),
]  # fmt: skip


@pytest.mark.parametrize(("members", "param", "code"), REFUSALS)
@pytest.mark.requirement("chat:errors:tools")
def test_bad_tools_are_refused_by_their_path(
    members: dict[str, Any], param: str, code: str
) -> None:
    error = refusal(**members)

    assert (error.param, error.code) == (param, code)


def test_auto_and_none_need_no_tools() -> None:
    assert decode_tool_choice(request(tool_choice="none"), ()) == ToolChoice("none")
    assert decode_tool_choice(request(tool_choice="auto"), ()) == ToolChoice("auto")
