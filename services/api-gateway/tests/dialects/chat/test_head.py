# ruff: noqa: E501  one case, one line
"""The top level of a chat request."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.chat.head import ChatHead, decode_head
from wire.errors import InvalidRequestError

GOOD: dict[str, Any] = {"model": "sim", "messages": [{"role": "user", "content": "x"}]}


def head(**changes: object) -> ChatHead:
    return decode_head(json.dumps({**GOOD, **changes}).encode())


def refusal(**changes: object) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as refused:
        head(**changes)
    return refused.value


REFUSALS: list[tuple[dict[str, Any], str, str | None]] = [
    ({"model": 5}, "model", "invalid_type"),
    ({"model": None}, "model", "missing_required_parameter"),
    ({"messages": None}, "messages", "missing_required_parameter"),
    ({"temperature": 9}, "temperature", "decimal_above_max_value"),
    ({"temperature": -0.1}, "temperature", "decimal_below_min_value"),
    ({"temperature": "0.5"}, "temperature", "invalid_type"),
    ({"top_p": 1.1}, "top_p", "decimal_above_max_value"),
    ({"presence_penalty": -2.1}, "presence_penalty", "decimal_below_min_value"),
    ({"frequency_penalty": 3}, "frequency_penalty", "decimal_above_max_value"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"n": 129}, "n", "integer_above_max_value"),
    ({"n": 1.5}, "n", "invalid_type"),
    ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ({"max_completion_tokens": -1}, "max_completion_tokens", "integer_below_min_value"),
    ({"top_logprobs": 21, "logprobs": True}, "top_logprobs", "integer_above_max_value"),
    ({"top_logprobs": 2}, "top_logprobs", None),
    ({"seed": 2**63}, "seed", "integer_above_max_value"),
    ({"seed": "1"}, "seed", "invalid_type"),
    ({"stop": []}, "stop", "empty_array"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "array_above_max_length"),
    ({"stop": 1}, "stop", "invalid_type"),
    ({"stream": "yes"}, "stream", "invalid_type"),
    ({"stream_options": {"include_usage": True}}, "stream_options", None),
    ({"stream_options": {"include_usage": True}, "stream": False}, "stream_options", None),
    ({"stream_options": {"include_usage": 1}, "stream": True}, "stream_options.include_usage", "invalid_type"),
    ({"logit_bias": {"50256": 101}}, "logit_bias", "decimal_above_max_value"),
    ({"logit_bias": {"50256": "x"}}, "logit_bias", "invalid_type"),
    ({"reasoning_effort": "enormous"}, "reasoning_effort", "invalid_value"),
    ({"verbosity": "loud"}, "verbosity", "invalid_value"),
    ({"service_tier": "gold"}, "service_tier", "invalid_value"),
    ({"prompt_cache_key": "x" * 65}, "prompt_cache_key", "string_above_max_length"),
    ({"safety_identifier": "x" * 129}, "safety_identifier", "string_above_max_length"),
    ({"metadata": {str(i): "x" for i in range(17)}}, "metadata", "object_above_max_properties"),
    ({"metadata": {"k": "x" * 513}}, "metadata.k", "string_above_max_length"),
    ({"metadata": {"k" * 65: "x"}}, "metadata", "string_above_max_length"),
    ({"metadata": {"k": 1}}, "metadata", "invalid_type"),
    ({"response_format": "text"}, "response_format", "invalid_type"),
    ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "missing_required_parameter"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}},
        "response_format.json_schema.name",
        "invalid_value",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "param", "code"), REFUSALS)
@pytest.mark.requirement("chat:errors:parameters")
def test_a_bad_parameter_is_refused_by_its_path(
    changes: dict[str, Any], param: str, code: str | None
) -> None:
    error = refusal(**changes)

    assert (error.param, error.code) == (param, code)
    assert (error.status, error.type) == (400, "invalid_request_error")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b'{"model": ', b"\xff\xfe", b"{} x"])
@pytest.mark.requirement("chat:errors:not-json")
def test_a_body_that_is_no_json_object_names_no_parameter(body: bytes) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        decode_head(body)

    assert (refused.value.param, refused.value.code) == (None, None)


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_what_is_required_and_absent_is_named(missing: str) -> None:
    body = json.dumps({name: value for name, value in GOOD.items() if name != missing}).encode()

    with pytest.raises(InvalidRequestError) as refused:
        decode_head(body)

    assert refused.value.param == missing
    assert refused.value.code == "missing_required_parameter"
    assert refused.value.message == f"Missing required parameter: '{missing}'."


@pytest.mark.requirement("chat:leniency:null-is-absent")
def test_null_means_absent_and_unknown_members_are_ignored() -> None:
    optional = [
        "stream",
        "stream_options",
        "temperature",
        "top_p",
        "n",
        "stop",
        "seed",
        "tools",
        "tool_choice",
        "functions",
        "function_call",
        "response_format",
        "logit_bias",
        "metadata",
        "user",
        "max_tokens",
        "parallel_tool_calls",
    ]

    decoded = head(**dict.fromkeys(optional), client_metadata={"a": [1]}, top_k=5)

    assert decoded.choices == 1
    assert not decoded.streams
    assert not decoded.includes_usage
    assert not decoded.uses_legacy_functions
    assert decoded.parameters.model == "sim"


def test_bounds_themselves_are_allowed() -> None:
    decoded = head(
        temperature=2, top_p=0, n=128, logprobs=True, top_logprobs=20, seed=-(2**63), stop="x",
        presence_penalty=-2, frequency_penalty=2, logit_bias={"1": -100}, max_tokens=1,
    )  # fmt: skip

    assert decoded.choices == 128


def test_usage_is_included_only_when_a_stream_asks_for_it() -> None:
    assert head(stream=True, stream_options={"include_usage": True}).includes_usage
    assert not head(stream=True, stream_options={"include_usage": False}).includes_usage
    assert not head(stream=True, stream_options={}).includes_usage
    assert not head(stream=True).includes_usage


def test_of_a_member_said_twice_the_last_counts_everywhere() -> None:
    body = (
        b'{"model":"a","messages":[1],"model":"b","messages":[2],"temperature":9,"temperature":1}'
    )

    decoded = decode_head(body)

    assert decoded.parameters.model == "b"
    assert bytes(decoded.members["model"]) == b'"b"'
    assert bytes(decoded.parameters.messages) == b"[2]"
    assert decoded.parameters.temperature == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
parameter_names = st.sampled_from(sorted({name for changes, _, _ in REFUSALS for name in changes}))


@given(st.dictionaries(parameter_names | st.text(max_size=8), json_values, max_size=5))
@pytest.mark.requirement("chat:errors:typed")
def test_any_json_is_accepted_or_refused_with_a_typed_error(changes: dict[str, Any]) -> None:
    body = json.dumps({**GOOD, **changes}).encode("utf-8", "surrogatepass")

    with contextlib.suppress(InvalidRequestError):
        assert isinstance(decode_head(body).parameters.model, str)


@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_refused_with_a_typed_error(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        decode_head(body)
