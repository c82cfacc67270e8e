"""The top level of a chat request: which members it has, and whether its parameters are in range.

A request is read in two stages. Here its members are taken apart without being read, and the small
ones are checked; `messages`, `tools` and `functions` stay the client's own bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from api_gateway.dialects.chat.foreign_requests import as_chat_request, is_responses_request
from api_gateway.dialects.metadata import check_metadata
from api_gateway.dialects.names import check_name
from api_gateway.dialects.parameter_ranges import (
    SAMPLING_DECIMALS,
    SEED_RANGE,
    IntegerRanges,
    check_decimals,
    check_integers,
    check_logit_bias,
    check_stop,
    check_stream_options,
    check_words,
)
from wire.errors import InvalidRequestError
from wire.openai_chat import ChatRequest
from wire.raw_json import ABSENT, is_present

_LARGE = ("messages", "tools", "functions")
_PARAMETERS = msgspec.json.Decoder(ChatRequest)
_SMALL = frozenset(ChatRequest.__struct_fields__).difference(_LARGE)

INTEGERS: IntegerRanges = {
    "max_completion_tokens": (1, None),
    "max_tokens": (1, None),
    "n": (1, 128),
    "top_logprobs": (0, 20),
    "seed": SEED_RANGE,
}
WORDS = {
    "reasoning_effort": ("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    "verbosity": ("low", "medium", "high"),
    "service_tier": ("auto", "default", "flex", "scale", "priority", "fast"),
}
STRINGS = {"safety_identifier": 128, "prompt_cache_key": 64}


@dataclass(frozen=True, slots=True)
class ChatHead:
    """`members`: every top-level member in the client's order, verbatim, of duplicates the last.

    `parameters` is the same, typed and checked, its `messages`, `tools` and `functions` raw.
    Of a Responses request that came to this door the members are chat's already.
    """

    members: dict[str, msgspec.Raw]
    parameters: ChatRequest

    def having(self, **changed: msgspec.Raw) -> ChatHead:
        """The same with other values for raw members."""
        parameters = msgspec.structs.replace(self.parameters, **changed)
        return ChatHead({**self.members, **changed}, parameters)

    @property
    def choices(self) -> int:
        return self.parameters.n or 1

    @property
    def streams(self) -> bool:
        return self.parameters.stream is True

    @property
    def stores(self) -> bool:
        return self.parameters.store is True

    @property
    def includes_usage(self) -> bool:
        options = self.parameters.stream_options
        return options is not None and options.include_usage is True

    @property
    def uses_legacy_functions(self) -> bool:
        return is_present(self.parameters.functions) or is_present(self.parameters.function_call)


def decode_head(body: bytes) -> ChatHead:
    """Take a request apart and check everything but its messages and tools.

    Raises:
        InvalidRequestError: not a JSON object, or a parameter is missing, of the wrong type, out
            of range, or at odds with another one.
        NotFoundError: a Responses request that refers to a stored item.
    """
    try:
        members = json_members.split(body)
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem) from None
    if "input" in members and is_responses_request(members):
        members = as_chat_request(members)
    parameters = _decode_parameters(members)
    _check_ranges(parameters)
    _check_texts(parameters)
    _check_combinations(parameters)
    return ChatHead(members, parameters)


def _decode_parameters(members: dict[str, msgspec.Raw]) -> ChatRequest:
    small = [b'"%b":%b' % (name.encode(), raw) for name, raw in members.items() if name in _SMALL]
    small.append(b'"messages":null')
    try:
        parameters = _PARAMETERS.decode(b"{" + b",".join(small) + b"}")
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem) from None
    parameters.messages = members.get("messages", ABSENT)
    parameters.tools = members.get("tools", ABSENT)
    parameters.functions = members.get("functions", ABSENT)
    if not is_present(parameters.messages):
        raise openai_errors.missing("messages")
    return parameters


def _check_ranges(parameters: ChatRequest) -> None:
    check_decimals(parameters, SAMPLING_DECIMALS)
    check_integers(parameters, INTEGERS)


def _check_texts(parameters: ChatRequest) -> None:
    check_words(parameters, WORDS)
    for name, limit in STRINGS.items():
        value = getattr(parameters, name)
        if value is not None and len(value) > limit:
            raise openai_errors.string_too_long(name, limit, len(value))
    check_stop(parameters.stop)
    check_logit_bias(parameters.logit_bias)
    if parameters.metadata:
        check_metadata(parameters.metadata)


def _check_combinations(parameters: ChatRequest) -> None:
    check_stream_options(parameters.stream_options, streams=parameters.stream is True)
    if parameters.top_logprobs and parameters.logprobs is not True:
        raise InvalidRequestError(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
            param="top_logprobs",
        )
    _check_response_format(parameters)


def _check_response_format(parameters: ChatRequest) -> None:
    wanted = parameters.response_format
    if wanted is None:
        return
    supported = ("text", "json_object", "json_schema")
    if wanted.type not in supported:
        raise openai_errors.invalid_value("response_format.type", repr(wanted.type), supported)
    if wanted.type != "json_schema":
        return
    if wanted.json_schema is None:
        raise openai_errors.missing("response_format.json_schema")
    check_name("response_format.json_schema.name", wanted.json_schema.name)
