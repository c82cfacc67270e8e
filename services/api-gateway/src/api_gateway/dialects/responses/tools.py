"""Tools of a Responses request in the neutral form, and as the response repeats them.

Hosted tools are not offered: they are left out, unless the client insists on one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from api_gateway.dialects.json_schema import check_parameters
from api_gateway.dialects.names import check_name
from wire.conversation import CustomTool, FunctionTool, Tool, ToolChoice, ToolKind
from wire.errors import InvalidRequestError
from wire.raw_json import ABSENT, is_present

T = TypeVar("T")

_MAX_NAME_CHARACTERS = 128
_NULL = msgspec.Raw(b"null")
_WANTED = {
    "function": dict.fromkeys(("description", "parameters", "strict"), _NULL),
    "namespace": {"description": msgspec.Raw(b'""')},
}
_MODES = ("none", "auto", "required")
_OWN_KINDS = ("function", "custom", "namespace")
_CHOICE_TYPES = ("function", "custom", "allowed_tools")
HOSTED_KINDS = frozenset(
    {
        "apply_patch",
        "code_interpreter",
        "computer",
        "computer_use",
        "computer_use_preview",
        "file_search",
        "image_generation",
        "local_shell",
        "mcp",
        "programmatic_tool_calling",
        "shell",
        "tool_search",
        "web_search",
        "web_search_preview",
    }
)


class _Kind(msgspec.Struct):
    """First look at a tool."""

    type: str


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    strict: bool | None = None


class _Custom(msgspec.Struct):
    name: str
    description: str | None = None
    format: msgspec.Raw = ABSENT


class _Namespace(msgspec.Struct):
    name: str
    tools: list[msgspec.Raw]
    description: str | None = None


class _NamedTool(msgspec.Struct):
    type: str
    name: str | None = None


class _ChoiceObject(msgspec.Struct):
    type: str
    name: str | None = None
    mode: Literal["auto", "required"] | None = None
    tools: list[_NamedTool] | None = None


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_KIND = msgspec.json.Decoder(_Kind)
_FUNCTION = msgspec.json.Decoder(_Function)
_CUSTOM = msgspec.json.Decoder(_Custom)
_NAMESPACE = msgspec.json.Decoder(_Namespace)
_CHOICE = msgspec.json.Decoder(str | _ChoiceObject)


@dataclass(frozen=True, slots=True)
class DecodedTools:
    """`echo`: the tools in effect as the response states them. `hosted`: kinds left out."""

    tools: tuple[Tool, ...] = ()
    echo: tuple[msgspec.Raw, ...] = ()
    hosted: frozenset[str] = frozenset()


def decode_tools(raw: msgspec.Raw, root: str = "tools") -> DecodedTools:
    """The tools of one array.

    Raises:
        InvalidRequestError: with the path of the first fault.
    """
    if not is_present(raw):
        return DecodedTools()
    tools: list[Tool] = []
    echo: list[msgspec.Raw] = []
    hosted: set[str] = set()
    for index, definition in enumerate(_decode(_LIST, raw, root)):
        path = f"{root}[{index}]"
        kind = _decode(_KIND, definition, path).type
        if kind in _OWN_KINDS:
            tools += _tools(kind, definition, path)
            echo.append(_echoed(kind, definition))
        else:
            hosted.add(kind)
    return DecodedTools(tuple(tools), tuple(echo), frozenset(hosted))


def joined(several: list[DecodedTools]) -> DecodedTools:
    """The tools of several arrays."""
    return DecodedTools(
        tuple(tool for each in several for tool in each.tools),
        tuple(raw for each in several for raw in each.echo),
        frozenset(kind for each in several for kind in each.hosted),
    )


def decode_tool_choice(raw: msgspec.Raw, tools: DecodedTools) -> ToolChoice:
    """Which tools may or must be called; `auto` when nothing was said.

    Raises:
        InvalidRequestError: an unknown mode or type, a tool that the request does not have, or one
            that is not offered here.
    """
    if not is_present(raw):
        return ToolChoice()
    choice = _decode(_CHOICE, raw, "tool_choice")
    decoded = _mode(choice) if isinstance(choice, str) else _chosen(choice, tools)
    _check_choice(decoded, tools)
    return decoded


def _tools(kind: str, definition: msgspec.Raw, path: str) -> list[Tool]:
    match kind:
        case "function":
            return [_function(definition, path, None)]
        case "custom":
            return [_custom(definition, path, None)]
        case _:
            return _namespace(definition, path)


def _function(definition: msgspec.Raw, path: str, namespace: str | None) -> Tool:
    function = _decode(_FUNCTION, definition, path)
    check_name(f"{path}.name", function.name, _MAX_NAME_CHARACTERS)
    if is_present(function.parameters):
        check_parameters(function.parameters, f"{path}.parameters", strict=function.strict is True)
    return FunctionTool(
        function.name,
        description=function.description,
        parameters=function.parameters if is_present(function.parameters) else ABSENT,
        strict=function.strict,
        namespace=namespace,
    )


def _custom(definition: msgspec.Raw, path: str, namespace: str | None) -> Tool:
    custom = _decode(_CUSTOM, definition, path)
    check_name(f"{path}.name", custom.name, _MAX_NAME_CHARACTERS)
    return CustomTool(
        custom.name,
        description=custom.description,
        format=custom.format if is_present(custom.format) else ABSENT,
        namespace=namespace,
    )


def _namespace(definition: msgspec.Raw, path: str) -> list[Tool]:
    namespace = _decode(_NAMESPACE, definition, path)
    check_name(f"{path}.name", namespace.name, _MAX_NAME_CHARACTERS)
    tools: list[Tool] = []
    for index, inner in enumerate(namespace.tools):
        inner_path = f"{path}.tools[{index}]"
        kind = _decode(_KIND, inner, inner_path).type
        if kind == "function":
            tools.append(_function(inner, inner_path, namespace.name))
        elif kind == "custom":
            tools.append(_custom(inner, inner_path, namespace.name))
    return tools


def _echoed(kind: str, definition: msgspec.Raw) -> msgspec.Raw:
    """Strict validators want some members even when there is nothing in them."""
    wanted = _WANTED.get(kind)
    if wanted is None:
        return definition
    members = json_members.split(bytes(definition))
    for name, empty in wanted.items():
        members.setdefault(name, empty)
    return msgspec.Raw(json_members.join(members))


def _mode(mode: str) -> ToolChoice:
    match mode:
        case "none" | "auto" | "required":
            return ToolChoice(mode)
        case _:
            raise openai_errors.invalid_value("tool_choice", repr(mode), _MODES)


def _chosen(choice: _ChoiceObject, tools: DecodedTools) -> ToolChoice:
    match choice.type:
        case "function":
            return _named(choice, "function")
        case "custom":
            return _named(choice, "custom")
        case "allowed_tools":
            return _allowed(choice, tools)
        case kind if kind in HOSTED_KINDS:
            raise _not_offered(kind)
        case other:
            raise openai_errors.invalid_value("tool_choice.type", repr(other), _CHOICE_TYPES)


def _named(choice: _ChoiceObject, kind: ToolKind) -> ToolChoice:
    if choice.name is None:
        raise openai_errors.missing("tool_choice.name")
    return ToolChoice("tool", name=choice.name, kind=kind)


def _allowed(choice: _ChoiceObject, tools: DecodedTools) -> ToolChoice:
    """A namespace stands for its tools; hosted tools stand for none."""
    if choice.tools is None:
        raise openai_errors.missing("tool_choice.tools")
    allowed: list[str] = []
    for tool in choice.tools:
        if tool.type == "namespace":
            allowed += [each.name for each in tools.tools if each.namespace == tool.name]
        elif tool.type in _OWN_KINDS and tool.name is not None:
            allowed.append(tool.name)
    if allowed:
        return ToolChoice(choice.mode or "auto", allowed=tuple(allowed))
    if choice.mode == "required":
        raise _not_offered(choice.tools[0].type if choice.tools else "none")
    return ToolChoice("none")


def _check_choice(choice: ToolChoice, tools: DecodedTools) -> None:
    if choice.mode == "required" and not tools.tools:
        if tools.hosted:
            raise _not_offered(min(tools.hosted))
        raise _invalid_choice("'required' is only allowed when 'tools' are specified")
    wanted = {choice.name} if choice.mode == "tool" else set(choice.allowed or ())
    unknown = wanted.difference(tool.name for tool in tools.tools)
    if unknown:
        raise _invalid_choice(f"no tool named '{min(map(str, unknown))[:64]}' in 'tools'")


def _invalid_choice(why: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Invalid value for 'tool_choice': {why}.", param="tool_choice", code="invalid_value"
    )


def _not_offered(kind: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"The hosted tool '{kind[:64]}' is not offered here.",
        param="tool_choice",
        code="unsupported_value",
    )


def _decode(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, root: str) -> T:
    try:
        return decoder.decode(raw)
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem, root) from None
