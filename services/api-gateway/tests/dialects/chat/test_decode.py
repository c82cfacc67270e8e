"""A whole request in the neutral form."""

import json
from typing import Any

import pytest

from api_gateway.dialects.chat.decode import ChatBody, decode_body
from api_gateway.dialects.chat.head import decode_head
from wire.conversation import FunctionTool, ResponseFormat, Sampling, ToolChoice
from wire.errors import InvalidRequestError

USER = {"role": "user", "content": "x"}
WEATHER = {"name": "get_weather", "parameters": {"type": "object"}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {},
    "required": [],
    "additionalProperties": False,
}


def body(**members: object) -> ChatBody:
    data = json.dumps({"model": "sim", "messages": [USER], **members}).encode()
    return decode_body(decode_head(data))


def test_every_parameter_arrives() -> None:
    request = body(
        temperature=0.5, top_p=0.9, max_tokens=10, max_completion_tokens=20, stop=["a", "b"],
        seed=7, presence_penalty=1, frequency_penalty=-1, logit_bias={"1": 5}, logprobs=True,
        top_logprobs=3, reasoning_effort="high", verbosity="low", user="u", prompt_cache_key="k",
        service_tier="flex", parallel_tool_calls=False,
    ).request()  # fmt: skip

    assert request.sampling == Sampling(
        temperature=0.5, top_p=0.9, max_output_tokens=20, stop=("a", "b"), seed=7,
        presence_penalty=1, frequency_penalty=-1, logit_bias={"1": 5}, logprobs=True,
        top_logprobs=3, reasoning_effort="high", verbosity="low",
    )  # fmt: skip
    assert (request.user, request.prompt_cache_key, request.service_tier) == ("u", "k", "flex")
    assert request.parallel_tool_calls is False


def test_the_older_limit_and_a_single_stop_are_understood() -> None:
    request = body(max_tokens=10, stop="a").request()

    assert request.sampling == Sampling(max_output_tokens=10, stop=("a",))


@pytest.mark.parametrize(
    ("wanted", "understood"),
    [
        (None, ResponseFormat()),
        ({"type": "text"}, ResponseFormat()),
        ({"type": "json_object"}, ResponseFormat("json_object")),
    ],
)
def test_simple_formats_are_understood(wanted: object, understood: ResponseFormat) -> None:
    assert body(response_format=wanted).request().response_format == understood


def test_a_schema_is_kept_verbatim() -> None:
    wanted: dict[str, Any] = {"name": "x", "strict": True, "schema": SCHEMA, "description": "d"}

    decoded = body(response_format={"type": "json_schema", "json_schema": wanted})

    understood = decoded.request().response_format
    assert decoded.wants_strict_output
    assert (understood.type, understood.name, understood.strict) == ("json_schema", "x", True)
    assert json.loads(bytes(understood.schema)) == SCHEMA


@pytest.mark.requirement("chat:errors:strict-schema")
def test_a_strict_schema_that_cannot_be_obeyed_is_refused() -> None:
    wanted = {"name": "x", "strict": True, "schema": {"type": "object"}}

    with pytest.raises(InvalidRequestError) as refused:
        body(response_format={"type": "json_schema", "json_schema": wanted})

    assert (refused.value.param, refused.value.code) == ("response_format", "invalid_json_schema")


def test_tools_and_choice_arrive() -> None:
    decoded = body(tools=[{"type": "function", "function": WEATHER}], tool_choice="required")

    request = decoded.request()
    assert not decoded.is_legacy
    assert [tool.name for tool in request.tools] == ["get_weather"]
    assert isinstance(request.tools[0], FunctionTool)
    assert request.tool_choice == ToolChoice("required")
    assert request.parallel_tool_calls is None


@pytest.mark.requirement("chat:legacy-functions")
def test_a_legacy_request_allows_one_call_at_a_time() -> None:
    decoded = body(functions=[WEATHER], function_call="auto")

    assert decoded.is_legacy
    assert decoded.request().parallel_tool_calls is False


def test_a_legacy_conversation_without_functions_is_legacy_too() -> None:
    called = {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}

    assert body(messages=[USER, called]).is_legacy


def test_audio_out_is_refused_where_it_would_be_lost() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        body(modalities=["text", "audio"]).request()

    assert (refused.value.param, refused.value.code) == ("modalities", "unsupported_parameter")


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": []}, "messages"),
        ({"tools": 5}, "tools"),
        ({"tool_choice": "maybe"}, "tool_choice"),
    ],
)
def test_faults_of_the_second_stage_have_their_path(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        body(**members)

    assert refused.value.param == param
