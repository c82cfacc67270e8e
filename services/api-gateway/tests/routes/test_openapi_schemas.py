"""The schemas say what the code checks."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api_gateway.routes.openapi_schemas import component_schemas

SCHEMAS = component_schemas()
USER = {"role": "user", "content": "hi"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://x/y", "detail": "low"}}
MESSAGES: list[Any] = [
    {"role": "system", "content": [{"type": "text", "text": "x"}]},
    {"role": "user", "content": [IMAGE]},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c", "content": "18C"},
]
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CHAT = {"model": "m", "messages": [USER]}
TEXT = {"model": "m", "prompt": "hi"}
RESPONSES = {"model": "m", "input": "hi"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "18C"}

ACCEPTED: list[tuple[str, Any]] = [
    ("ChatRequest", CHAT),
    ("ChatRequest", {**CHAT, "messages": MESSAGES, "tools": [FUNCTION], "tool_choice": "auto"}),
    ("ChatRequest", {**CHAT, "temperature": 2, "n": None, "stop": ["a"], "unknown": 1}),
    ("ChatRequest", {**CHAT, "response_format": {"type": "json_object"}, "seed": -1}),
    ("CompletionParameters", {**TEXT, "logprobs": 5, "max_tokens": 0}),
    ("CompletionParameters", {**TEXT, "prompt": [[1, 2], [3]]}),
    ("ResponsesRequest", {**RESPONSES, "input": [USER, OUTPUT], "conversation": {"id": "c"}}),
    ("EmbeddingsRequest", {"model": "m", "input": ["a"], "encoding_format": "base64"}),
    ("EmbeddingsRequest", {"model": "m", "input": [1, 2]}),
]
REFUSED: list[tuple[str, Any]] = [
    ("ChatRequest", {"model": "m"}),
    ("ChatRequest", {**CHAT, "messages": []}),
    ("ChatRequest", {**CHAT, "messages": [{"role": "wizard", "content": "x"}]}),
    ("ChatRequest", {**CHAT, "temperature": 2.1}),
    ("ChatRequest", {**CHAT, "n": 129}),
    ("ChatRequest", {**CHAT, "stop": list("abcde")}),
    ("ChatRequest", {**CHAT, "verbosity": "loud"}),
    ("ChatRequest", {**CHAT, "prompt_cache_key": "x" * 65}),
    ("CompletionParameters", {**TEXT, "logprobs": 6}),
    ("CompletionParameters", {**TEXT, "prompt": 5}),
    ("ResponsesRequest", {**RESPONSES, "input": 5}),
    ("ResponsesRequest", {**RESPONSES, "top_p": 1.1}),
    ("EmbeddingsRequest", {"model": "m", "input": ""}),
    ("EmbeddingsRequest", {"model": "m", "input": []}),
]


def is_valid(name: str, body: Any) -> bool:  # noqa: ANN401
    schema = {**SCHEMAS[name], "components": {"schemas": SCHEMAS}}
    return Draft202012Validator(schema).is_valid(body)  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize(("name", "body"), ACCEPTED)
@pytest.mark.requirement("surface:openapi")
def test_what_the_code_takes_is_valid(name: str, body: object) -> None:
    assert is_valid(name, body)


@pytest.mark.parametrize(("name", "body"), REFUSED)
@pytest.mark.requirement("surface:openapi")
def test_what_the_code_refuses_is_not(name: str, body: object) -> None:
    assert not is_valid(name, body)
