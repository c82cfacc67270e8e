"""Legacy completions requests: what is accepted, and what they mean as chat."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.completions.decode import (
    CompletionParameters,
    CompletionsRequest,
    decode_request,
)
from wire.conversation import Message, TextPart
from wire.errors import InvalidRequestError


def decoded(**members: object) -> CompletionsRequest:
    return decode_request(json.dumps({"model": "m", "prompt": "Hi", **members}).encode())


@pytest.mark.parametrize(
    "prompt", ["", "Hi", ["Hi"], ["a", "b"], [1, 2], [[1, 2], [3]], list(range(5000))]
)
def test_texts_and_token_ids_pass(prompt: object) -> None:
    assert decoded(prompt=prompt, user=None, unknown=1).parameters.prompt == prompt


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"prompt": 5}, "prompt", "invalid_type"),
        ({"prompt": []}, "prompt", "empty_array"),
        ({"prompt": ["a", 1]}, "prompt[1]", "invalid_type"),
        ({"prompt": [1, "a"]}, "prompt[1]", "invalid_type"),
        ({"prompt": ["a"] * 2049}, "prompt", "array_above_max_length"),
        ({"model": None}, "model", "missing_required_parameter"),
        ({"max_tokens": -1}, "max_tokens", "integer_below_min_value"),
        ({"n": 129}, "n", "integer_above_max_value"),
        ({"logprobs": 6}, "logprobs", "integer_above_max_value"),
        ({"logprobs": True}, "logprobs", "invalid_type"),
        ({"temperature": 2.5}, "temperature", "decimal_above_max_value"),
        ({"stop": list("abcde")}, "stop", "array_above_max_length"),
        ({"logit_bias": {"1": 101}}, "logit_bias", "decimal_above_max_value"),
        ({"best_of": 1, "n": 2}, "best_of", "invalid_value"),
        ({"best_of": 2, "stream": True}, "best_of", "invalid_value"),
        ({"stream_options": {}}, "stream_options", None),
    ],
)
@pytest.mark.requirement("completions:errors")
def test_a_bad_request_is_refused_by_its_path(
    members: dict[str, object], param: str, code: str | None
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        decoded(**members)

    assert (refused.value.param, refused.value.code) == (param, code)


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        decode_request(b"[]")

    assert (refused.value.param, refused.value.code) == (None, None)


def test_only_the_models_name_changes_on_the_way() -> None:
    request = decoded(suffix="x", best_of=2, extra={"a": 1})

    assert json.loads(request.spliced("vendor")) == {
        "model": "vendor",
        "prompt": "Hi",
        "suffix": "x",
        "best_of": 2,
        "extra": {"a": 1},
    }


def test_a_stream_is_asked_for_its_usage() -> None:
    plain = decoded(stream=True)
    asked = decoded(stream=True, stream_options={"include_usage": True})

    assert json.loads(plain.spliced("v"))["stream_options"] == {"include_usage": True}
    assert (plain.includes_usage, asked.includes_usage) == (False, True)


@pytest.mark.requirement("completions:choices")
def test_each_prompt_is_asked_n_times_in_order() -> None:
    request = decoded(prompt=["a", "b"], n=2, echo=True)

    asked = [generation.items for generation in request.as_chat()]

    assert asked == [(Message("user", (TextPart(text),)),) for text in ("a", "a", "b", "b")]
    assert request.echoes() == ["a", "a", "b", "b"]
    assert decoded(prompt=["a", "b"], n=2).echoes() == [""] * 4


def test_what_is_sampled_and_how_long_is_passed_on() -> None:
    (plain,) = decoded().as_chat()
    (chosen,) = decoded(
        max_tokens=5, temperature=0.5, top_p=0.9, stop="x", seed=7, logprobs=0, user="u"
    ).as_chat()

    assert plain.sampling.max_output_tokens == 16
    assert plain.sampling.logprobs is False
    sampling = chosen.sampling
    assert (sampling.max_output_tokens, sampling.temperature, sampling.top_p) == (5, 0.5, 0.9)
    assert (sampling.stop, sampling.seed, chosen.user) == (("x",), 7, "u")
    assert (sampling.logprobs, sampling.top_logprobs) == (True, 0)


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"prompt": [1, 2]}, "prompt", "unsupported_value"),
        ({"prompt": [[1], [2]]}, "prompt", "unsupported_value"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"suffix": "end"}, "suffix", "unsupported_parameter"),
        ({"best_of": 3}, "best_of", "unsupported_parameter"),
        ({"echo": True, "logprobs": 1}, "logprobs", "unsupported_parameter"),
    ],
)
@pytest.mark.requirement("completions:only-by-the-backend")
def test_what_only_the_backends_own_endpoint_can_do_is_refused_as_chat(
    members: dict[str, object], param: str, code: str
) -> None:
    request = decoded(**members)

    with pytest.raises(InvalidRequestError) as refused:
        request.as_chat()

    assert (refused.value.param, refused.value.code) == (param, code)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(CompletionParameters.__struct_fields__), inner)
    ),
    max_leaves=15,
)
DEFAULTS: dict[str, Any] = {"model": "m", "prompt": "x"}
members = st.dictionaries(
    st.sampled_from(CompletionParameters.__struct_fields__), json_values, max_size=8
)


@given(members.map(lambda given: {**DEFAULTS, **given}) | json_values)
@pytest.mark.requirement("completions:errors")
def test_any_json_is_read_or_refused_with_a_typed_error(body: object) -> None:
    with contextlib.suppress(InvalidRequestError):
        request = decode_request(json.dumps(body).encode())
        request.spliced("m")
        assert len(request.as_chat()) == len(request.echoes())
