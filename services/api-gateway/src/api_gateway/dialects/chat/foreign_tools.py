"""Tools and their choice in other dialects' words, in chat's own.

Responses writes a tool flat, Anthropic with `input_schema` and without a type; editors send both to
chat's door, next to tools in chat's form. What is already chat's stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from model_providers.custom_formats import as_in_chat
from wire.raw_json import ABSENT, is_present

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

_MODES = {"auto": "auto", "any": "required", "required": "required", "none": "none"}
_KINDS = ("function", "custom")


class _Tool(msgspec.Struct):
    """A tool of any dialect; `function` and `custom` are chat's own."""

    type: str | None = None
    name: str | None = None
    function: msgspec.Raw = ABSENT
    custom: msgspec.Raw = ABSENT
    input_schema: msgspec.Raw = ABSENT
    format: msgspec.Raw = ABSENT


class _Choice(msgspec.Struct):
    type: str
    name: str | None = None
    function: msgspec.Raw = ABSENT
    custom: msgspec.Raw = ABSENT
    allowed_tools: msgspec.Raw = ABSENT
    mode: msgspec.Raw = ABSENT
    tools: msgspec.Raw = ABSENT


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_TOOL = msgspec.json.Decoder(_Tool)
_CHOICE = msgspec.json.Decoder(str | _Choice)
_encode = msgspec.json.Encoder().encode


def as_chat_tools(raw: msgspec.Raw) -> msgspec.Raw:
    """A request's `tools` in chat's form; kinds that chat does not have stay as they are.

    Raises:
        InvalidRequestError: with the path of the first fault.
    """
    tools = _decode(_LIST, raw, "tools")
    return _array(_as_chat(tool, f"tools[{index}]") for index, tool in enumerate(tools))


def as_chat_choice(raw: msgspec.Raw) -> msgspec.Raw:
    """A request's `tool_choice` in chat's form.

    Raises:
        InvalidRequestError: neither a string nor an object with a type.
    """
    choice = _decode(_CHOICE, raw, "tool_choice")
    if isinstance(choice, str):
        return msgspec.Raw(_encode(_MODES.get(choice, choice)))
    if choice.type in _MODES:
        return msgspec.Raw(_encode(_MODES[choice.type]))
    if choice.type == "allowed_tools" and not is_present(choice.allowed_tools):
        return _allowed(choice)
    kind = "function" if choice.type == "tool" else choice.type
    if kind in _KINDS and choice.name is not None and not _is_nested(choice):
        return _object(type=_text(kind), **{kind: _object(name=_text(choice.name))})
    return raw


def _allowed(choice: _Choice) -> msgspec.Raw:
    members = {"mode": choice.mode, "tools": choice.tools}
    inner = {name: raw for name, raw in members.items() if is_present(raw)}
    return _object(type=_text("allowed_tools"), allowed_tools=_object(**inner))


def _as_chat(raw: msgspec.Raw, path: str) -> msgspec.Raw:
    tool = _decode(_TOOL, raw, path)
    if tool.name is None or _is_nested(tool):
        return raw
    members = _split(raw, path)
    if is_present(tool.input_schema):
        return _anthropic(members)
    if tool.type == "custom":
        return _custom(members, tool)
    if tool.type in (None, "function"):
        return _nested("function", members, ("name", "description", "parameters", "strict"))
    return raw


def _anthropic(members: json_members.Members) -> msgspec.Raw:
    members["parameters"] = members["input_schema"]
    return _nested("function", members, ("name", "description", "parameters", "strict"))


def _custom(members: json_members.Members, tool: _Tool) -> msgspec.Raw:
    if is_present(tool.format):
        members["format"] = as_in_chat(tool.format)
    return _nested("custom", members, ("name", "description", "format"))


def _nested(kind: str, members: json_members.Members, names: tuple[str, ...]) -> msgspec.Raw:
    inner = {name: members[name] for name in names if name in members}
    return _object(type=_text(kind), **{kind: _object(**inner)})


def _is_nested(found: _Tool | _Choice) -> bool:
    return is_present(found.function) or is_present(found.custom)


def _object(**members: msgspec.Raw) -> msgspec.Raw:
    return msgspec.Raw(json_members.join(members))


def _array(values: Iterable[msgspec.Raw]) -> msgspec.Raw:
    return msgspec.Raw(b"[" + b",".join(values) + b"]")


def _text(value: str) -> msgspec.Raw:
    return json_members.text(value)


def _split(raw: msgspec.Raw, path: str) -> json_members.Members:
    try:
        return json_members.split(bytes(raw))
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem, path) from None


def _decode(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, root: str) -> T:
    try:
        return decoder.decode(raw)
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem, root) from None
