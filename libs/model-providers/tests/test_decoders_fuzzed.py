"""Whatever a vendor streams: neutral events or a typed error, never a crash."""

from __future__ import annotations

import contextlib
import itertools
import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_providers.anthropic_messages.decode import MessagesStreamDecoder, decode_message
from model_providers.decode_context import DecodeContext
from model_providers.openai_chat.decode import ChatStreamDecoder, decode_completion
from model_providers.openai_responses.decode import ResponsesStreamDecoder, decode_response
from wire.conversation import AnswerEvent
from wire.errors import PlatformError
from wire.sse import EventTooLargeError, SseEvent, SseReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from model_providers.event_stream import StreamDecoder

CONTEXT = DecodeContext("vendor", lambda: "call_made")
STREAMED: dict[str, Callable[[DecodeContext], StreamDecoder]] = {
    "chat": ChatStreamDecoder,
    "responses": ResponsesStreamDecoder,
    "messages": MessagesStreamDecoder,
}
WHOLE: dict[str, Callable[[bytes, DecodeContext], list[AnswerEvent]]] = {
    "chat": decode_completion,
    "responses": decode_response,
    "messages": decode_message,
}
# Names that the three dialects read, so that what is made up gets beyond the first look.
KEYS = (
    "arguments", "choices", "code", "content", "content_block", "content_index", "created",
    "custom", "delta", "error", "finish_reason", "function", "id", "index", "input",
    "input_tokens", "item", "item_id", "logprobs", "message", "name", "output", "output_index",
    "output_tokens", "part", "partial_json", "reasoning_content", "refusal", "response",
    "sequence_number", "status", "stop_reason", "summary", "text", "thinking", "tool_calls",
    "type", "usage",
)  # fmt: skip
TYPES = (
    "content_block_delta", "content_block_start", "content_block_stop", "error", "function",
    "function_call", "input_json_delta", "message", "message_delta", "message_start",
    "message_stop", "output_text", "reasoning", "response.completed", "response.created",
    "response.failed", "response.function_call_arguments.delta", "response.incomplete",
    "response.output_item.added", "response.output_item.done", "response.output_text.delta",
    "stop", "text", "text_delta", "thinking_delta", "tool_calls", "tool_use",
)  # fmt: skip

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(TYPES)
    | st.text(max_size=5)
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=12,
)


def as_json(kind: str, value: Any) -> bytes:  # noqa: ANN401
    """An event of that type, where it can have one."""
    return json.dumps({"type": kind, **value} if isinstance(value, dict) else value).encode()


data = st.builds(as_json, st.sampled_from(TYPES), values) | st.binary(max_size=20)
events = st.builds(SseEvent, data, st.sampled_from(("", *TYPES)))


@pytest.mark.parametrize("dialect", STREAMED)
@given(streamed=st.lists(events, max_size=6))
@settings(deadline=None)
@pytest.mark.requirement("fuzz:vendor-streams")
def test_any_stream_is_read_or_refused_with_a_typed_error(
    dialect: str, streamed: list[SseEvent]
) -> None:
    decoder = STREAMED[dialect](CONTEXT)

    with contextlib.suppress(PlatformError):
        found = [each for event in streamed for each in decoder.feed(event)]
        found += decoder.end()
        assert all(isinstance(each, AnswerEvent) for each in found)


def read_or_refuse(dialect: str, chunks: list[bytes]) -> None:
    decoder, reader = STREAMED[dialect](CONTEXT), SseReader(max_event_bytes=2000)

    with contextlib.suppress(PlatformError, EventTooLargeError):
        for chunk in chunks:
            for event in reader.feed(chunk):
                assert all(isinstance(each, AnswerEvent) for each in decoder.feed(event))
        decoder.end()


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """In pieces at these places, wherever they are."""
    bounds = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in itertools.pairwise(bounds)]


def frame(name: str, body: bytes, end: bytes) -> bytes:
    return b"event: %b\ndata: %b%b" % (name.encode(), body, end)


frames = st.builds(
    frame,
    st.sampled_from(TYPES),
    data,
    st.sampled_from((b"\n\n", b"\r\n\r\n", b"\n", b"")),
)


@pytest.mark.exhaustive
@pytest.mark.timeout(600)
@pytest.mark.parametrize("dialect", STREAMED)
@given(streamed=st.lists(frames, max_size=10), places=st.lists(st.integers(0, 5000), max_size=8))
@settings(deadline=None, max_examples=3000)
@pytest.mark.requirement("fuzz:vendor-streams")
def test_thousands_of_streams_cut_anywhere_are_read_or_refused(
    dialect: str, streamed: list[bytes], places: list[int]
) -> None:
    read_or_refuse(dialect, cut(b"".join(streamed), places))


# An event that a vendor could send for ever, and what has to come before it.
ENDLESS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "chat": ([], {"id": "x", "choices": [{"index": 0, "delta": {"content": "a" * 100}}]}),
    "responses": (
        [
            {"type": "response.created", "response": {"id": "r"}},
            {
                "type": "response.output_item.added",
                "output_index": 0,
                "item": {"type": "message", "id": "m", "role": "assistant", "content": []},
            },
        ],
        {
            "type": "response.output_text.delta",
            "item_id": "m",
            "output_index": 0,
            "content_index": 0,
            "delta": "a" * 100,
        },
    ),
    "messages": (
        [
            {"type": "message_start", "message": {"usage": {"input_tokens": 1}}},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
        ],
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "a" * 100},
        },
    ),
}


@pytest.mark.parametrize("dialect", ENDLESS)
@pytest.mark.requirement("fuzz:bounded-memory")
def test_a_decoder_does_not_keep_what_it_has_handed_on(dialect: str) -> None:
    before, again = ENDLESS[dialect]
    decoder = STREAMED[dialect](CONTEXT)
    opening = [SseEvent(json.dumps(each).encode(), str(each.get("type", ""))) for each in before]
    event = SseEvent(json.dumps(again).encode(), str(again.get("type", "")))
    for each in (*opening, *[event] * 10):
        list(decoder.feed(each))

    tracemalloc.start()
    told = sum(len(list(decoder.feed(event))) for _ in range(2000))
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert told == 2000
    assert kept_bytes < 20_000


@pytest.mark.parametrize("dialect", WHOLE)
@given(body=data)
@settings(deadline=None)
@pytest.mark.requirement("fuzz:vendor-streams")
def test_any_answer_is_read_or_refused_with_a_typed_error(dialect: str, body: bytes) -> None:
    with contextlib.suppress(PlatformError):
        assert all(isinstance(each, AnswerEvent) for each in WHOLE[dialect](body, CONTEXT))


MARKS = (b"data:", b"data: ", b"\n", b"\r", b"\r\n", b":", b"event: x", b"id: 1", b"\xef\xbb\xbf")
pieces = st.sampled_from(MARKS) | st.binary(max_size=60)


@given(chunks=st.lists(pieces, max_size=100))
@settings(deadline=None)
@pytest.mark.requirement("fuzz:bounded-memory")
def test_a_reader_never_holds_more_than_its_bound(chunks: list[bytes]) -> None:
    reader = SseReader(max_event_bytes=200)

    with contextlib.suppress(EventTooLargeError):
        for chunk in chunks:
            list(reader.feed(chunk))
            assert len(reader._buffer) <= 200
            assert sum(len(line) + 1 for line in reader._data) <= 200
