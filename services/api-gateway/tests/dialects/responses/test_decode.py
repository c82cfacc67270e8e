"""A Responses request in the neutral form."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.responses.decode import ResponsesBody, decode_body
from api_gateway.dialects.responses.head import decode_head
from api_gateway.dialects.responses.items import DecodedInput, decode_items, split_input
from wire.conversation import Message, ResponseFormat, Sampling, TextPart, ToolCall, user_text
from wire.errors import CallerError, InvalidRequestError

STRICT = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def body(**members: object) -> ResponsesBody:
    head = decode_head(json.dumps({"model": "sim", "input": "hi", **members}).encode())
    return decode_body(head, split_input(head.parameters.input))


def refusal(**members: object) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as refused:
        body(**members)
    return refused.value


def history(*items: object) -> DecodedInput:
    return decode_items([msgspec.Raw(json.dumps(item).encode()) for item in items], "input")


@pytest.mark.requirement("responses:store:continued")
def test_instructions_come_first_then_the_history_then_the_input() -> None:
    earlier = history({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"})

    request = body(instructions="Be literal.").request(earlier)

    assert request.items == (
        Message("system", (TextPart("Be literal."),)),
        user_text("a"),
        Message("assistant", (TextPart("b"),)),
        user_text("hi"),
    )


@pytest.mark.requirement("responses:items:survive")
def test_every_parameter_has_its_place() -> None:
    request = body(
        temperature=0.5, top_p=0.9, max_output_tokens=99, presence_penalty=1, frequency_penalty=-1,
        include=["message.output_text.logprobs"], top_logprobs=3, parallel_tool_calls=False,
        reasoning={"effort": "high"}, text={"verbosity": "low"}, user="u", prompt_cache_key="k",
        service_tier="flex",
    ).request()  # fmt: skip

    assert request.sampling == Sampling(
        temperature=0.5, top_p=0.9, max_output_tokens=99, presence_penalty=1.0,
        frequency_penalty=-1.0, logprobs=True, top_logprobs=3, reasoning_effort="high",
        verbosity="low",
    )  # fmt: skip
    assert (request.parallel_tool_calls, request.user) == (False, "u")
    assert (request.prompt_cache_key, request.service_tier) == ("k", "flex")


def test_logprobs_are_only_asked_for_where_they_are_to_be_shown() -> None:
    assert body(top_logprobs=3).request().sampling == Sampling()


@pytest.mark.requirement("responses:structured")
def test_a_format_is_flat() -> None:
    wanted = {"type": "json_schema", "name": "x", "schema": STRICT, "strict": True}

    read = body(text={"format": wanted}).request().response_format

    assert (read.type, read.name, read.strict) == ("json_schema", "x", True)
    assert json.loads(bytes(read.schema)) == STRICT
    assert body(text={"format": {"type": "json_object"}}).request().response_format == (
        ResponseFormat("json_object")
    )


@pytest.mark.requirement("responses:structured")
def test_a_strict_schema_that_cannot_be_obeyed_is_refused() -> None:
    loose = {"type": "object", "properties": {"n": {"type": "integer"}}}
    wanted = {"type": "json_schema", "name": "x", "schema": loose, "strict": True}

    error = refusal(text={"format": wanted})

    assert (error.param, error.code) == ("text.format.schema", "invalid_json_schema")


@pytest.mark.parametrize(
    ("value", "code"), [([], "empty_array"), (None, "missing_required_parameter")]
)
@pytest.mark.requirement("responses:errors:param-and-code")
def test_without_input_or_history_there_is_nothing_to_answer(value: object, code: str) -> None:
    error = refusal(input=value)

    assert (error.param, error.code) == ("input", code)


def test_a_history_may_be_all_there_is() -> None:
    earlier = history({"role": "user", "content": "a"})

    assert body(input=None, previous_response_id="resp_1").request(earlier).items == (
        user_text("a"),
    )


@pytest.mark.requirement("responses:errors:tool-results")
def test_an_output_may_answer_a_call_of_the_history() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "x"}
    own = body(input=[output], previous_response_id="resp_1")

    assert len(own.request(history(call)).items) == 2
    with pytest.raises(InvalidRequestError, match="No tool call found"):
        own.request()


def test_counting_does_not_mind_a_call_without_output() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}

    assert isinstance(body(input=[call]).unchecked_request().items[0], ToolCall)


@pytest.mark.requirement("responses:tools:both-ways")
def test_tools_may_stand_among_the_items() -> None:
    added = {"type": "additional_tools", "role": "developer",
             "tools": [{"type": "custom", "name": "g"}]}  # fmt: skip
    own = body(
        input=[added, {"role": "user", "content": "x"}], tools=[{"type": "function", "name": "f"}]
    )

    assert [tool.name for tool in own.request().tools] == ["f", "g"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
MEMBERS = st.sampled_from(["input", "tools", "tool_choice", "text", "reasoning", "instructions"])


@given(st.dictionaries(MEMBERS, JSON, max_size=4))
@pytest.mark.requirement("responses:errors:typed")
def test_any_request_is_read_or_refused_with_a_typed_error(members: dict[str, Any]) -> None:
    with contextlib.suppress(CallerError):
        body(**members).request()
