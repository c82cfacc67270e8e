"""Repairs of answers that are JSON but not quite OpenAI's."""

import msgspec
import pytest

from model_providers.openai_chat import lenient
from wire.openai_chat import ChatChunk, ChatCompletion, CompletionUsage


def test_nulls_are_absences_at_every_depth() -> None:
    chunk = lenient.convert(
        b'{"id":null,"choices":[null,{"index":null,"delta":{"content":null,"role":null}}]}',
        ChatChunk,
    )

    assert chunk is not None
    assert chunk.id == ""
    assert [choice.index for choice in chunk.choices] == [0]
    assert chunk.choices[0].delta.content is None


def test_numbers_written_as_text_are_numbers() -> None:
    chunk = lenient.convert(b'{"choices":[{"index":"2","delta":{}}]}', ChatChunk)

    assert chunk is not None
    assert chunk.choices[0].index == 2


def test_reasoning_that_is_no_text_is_dropped() -> None:
    body = b'{"choices":[{"message":{"content":"a","reasoning":{"steps":[]}}}]}'

    completion = lenient.convert(body, ChatCompletion)

    assert completion is not None
    assert completion.choices[0].message.content == "a"
    assert completion.choices[0].message.reasoning is None


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, CompletionUsage(1, 2, 3)),
        ({"prompt_tokens": 1}, None),
        ({}, None),
        ("none", None),
    ],
)
def test_usage_is_kept_whole_or_not_at_all(usage: object, expected: CompletionUsage | None) -> None:
    chunk = lenient.convert(msgspec.json.encode({"choices": None, "usage": usage}), ChatChunk)

    assert chunk is not None
    assert chunk.usage == expected


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"choices":[{"index":[]}]}'])
def test_what_is_beyond_repair_is_given_up(data: bytes) -> None:
    assert lenient.convert(data, ChatChunk) is None
