"""OpenAI's Chat wire: lenient where real clients are loose."""

from __future__ import annotations

import msgspec
import pytest

from wire.openai_chat import ChatChunk, ChatCompletion, ChatMessage, ChatRequest, ContentPart
from wire.raw_json import is_present

SDK_NULLS = dict.fromkeys(
    ("stream", "temperature", "top_p", "n", "stop", "tools", "tool_choice", "user")
)


def test_an_explicit_null_is_the_same_as_an_absent_field() -> None:
    body: dict[str, object] = {"model": "m", "messages": [], **SDK_NULLS}

    request = msgspec.json.decode(msgspec.json.encode(body), type=ChatRequest)

    assert request.temperature is None
    assert not is_present(request.tools)
    assert not is_present(request.tool_choice)


def test_messages_are_kept_byte_for_byte() -> None:
    messages = b'[ {"role":"user", "content":"\\u00e9",  "extra": 1.50} ]'

    request = msgspec.json.decode(b'{"model":"m","messages":' + messages + b"}", type=ChatRequest)

    assert bytes(request.messages) == messages


@pytest.mark.parametrize("stop", ["END", ["a", "b"], None])
def test_stop_is_one_string_or_several(stop: str | list[str] | None) -> None:
    body = msgspec.json.encode({"model": "m", "messages": [], "stop": stop})

    assert msgspec.json.decode(body, type=ChatRequest).stop == stop


def test_a_message_of_an_unknown_role_is_still_read() -> None:
    message = msgspec.json.decode(b'{"role":"narrator","content":"x"}', type=ChatMessage)

    assert message.role == "narrator"


def test_a_part_of_an_unknown_type_is_still_read() -> None:
    part = msgspec.json.decode(b'{"type":"hologram","beams":3}', type=ContentPart)

    assert part.type == "hologram"
    assert part.text is None


def test_a_usage_chunk_has_no_choices() -> None:
    chunk = msgspec.json.decode(
        b'{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,'
        b'"total_tokens":3,"prompt_tokens_details":{"cached_tokens":null}}}',
        type=ChatChunk,
    )

    assert chunk.usage is not None
    assert chunk.usage.total_tokens == 3


def test_an_error_in_mid_stream_is_kept_for_whoever_judges_it() -> None:
    chunk = msgspec.json.decode(
        b'{"error":{"message":"boom","type":"server_error"}}', type=ChatChunk
    )

    assert is_present(chunk.error)


def test_a_vendors_extra_fields_do_no_harm() -> None:
    completion = msgspec.json.decode(
        b'{"id":"x","object":"chat.completion","system_fingerprint":"fp","choices":[{"index":0,'
        b'"message":{"role":"assistant","content":"hi","annotations":[]},"finish_reason":"stop"}]}',
        type=ChatCompletion,
    )

    assert completion.choices[0].message.content == "hi"
