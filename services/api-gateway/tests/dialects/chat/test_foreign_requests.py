# ruff: noqa: E501  one case, one line
"""A Responses request at chat's door is a chat request."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from api_gateway.dialects import json_members
from api_gateway.dialects.chat.decode import decode_body
from api_gateway.dialects.chat.foreign_requests import as_chat_request, is_responses_request
from api_gateway.dialects.chat.head import decode_head
from wire.conversation import FunctionTool, ToolChoice
from wire.errors import InvalidRequestError

FOREIGN = pytest.mark.requirement("chat:foreign:requests")
ASK = [{"role": "user", "content": "hi"}]


def members(**values: object) -> json_members.Members:
    return json_members.split(json.dumps({"model": "m", **values}).encode())


def in_chat(**values: object) -> dict[str, Any]:
    found = as_chat_request(members(**values))
    return {name: json.loads(bytes(raw)) for name, raw in found.items()}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": "hi"}, True),
        ({"input": ASK, "messages": None}, True),
        ({"input": ASK, "messages": []}, True),
        ({"input": ASK, "messages": ASK}, False),
        ({"messages": ASK}, False),
        ({"input": None}, False),
        ({}, False),
    ],
)
@FOREIGN
def test_input_counts_only_where_messages_are_missing(
    body: dict[str, Any], *, expected: bool
) -> None:
    assert is_responses_request(members(**body)) is expected


@FOREIGN
def test_every_member_finds_its_place_in_chat() -> None:
    schema = {"type": "object"}
    wanted = {"type": "json_schema", "name": "x", "schema": schema, "strict": True}

    found = in_chat(
        input="hi",
        instructions="be brief",
        max_output_tokens=100,
        reasoning={"effort": "high", "summary": "auto"},
        text={"verbosity": "low", "format": wanted},
        include=["reasoning.encrypted_content"],
        truncation="auto",
        top_logprobs=0,
        store=False,
        stream=True,
        temperature=0.5,
        metadata={"a": "b"},
        prompt_cache_key="k",
        vendor_extra=1,
    )

    assert found == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hi"},
        ],
        "max_completion_tokens": 100,
        "reasoning_effort": "high",
        "verbosity": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": schema, "strict": True},
        },
        "store": False,
        "stream": True,
        "temperature": 0.5,
        "metadata": {"a": "b"},
        "prompt_cache_key": "k",
        "vendor_extra": 1,
    }


@FOREIGN
def test_logprobs_are_asked_for_by_their_include_value() -> None:
    found = in_chat(input="hi", include=["message.output_text.logprobs"], top_logprobs=3)

    assert (found["logprobs"], found["top_logprobs"]) == (True, 3)


@pytest.mark.parametrize("kind", ["text", "json_object"])
@FOREIGN
def test_other_formats_are_the_same_in_both(kind: str) -> None:
    assert in_chat(input="hi", text={"format": {"type": kind}})["response_format"] == {"type": kind}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"previous_response_id": "resp_1"}, "previous_response_id", "unsupported_parameter"),
    ({"conversation": {"id": "conv_1"}}, "conversation", "unsupported_parameter"),
    ({"background": True}, "background", "unsupported_parameter"),
    ({"prompt": {"id": "p"}}, "prompt", "unsupported_parameter"),
    ({"instructions": 5}, "instructions", "invalid_type"),
    ({"text": {"format": {"type": "json_schema"}}}, "text.format.name", "missing_required_parameter"),
    ({"tools": {}}, "tools", "invalid_type"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "param", "code"), REFUSED)
@FOREIGN
def test_what_only_the_other_door_can_do_is_refused_by_name(
    asked: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        as_chat_request(members(input="hi", **asked))

    assert (refused.value.param, refused.value.code) == (param, code)


@FOREIGN
def test_nothing_asked_for_is_no_state() -> None:
    found = in_chat(input="hi", background=False, previous_response_id=None, conversation=None)

    assert found.keys() == {"model", "messages"}


@FOREIGN
def test_what_is_read_and_what_is_passed_on_are_the_same() -> None:
    asked = {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any"},
    }

    body = decode_body(decode_head(json.dumps(asked).encode()))

    assert body.tool_choice == ToolChoice("required")
    assert [type(tool) for tool in body.tools] == [FunctionTool]
    passed_on = {name: json.loads(bytes(raw)) for name, raw in body.head.members.items()}
    assert passed_on["messages"] == ASK
    assert passed_on["tool_choice"] == "required"
    assert passed_on["tools"][0]["function"]["name"] == "f"
    assert bytes(body.head.parameters.messages) == bytes(body.head.members["messages"])


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"messages": [{"role": "user", "content": [{"type": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": ASK, "tools": [{"type": "function"}]}, "tools[0].function"),
        ({"messages": ASK, "tool_choice": "x"}, "tool_choice"),
        ({"messages": ASK, "tools": [{"name": "f"}], "tool_choice": {"type": "tool", "name": "g"}}, "tool_choice"),
    ],
)  # fmt: skip
@FOREIGN
def test_what_is_wrong_in_every_dialect_is_refused_as_before(
    asked: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        decode_body(decode_head(json.dumps({"model": "m", **asked}).encode()))

    assert refused.value.param == param


def test_a_usual_request_is_passed_on_as_it_is() -> None:
    body = b'{ "model":"m", "messages": [{"role":"user","content":"input"}], "input": null}'

    head = decode_body(decode_head(body)).head

    assert head.members == json_members.split(body)
    assert isinstance(head.members["messages"], msgspec.Raw)
