"""The top level of a Responses request: its members, and whether its parameters are in range.

As with chat, members are taken apart without being read, and the small ones are checked; `input`
and `tools` stay the client's own bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from api_gateway.dialects.metadata import check_metadata
from api_gateway.dialects.names import check_name
from api_gateway.dialects.parameter_ranges import (
    SAMPLING_DECIMALS,
    IntegerRanges,
    check_decimals,
    check_integers,
    check_stream_options,
    check_words,
)
from wire.errors import InvalidRequestError
from wire.openai_responses import ResponsesInputTokensRequest, ResponsesRequest, TextFormat
from wire.raw_json import ABSENT, is_present

ENCRYPTED_REASONING = "reasoning.encrypted_content"
OUTPUT_LOGPROBS = "message.output_text.logprobs"

RequestT = TypeVar("RequestT", ResponsesRequest, ResponsesInputTokensRequest)

_LARGE = ("input", "tools")
_SMALL = frozenset(ResponsesRequest.__struct_fields__).difference(_LARGE)
_REQUEST = msgspec.json.Decoder(ResponsesRequest)
_INPUT_TOKENS_REQUEST = msgspec.json.Decoder(ResponsesInputTokensRequest)
_INTEGERS: IntegerRanges = {
    "max_output_tokens": (16, None),
    "max_tool_calls": (1, None),
    "top_logprobs": (0, 20),
}
_WORDS = {
    "truncation": ("auto", "disabled"),
    "service_tier": ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast"),
}
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_VERBOSITIES = ("low", "medium", "high")
_FORMATS = ("text", "json_object", "json_schema")
_STRINGS = {"safety_identifier": 128, "prompt_cache_key": 64}


@dataclass(frozen=True, slots=True)
class ResponsesHead:
    """`members`: every top-level member in the client's order, verbatim, of duplicates the last.

    `parameters` is the same, typed and checked, its `input`, `tools` and `tool_choice` raw.
    """

    members: json_members.Members
    parameters: ResponsesRequest

    @property
    def streams(self) -> bool:
        return self.parameters.stream is True

    @property
    def stores(self) -> bool:
        """True unless the client says otherwise: contrary to chat."""
        return self.parameters.store is not False

    @property
    def in_background(self) -> bool:
        return self.parameters.background is True

    @property
    def conversation_id(self) -> str | None:
        conversation = self.parameters.conversation
        return conversation if isinstance(conversation, str | None) else conversation.id

    @property
    def has_history(self) -> bool:
        """Whether it continues something that is stored here."""
        return (
            self.parameters.previous_response_id is not None
            or self.parameters.conversation is not None
        )

    @property
    def wants_summary(self) -> bool:
        """Whether reasoning, ours or a model's, is to be shown."""
        reasoning = self.parameters.reasoning
        return reasoning is not None and bool(reasoning.summary or reasoning.generate_summary)

    @property
    def wants_logprobs(self) -> bool:
        return self.includes(OUTPUT_LOGPROBS)

    @property
    def wants_strict_output(self) -> bool:
        wanted = self.parameters.text and self.parameters.text.format
        return bool(wanted) and wanted.type == "json_schema" and wanted.strict is True

    @property
    def truncates(self) -> bool:
        """Whether the oldest items may be left out when there are too many."""
        return self.parameters.truncation == "auto"

    @property
    def compacts(self) -> bool:
        """Whether the client asks for compaction while the response is made."""
        return self.parameters.context_management is not None

    @property
    def compact_threshold_tokens(self) -> int | None:
        """The smallest of those it named; None: it named none."""
        entries = self.parameters.context_management or ()
        named = [each.compact_threshold for each in entries if each.compact_threshold is not None]
        return min(named, default=None)

    def includes(self, name: str) -> bool:
        return name in (self.parameters.include or ())


def decode_head(body: bytes) -> ResponsesHead:
    """Take a request apart and check everything but its items and tools.

    Raises:
        InvalidRequestError: not a JSON object, or a parameter is missing, of the wrong type, out
            of range, or at odds with another one.
    """
    members = _split(body)
    parameters = _decode(members, _REQUEST)
    check_decimals(parameters, SAMPLING_DECIMALS)
    check_integers(parameters, _INTEGERS)
    check_words(parameters, _WORDS)
    _check_texts(parameters)
    _check_text_options(parameters)
    _check_context_management(parameters)
    _check_combinations(parameters)
    return ResponsesHead(members, parameters)


def decode_input_tokens_head(body: bytes) -> ResponsesHead:
    """The same for a request that only wants its tokens counted.

    Raises:
        InvalidRequestError: see `decode_head`.
    """
    members = _split(body)
    asked = _decode(members, _INPUT_TOKENS_REQUEST)
    parameters = ResponsesRequest(
        model=asked.model or "",
        input=asked.input,
        instructions=asked.instructions,
        previous_response_id=asked.previous_response_id,
        conversation=asked.conversation,
        text=asked.text,
        tools=asked.tools,
    )
    _check_text_options(parameters)
    _check_history(parameters)
    return ResponsesHead(members, parameters)


def decode_compact_head(body: bytes) -> tuple[ResponsesHead, str | None]:
    """The same for a request to compact. Its instructions steer the summary and are no item of it.

    Raises:
        InvalidRequestError: see `decode_head`.
    """
    members = _split(body)
    asked = _decode(members, _REQUEST)
    _check_texts(asked)
    parameters = ResponsesRequest(
        model=asked.model,
        input=asked.input,
        previous_response_id=asked.previous_response_id,
        prompt_cache_key=asked.prompt_cache_key,
        service_tier=asked.service_tier,
    )
    return ResponsesHead(members, parameters), asked.instructions


def _split(body: bytes) -> json_members.Members:
    """The members; those that the response repeats are UTF-8 throughout, items are read later."""
    try:
        members = json_members.split(body)
        json_members.check_encoding({name: raw for name, raw in members.items() if name != "input"})
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem) from None
    return members


def _decode(members: json_members.Members, decoder: msgspec.json.Decoder[RequestT]) -> RequestT:
    """Typed, the large members left out of the reading."""
    small = {name: raw for name, raw in members.items() if name in _SMALL}
    try:
        parameters = decoder.decode(json_members.join(small))
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem) from None
    parameters.input = members.get("input", ABSENT)
    parameters.tools = members.get("tools", ABSENT)
    return parameters


def _check_texts(parameters: ResponsesRequest) -> None:
    for name, limit in _STRINGS.items():
        value: str | None = getattr(parameters, name)
        if value is not None and len(value) > limit:
            raise openai_errors.string_too_long(name, limit, len(value))
    if parameters.metadata:
        check_metadata(parameters.metadata)
    reasoning = parameters.reasoning
    if reasoning is not None and reasoning.effort not in (None, *_EFFORTS):
        raise openai_errors.invalid_value("reasoning.effort", repr(reasoning.effort), _EFFORTS)


def _check_text_options(parameters: ResponsesRequest) -> None:
    text = parameters.text
    if text is None:
        return
    if text.verbosity not in (None, *_VERBOSITIES):
        raise openai_errors.invalid_value("text.verbosity", repr(text.verbosity), _VERBOSITIES)
    if text.format is not None:
        _check_format(text.format)


def _check_format(wanted: TextFormat) -> None:
    if wanted.type not in _FORMATS:
        raise openai_errors.invalid_value("text.format.type", repr(wanted.type), _FORMATS)
    if wanted.type != "json_schema":
        return
    if wanted.name is None:
        raise openai_errors.missing("text.format.name")
    check_name("text.format.name", wanted.name)
    if not is_present(wanted.schema):
        raise openai_errors.missing("text.format.schema")


def _check_context_management(parameters: ResponsesRequest) -> None:
    entries = parameters.context_management
    if entries is None:
        return
    if not entries:
        raise openai_errors.empty_array("context_management")
    for index, entry in enumerate(entries):
        path = f"context_management[{index}]"
        if entry.type != "compaction":
            raise openai_errors.invalid_value(f"{path}.type", repr(entry.type), ("compaction",))
        if entry.compact_threshold is not None and entry.compact_threshold < 1:
            raise openai_errors.out_of_range(
                f"{path}.compact_threshold",
                entry.compact_threshold,
                minimum=1,
                maximum=None,
                kind="integer",
            )


def _check_combinations(parameters: ResponsesRequest) -> None:
    check_stream_options(parameters.stream_options, streams=parameters.stream is True)
    _check_history(parameters)
    if parameters.background is True and parameters.store is False:
        raise InvalidRequestError(
            "Invalid value for 'store': a background response has to be stored.",
            param="store",
            code="unsupported_value",
        )


def _check_history(parameters: ResponsesRequest) -> None:
    if is_present(parameters.prompt):
        raise openai_errors.unsupported_parameter(
            "prompt", "Prompt templates are not supported here; send 'instructions' and 'input'."
        )
    conversation = parameters.conversation
    if conversation is None:
        return
    if parameters.previous_response_id is not None:
        raise InvalidRequestError(
            "Mutually exclusive parameters: send either 'previous_response_id' or 'conversation', "
            "not both.",
            code="mutually_exclusive_parameters",
        )
    conversation_id = conversation if isinstance(conversation, str) else conversation.id
    if not conversation_id.startswith("conv"):
        raise openai_errors.invalid_value(
            "conversation", f"{conversation_id[:64]!r} is no id that begins with 'conv'"
        )
