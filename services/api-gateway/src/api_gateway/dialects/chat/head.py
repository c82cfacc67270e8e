"""The top level of a chat request: which members it has, and whether its parameters are in range.

A request is read in two stages. Here its members are taken apart without being read, and the small
ones are checked; `messages`, `tools` and `functions` stay the client's own bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from api_gateway.dialects.metadata import check_metadata
from api_gateway.dialects.names import check_name
from wire.errors import InvalidRequestError
from wire.openai_chat import ChatRequest
from wire.raw_json import ABSENT, is_present

_LARGE = ("messages", "tools", "functions")
_PARAMETERS = msgspec.json.Decoder(ChatRequest)
_SMALL = frozenset(ChatRequest.__struct_fields__).difference(_LARGE)

# Least and greatest value allowed.
_DECIMALS = {
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
    "presence_penalty": (-2.0, 2.0),
    "frequency_penalty": (-2.0, 2.0),
}
_INTEGERS: dict[str, tuple[int, int | None]] = {
    "max_completion_tokens": (1, None),
    "max_tokens": (1, None),
    "n": (1, 128),
    "top_logprobs": (0, 20),
    "seed": (-(2**63), 2**63 - 1),
}
_CHOICES = {
    "reasoning_effort": ("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    "verbosity": ("low", "medium", "high"),
    "service_tier": ("auto", "default", "flex", "scale", "priority", "fast"),
}
_STRINGS = {"safety_identifier": 128, "prompt_cache_key": 64}
_MAX_STOPS = 4
_MAX_BIAS = 100


@dataclass(frozen=True, slots=True)
class ChatHead:
    """`members`: every top-level member in the client's order, verbatim, of duplicates the last.

    `parameters` is the same, typed and checked, its `messages`, `tools` and `functions` raw.
    """

    members: dict[str, msgspec.Raw]
    parameters: ChatRequest

    @property
    def choices(self) -> int:
        return self.parameters.n or 1

    @property
    def streams(self) -> bool:
        return self.parameters.stream is True

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
    """
    try:
        members = json_members.split(body)
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem) from None
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
    for name, (minimum, maximum) in _DECIMALS.items():
        value = getattr(parameters, name)
        if value is not None and not minimum <= value <= maximum:
            raise openai_errors.out_of_range(
                name, value, minimum=minimum, maximum=maximum, kind="decimal"
            )
    for name, (least, most) in _INTEGERS.items():
        value = getattr(parameters, name)
        if value is not None and (value < least or (most is not None and value > most)):
            raise openai_errors.out_of_range(
                name, value, minimum=least, maximum=most, kind="integer"
            )


def _check_texts(parameters: ChatRequest) -> None:
    for name, supported in _CHOICES.items():
        value = getattr(parameters, name)
        if value is not None and value not in supported:
            raise openai_errors.invalid_value(name, repr(value), supported)
    for name, limit in _STRINGS.items():
        value = getattr(parameters, name)
        if value is not None and len(value) > limit:
            raise openai_errors.string_too_long(name, limit, len(value))
    if isinstance(parameters.stop, list):
        _check_stop(parameters.stop)
    if parameters.logit_bias:
        _check_logit_bias(parameters.logit_bias)
    if parameters.metadata:
        check_metadata(parameters.metadata)


def _check_stop(stop: list[str]) -> None:
    if not stop:
        raise openai_errors.empty_array("stop")
    if len(stop) > _MAX_STOPS:
        raise openai_errors.array_too_long("stop", _MAX_STOPS, len(stop))


def _check_logit_bias(logit_bias: dict[str, float]) -> None:
    for value in logit_bias.values():
        if not -_MAX_BIAS <= value <= _MAX_BIAS:
            raise openai_errors.out_of_range(
                "logit_bias", value, minimum=-_MAX_BIAS, maximum=_MAX_BIAS, kind="decimal"
            )


def _check_combinations(parameters: ChatRequest) -> None:
    if parameters.stream_options is not None and parameters.stream is not True:
        raise InvalidRequestError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )
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
