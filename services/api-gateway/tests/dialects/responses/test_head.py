# ruff: noqa: E501  one case, one line
"""The top level of a Responses request."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.responses.head import (
    ResponsesHead,
    decode_head,
    decode_input_tokens_head,
)
from wire.errors import InvalidRequestError

GOOD: dict[str, Any] = {"model": "sim", "input": "hi"}


def head(**changes: object) -> ResponsesHead:
    return decode_head(json.dumps({**GOOD, **changes}).encode())


def refusal(**changes: object) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as refused:
        head(**changes)
    return refused.value


REFUSALS: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"model": 5}, "model", "invalid_type"),
    ({"model": None}, "model", "missing_required_parameter"),
    ({"instructions": 5}, "instructions", "invalid_type"),
    ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
    ({"top_p": -1}, "top_p", "decimal_below_min_value"),
    ({"presence_penalty": 3}, "presence_penalty", "decimal_above_max_value"),
    ({"max_output_tokens": 15}, "max_output_tokens", "integer_below_min_value"),
    ({"max_output_tokens": "16"}, "max_output_tokens", "invalid_type"),
    ({"max_tool_calls": 0}, "max_tool_calls", "integer_below_min_value"),
    ({"top_logprobs": 21}, "top_logprobs", "integer_above_max_value"),
    ({"truncation": "sometimes"}, "truncation", "invalid_value"),
    ({"service_tier": "gold"}, "service_tier", "invalid_value"),
    ({"reasoning": {"effort": "enormous"}}, "reasoning.effort", "invalid_value"),
    ({"reasoning": "high"}, "reasoning", "invalid_type"),
    ({"text": {"verbosity": "loud"}}, "text.verbosity", "invalid_value"),
    ({"text": {"format": {"type": "xml"}}}, "text.format.type", "invalid_value"),
    ({"text": {"format": {}}}, "text.format.type", "missing_required_parameter"),
    ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name", "missing_required_parameter"),
    ({"text": {"format": {"type": "json_schema", "name": "a b", "schema": {}}}}, "text.format.name", "invalid_value"),
    ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema", "missing_required_parameter"),
    ({"safety_identifier": "x" * 129}, "safety_identifier", "string_above_max_length"),
    ({"prompt_cache_key": "x" * 65}, "prompt_cache_key", "string_above_max_length"),
    ({"metadata": {"k": "v" * 513}}, "metadata.k", "string_above_max_length"),
    ({"metadata": {"k": 1}}, "metadata", "invalid_type"),
    ({"include": "reasoning.encrypted_content"}, "include", "invalid_type"),
    ({"stream": "yes"}, "stream", "invalid_type"),
    ({"stream_options": {"include_obfuscation": False}}, "stream_options", None),
    ({"conversation": 5}, "conversation", "invalid_type"),
    ({"conversation": {}}, "conversation.id", "missing_required_parameter"),
    ({"conversation": "my-chat"}, "conversation", "invalid_value"),
    ({"conversation": {"id": ""}}, "conversation", "invalid_value"),
    ({"conversation": "conv_1", "previous_response_id": "resp_1"}, None, "mutually_exclusive_parameters"),
    ({"background": True, "store": False}, "store", "unsupported_value"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt", "unsupported_parameter"),
    ({"context_management": []}, "context_management", "empty_array"),
    ({"context_management": [{"type": "forget"}]}, "context_management[0].type", "invalid_value"),
    ({"context_management": [{"type": "compaction", "compact_threshold": 0}]}, "context_management[0].compact_threshold", "integer_below_min_value"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "param", "code"), REFUSALS)
@pytest.mark.requirement("responses:errors:param-and-code")
def test_a_wrong_parameter_is_named(
    changes: dict[str, Any], param: str | None, code: str | None
) -> None:
    error = refusal(**changes)

    assert (error.status, error.param, error.code) == (400, param, code)


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b'{"model":', b'"x"', b"\xff{}", b"[" * 3000])
@pytest.mark.requirement("responses:errors:param-and-code")
def test_a_body_that_is_no_object_names_nothing(body: bytes) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        decode_head(body)

    assert (refused.value.param, refused.value.code) == (None, None)


@pytest.mark.requirement("responses:leniency")
def test_nulls_are_absent_and_unknown_members_ignored() -> None:
    names = [name for name in type(head().parameters).__struct_fields__ if name not in GOOD]

    read = head(**dict.fromkeys(names), client_metadata={"a": 1}, moderation={"model": "x"})

    assert read.stores
    assert not any((read.streams, read.in_background, read.has_history, read.truncates))


@pytest.mark.requirement("responses:store:default")
@pytest.mark.parametrize(("store", "stores"), [(None, True), (True, True), (False, False)])
def test_a_response_is_stored_unless_the_client_says_otherwise(
    *, store: bool | None, stores: bool
) -> None:
    assert head(store=store).stores is stores


@pytest.mark.parametrize("conversation", ["conv_1", {"id": "conv_1"}])
def test_a_conversation_may_be_named_or_an_object(conversation: object) -> None:
    assert head(conversation=conversation).conversation_id == "conv_1"


@pytest.mark.parametrize(
    ("reasoning", "wanted"),
    [(None, False), ({}, False), ({"effort": "high"}, False), ({"summary": "auto"}, True),
     ({"generate_summary": "concise"}, True)],
)  # fmt: skip
def test_reasoning_is_shown_to_who_asks_for_a_summary(reasoning: object, *, wanted: bool) -> None:
    assert head(reasoning=reasoning).wants_summary is wanted


def test_unknown_include_values_are_ignored() -> None:
    read = head(include=["message.output_text.logprobs", "something.new"])

    assert read.wants_logprobs
    assert not read.includes("reasoning.encrypted_content")


def test_counting_tokens_needs_no_model() -> None:
    read = decode_input_tokens_head(b'{"input":"hi","tools":[],"temperature":99}')

    assert read.parameters.model == ""
    assert bytes(read.parameters.input) == b'"hi"'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)  # fmt: skip
MEMBERS = st.sampled_from(sorted(type(head().parameters).__struct_fields__))


@given(st.dictionaries(MEMBERS, JSON, max_size=6))
@pytest.mark.requirement("responses:errors:typed")
def test_any_member_is_read_or_refused_with_a_typed_error(members: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidRequestError):
        decode_head(json.dumps({**GOOD, **members}).encode())


@given(st.binary(max_size=200))
@pytest.mark.requirement("responses:errors:typed")
def test_any_bytes_are_read_or_refused_with_a_typed_error(body: bytes) -> None:
    with contextlib.suppress(InvalidRequestError):
        decode_head(body)
