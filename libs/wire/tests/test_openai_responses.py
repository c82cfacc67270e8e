"""OpenAI's Responses wire: the top level of a request."""

from __future__ import annotations

import msgspec
import pytest

from wire.openai_responses import (
    ConversationReference,
    ResponsesInputTokensRequest,
    ResponsesRequest,
)
from wire.raw_json import is_present


def test_an_explicit_null_is_the_same_as_an_absent_field() -> None:
    names = [name for name in ResponsesRequest.__struct_fields__ if name != "model"]
    body = {"model": "m", **dict.fromkeys(names)}

    request = msgspec.json.decode(msgspec.json.encode(body), type=ResponsesRequest)

    assert not is_present(request.input)
    assert not is_present(request.tools)
    assert request.store is None


def test_items_are_kept_byte_for_byte() -> None:
    items = b'[ {"role":"user", "content":"\\u00e9",  "extra": 1.50} ]'

    request = msgspec.json.decode(b'{"model":"m","input":' + items + b"}", type=ResponsesRequest)

    assert bytes(request.input) == items


@pytest.mark.parametrize("conversation", ["conv_1", ConversationReference("conv_1"), None])
def test_a_conversation_is_named_or_referred_to(
    conversation: str | ConversationReference | None,
) -> None:
    body = msgspec.json.encode({"model": "m", "conversation": conversation})

    assert msgspec.json.decode(body, type=ResponsesRequest).conversation == conversation


def test_a_format_is_flat() -> None:
    body = b'{"model":"m","text":{"format":{"type":"json_schema","name":"x","schema":{}}}}'

    text = msgspec.json.decode(body, type=ResponsesRequest).text

    assert text is not None
    assert text.format is not None
    assert (text.format.name, bytes(text.format.schema)) == ("x", b"{}")


def test_counting_tokens_needs_nothing() -> None:
    assert msgspec.json.decode(b"{}", type=ResponsesInputTokensRequest).model is None
