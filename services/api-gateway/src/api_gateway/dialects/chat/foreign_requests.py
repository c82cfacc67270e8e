"""A Responses request at chat's door, as a chat request: its answer is a chat completion.

Source: what Cursor's agent sends to an overridden base URL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from api_gateway.dialects.chat.foreign_messages import as_chat_messages
from api_gateway.dialects.chat.foreign_tools import as_chat_choice, as_chat_tools
from api_gateway.dialects.responses.head import OUTPUT_LOGPROBS
from wire.openai_chat import JsonSchemaSpec, ResponseFormatSpec
from wire.openai_responses import ReasoningOptions, TextFormat, TextOptions
from wire.raw_json import ABSENT, is_present

if TYPE_CHECKING:
    from api_gateway.dialects.json_members import Members

_TRUE = msgspec.Raw(b"true")
_NO_MESSAGES = (b"null", b"[]")
# What belongs to the stored conversations of the other door; without them the answer were wrong.
_STATEFUL = ("previous_response_id", "conversation", "background", "prompt")
# Whatever of a Responses request chat's backends would not know.
_THEIRS = frozenset(
    {
        "context_management",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "messages",
        "reasoning",
        "text",
        "truncation",
        *_STATEFUL,
    }
)


class _Responses(msgspec.Struct):
    """Members that have another name or another place in chat."""

    instructions: str | None = None
    max_output_tokens: int | None = None
    reasoning: ReasoningOptions | None = None
    text: TextOptions | None = None
    include: list[str] | None = None


_RESPONSES = msgspec.json.Decoder(_Responses)
_encode = msgspec.json.Encoder().encode


def is_responses_request(members: Members) -> bool:
    """Whether `input` stands where chat's `messages` are missing."""
    if not is_present(members.get("input", ABSENT)):
        return False
    messages = members.get("messages")
    return messages is None or b"".join(bytes(messages).split()) in _NO_MESSAGES


def as_chat_request(members: Members) -> Members:
    """The same request in chat's members, unread where both dialects agree.

    Raises:
        InvalidRequestError: with the path of the first fault, or it refers to stored state.
        NotFoundError: it refers to a stored item.
    """
    _refuse_state(members)
    theirs = _read(members)
    chat = {name: raw for name, raw in members.items() if name not in _THEIRS}
    chat["messages"] = as_chat_messages(members["input"], "input", instructions=theirs.instructions)
    if is_present(members.get("tools", ABSENT)):
        chat["tools"] = as_chat_tools(members["tools"])
    if is_present(members.get("tool_choice", ABSENT)):
        chat["tool_choice"] = as_chat_choice(members["tool_choice"])
    if OUTPUT_LOGPROBS in (theirs.include or ()):
        chat["logprobs"] = _TRUE
    else:
        chat.pop("top_logprobs", None)
    return chat | _parameters(theirs)


def _parameters(theirs: _Responses) -> Members:
    found: Members = {}
    if theirs.max_output_tokens is not None:
        found["max_completion_tokens"] = _raw(theirs.max_output_tokens)
    if theirs.reasoning is not None and theirs.reasoning.effort is not None:
        found["reasoning_effort"] = _raw(theirs.reasoning.effort)
    if theirs.text is not None and theirs.text.verbosity is not None:
        found["verbosity"] = _raw(theirs.text.verbosity)
    if theirs.text is not None and theirs.text.format is not None:
        found["response_format"] = _raw(_response_format(theirs.text.format))
    return found


def _response_format(wanted: TextFormat) -> ResponseFormatSpec:
    if wanted.type != "json_schema":
        return ResponseFormatSpec(wanted.type)
    if wanted.name is None:
        raise openai_errors.missing("text.format.name")
    schema = JsonSchemaSpec(wanted.name, wanted.schema, wanted.strict, wanted.description)
    return ResponseFormatSpec("json_schema", schema)


def _refuse_state(members: Members) -> None:
    for name in _STATEFUL:
        value = members.get(name, ABSENT)
        if is_present(value) and bytes(value) != b"false":
            raise openai_errors.unsupported_parameter(
                name, f"'{name}' is not supported here; send the request to /v1/responses instead."
            )


def _read(members: Members) -> _Responses:
    own = _Responses.__struct_fields__
    small = {name: raw for name, raw in members.items() if name in own}
    try:
        return _RESPONSES.decode(json_members.join(small))
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem) from None


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(_encode(value))
