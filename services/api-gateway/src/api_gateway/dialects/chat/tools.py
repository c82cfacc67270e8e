"""Tools of a chat request, today's `tools` and the legacy `functions`, in the neutral form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects.json_schema import check_parameters
from api_gateway.dialects.names import check_name
from wire.conversation import CustomTool, FunctionTool, Tool, ToolChoice, ToolKind
from wire.errors import InvalidRequestError
from wire.openai_chat import ChatRequest, FunctionDefinition, ToolDefinition
from wire.raw_json import is_present

if TYPE_CHECKING:
    from api_gateway.dialects import json_members

T = TypeVar("T")

MAX_FUNCTIONS = 128
_MODES = ("none", "auto", "required")
_CHOICE_TYPES = ("function", "custom", "allowed_tools")
_KINDS = ("function", "custom")
_ABOUT_TOOLS = ("tools", "tool_choice", "parallel_tool_calls")
_TOOLS = msgspec.json.Decoder(list[ToolDefinition])
_FUNCTIONS = msgspec.json.Decoder(list[FunctionDefinition])


class _Name(msgspec.Struct):
    name: str


class _AllowedTool(msgspec.Struct):
    type: str = "function"
    function: _Name | None = None
    custom: _Name | None = None
    name: str | None = None


class _AllowedTools(msgspec.Struct):
    mode: Literal["auto", "required"]
    tools: list[_AllowedTool]


class _ChoiceObject(msgspec.Struct):
    type: str
    function: _Name | None = None
    custom: _Name | None = None
    allowed_tools: _AllowedTools | None = None


class _Kind(msgspec.Struct):
    type: str


_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_KIND = msgspec.json.Decoder(_Kind)
_CHOICE = msgspec.json.Decoder(str | _ChoiceObject)
_FUNCTION_CALL = msgspec.json.Decoder(str | _Name)


@dataclass(frozen=True, slots=True)
class ChatTools:
    """`are_all`: the request's own list may be passed on as it is."""

    tools: tuple[Tool, ...] = ()
    are_all: bool = True


_NO_TOOLS = ChatTools()


def decode_tools(parameters: ChatRequest) -> ChatTools:
    """The request's tools, from whichever of the two members it uses. Unknown kinds are left out.

    Raises:
        InvalidRequestError: with the path of the first fault.
    """
    if is_present(parameters.tools):
        definitions = _decode(_TOOLS, parameters.tools, "tools")
        tools = [_tool(each, f"tools[{index}]") for index, each in enumerate(definitions)]
        known = tuple(tool for tool in tools if tool is not None)
        return ChatTools(known, are_all=bool(known) and len(known) == len(tools))
    if is_present(parameters.functions):
        return ChatTools(_legacy_functions(parameters.functions))
    return _NO_TOOLS


def without_unknown_tools(members: json_members.Members) -> json_members.Members:
    """The members for a backend that would refuse what we ignore: unknown kinds, and no tools."""
    known = [raw for raw in _RAW_LIST.decode(members["tools"]) if _KIND.decode(raw).type in _KINDS]
    if not known:
        return {name: raw for name, raw in members.items() if name not in _ABOUT_TOOLS}
    return {**members, "tools": msgspec.Raw(b"[" + b",".join(known) + b"]")}


def decode_tool_choice(parameters: ChatRequest, tools: tuple[Tool, ...]) -> ToolChoice:
    """Which tools may or must be called; `auto` when nothing was said.

    Raises:
        InvalidRequestError: an unknown mode or type, or a tool that the request does not have.
    """
    if is_present(parameters.tool_choice):
        choice = _tool_choice(parameters.tool_choice)
        _check_choice(choice, tools, "tool_choice")
        return choice
    if is_present(parameters.function_call):
        choice = _legacy_choice(parameters.function_call)
        _check_choice(choice, tools, "function_call")
        return choice
    return ToolChoice()


def _tool(definition: ToolDefinition, path: str) -> Tool | None:
    match definition.type:
        case "function":
            if definition.function is None:
                raise openai_errors.missing(f"{path}.function")
            return _function(definition.function, f"{path}.function")
        case "custom":
            if definition.custom is None:
                raise openai_errors.missing(f"{path}.custom")
            custom = definition.custom
            check_name(f"{path}.custom.name", custom.name)
            return CustomTool(custom.name, description=custom.description, format=custom.format)
        case _:
            return None


def _function(function: FunctionDefinition, path: str) -> FunctionTool:
    check_name(f"{path}.name", function.name)
    if is_present(function.parameters):
        check_parameters(function.parameters, f"{path}.parameters", strict=function.strict is True)
    return FunctionTool(
        function.name,
        description=function.description,
        parameters=function.parameters,
        strict=function.strict,
    )


def _legacy_functions(raw: msgspec.Raw) -> tuple[Tool, ...]:
    functions = _decode(_FUNCTIONS, raw, "functions")
    if not functions:
        raise openai_errors.empty_array("functions")
    if len(functions) > MAX_FUNCTIONS:
        raise openai_errors.array_too_long("functions", MAX_FUNCTIONS, len(functions))
    return tuple(_function(each, f"functions[{index}]") for index, each in enumerate(functions))


def _tool_choice(raw: msgspec.Raw) -> ToolChoice:
    choice = _decode(_CHOICE, raw, "tool_choice")
    if isinstance(choice, str):
        return _mode(choice, "tool_choice")
    match choice.type:
        case "function":
            return _named(choice.function, "function")
        case "custom":
            return _named(choice.custom, "custom")
        case "allowed_tools":
            return _allowed(choice.allowed_tools)
        case other:
            raise openai_errors.invalid_value("tool_choice.type", repr(other), _CHOICE_TYPES)


def _mode(mode: str, param: str) -> ToolChoice:
    match mode:
        case "none" | "auto" | "required":
            return ToolChoice(mode)
        case _:
            raise openai_errors.invalid_value(param, repr(mode), _MODES)


def _named(name: _Name | None, kind: ToolKind) -> ToolChoice:
    if name is None:
        raise openai_errors.missing(f"tool_choice.{kind}")
    return ToolChoice("tool", name=name.name, kind=kind)


def _allowed(allowed: _AllowedTools | None) -> ToolChoice:
    if allowed is None:
        raise openai_errors.missing("tool_choice.allowed_tools")
    names = [tool.function or tool.custom for tool in allowed.tools]
    flat = [each.name for each in allowed.tools]
    chosen = [name.name if name else other for name, other in zip(names, flat, strict=True)]
    return ToolChoice(allowed.mode, allowed=tuple(name for name in chosen if name is not None))


def _legacy_choice(raw: msgspec.Raw) -> ToolChoice:
    choice = _decode(_FUNCTION_CALL, raw, "function_call")
    if isinstance(choice, _Name):
        return ToolChoice("tool", name=choice.name)
    if choice not in ("none", "auto"):
        raise openai_errors.invalid_value("function_call", repr(choice), ("none", "auto"))
    return _mode(choice, "function_call")


def _check_choice(choice: ToolChoice, tools: tuple[Tool, ...], param: str) -> None:
    if choice.mode == "required" and not tools:
        raise InvalidRequestError(
            f"Invalid value for '{param}': 'required' is only allowed when 'tools' are specified.",
            param=param,
            code="invalid_value",
        )
    wanted = {choice.name} if choice.mode == "tool" else set(choice.allowed or ())
    unknown = wanted.difference(tool.name for tool in tools)
    if unknown:
        raise InvalidRequestError(
            f"Invalid value for '{param}': no tool named '{sorted(map(str, unknown))[0][:64]}' "
            "in 'tools'.",
            param=param,
            code="invalid_value",
        )


def _decode(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, root: str) -> T:
    try:
        return decoder.decode(raw)
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem, root) from None
