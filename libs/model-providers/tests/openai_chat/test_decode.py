"""What Chat backends answer, as events: transcripts of streams, good and broken."""

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.decode_context import DecodeContext
from model_providers.openai_chat.decode import ChatStreamDecoder, decode_completion
from model_providers.tool_names import ToolName
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from wire.errors import (
    ContextLengthExceededError,
    PlatformError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamUnavailableError,
)
from wire.sse import SseEvent, SseReader

Json = dict[str, Any]


def context() -> DecodeContext:
    ids = itertools.count(1)
    return DecodeContext(
        "vendor", lambda: f"made-{next(ids)}", {"files__read": ToolName("read", "files")}
    )


def sse(*events: Json | str) -> bytes:
    texts = (e if isinstance(e, str) else msgspec.json.encode(e).decode() for e in events)
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def chunk(
    delta: Json | None = None, *, finish: str | None = None, index: int = 0, **extra: object
) -> Json:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice], **extra}


def calls(*deltas: Json) -> Json:
    return chunk({"tool_calls": list(deltas)})


def usage(prompt: int, completion: int, **extra: object) -> Json:
    total = prompt + completion
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    return {**counts, **extra}


def decoded(stream: bytes, pieces: Sequence[int] = ()) -> list[AnswerEvent]:
    """The events of a stream, cut at the given offsets."""
    reader, decoder = SseReader(), ChatStreamDecoder(context())
    events: list[AnswerEvent] = []
    cuts = [0, *sorted(pieces), len(stream)]
    for start, end in itertools.pairwise(cuts):
        for event in reader.feed(stream[start:end]):
            events += decoder.feed(event)
    return [*events, *decoder.end()]


def merged(events: Sequence[AnswerEvent]) -> list[AnswerEvent]:
    """Deltas that follow each other joined, for what does not depend on their sizes."""
    result: list[AnswerEvent] = []
    for event in events:
        last = result[-1] if result else None
        match last, event:
            case ToolArgumentsDelta(index, text), ToolArgumentsDelta(same, more) if same == index:
                result[-1] = ToolArgumentsDelta(index, text + more)
            case _:
                result.append(event)
    return result


STOP = chunk(finish="stop")
FULL = sse(
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "Hm. "}),
    chunk({"content": "Grüße "}),
    chunk({"content": "🌍"}),
    calls({"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}),
    calls({"index": 0, "function": {"arguments": '{"a"'}}),
    calls({"index": 0, "function": {"arguments": ":1}"}}),
    chunk(finish="tool_calls"),
    {
        "id": "chatcmpl-1",
        "choices": [],
        "service_tier": "flex",
        "usage": usage(
            9,
            5,
            prompt_tokens_details={"cached_tokens": 4, "audio_tokens": 0},
            completion_tokens_details={"reasoning_tokens": 2},
        ),
    },
    "[DONE]",
)
FULL_EVENTS: list[AnswerEvent] = [
    ReasoningDelta("Hm. "),
    TextDelta("Grüße "),
    TextDelta("🌍"),
    ToolCallStarted(0, "c1", "f"),
    ToolArgumentsDelta(0, '{"a"'),
    ToolArgumentsDelta(0, ":1}"),
    ChoiceFinished("tool_calls"),
    UsageReported(Usage(9, 5, cached_tokens=4, reasoning_tokens=2), "flex"),
]


def test_a_whole_stream_becomes_its_events() -> None:
    assert decoded(FULL) == FULL_EVENTS


@pytest.mark.requirement("providers:decode:chunking")
@given(st.lists(st.integers(0, len(FULL)), max_size=40))
def test_however_the_stream_is_cut_its_events_are_the_same(cuts: list[int]) -> None:
    assert decoded(FULL, cuts) == FULL_EVENTS


@pytest.mark.requirement("providers:decode:chunking")
def test_one_byte_at_a_time_changes_nothing() -> None:
    assert decoded(FULL, range(len(FULL))) == FULL_EVENTS


@pytest.mark.requirement("providers:errors:typed")
@given(st.integers(0, FULL.index(b'tool_calls"}]') - 1))
def test_a_stream_cut_before_it_says_how_it_finished_is_no_answer(end: int) -> None:
    with pytest.raises(UpstreamProtocolError, match="ended early"):
        decoded(FULL[:end])


@pytest.mark.requirement("providers:decode:tolerance")
@pytest.mark.parametrize(
    "stream",
    [
        sse(chunk({"content": "a"}), chunk(finish="stop", usage=usage(1, 2))),
        sse(chunk({"content": "a"}, usage=usage(1, 1)), chunk(finish="stop", usage=usage(1, 2))),
        sse(chunk({"content": "a"}), STOP, {"choices": [], "usage": usage(1, 2)}, "[DONE]"),
        sse(chunk({"content": "a"}), STOP, {"choices": None, "usage": usage(1, 2)}, "[DONE]"),
        sse(
            chunk({"content": "a", "reasoning": None, "tool_calls": None}, usage=None),
            chunk(finish="stop", usage=usage(1, 2)),
            "[DONE]",
        ),
        sse(
            {"choices": [], "prompt_filter_results": [{"hate": {}}]},
            chunk({"content": "a"}, x_groq={"id": 1}),
            {"choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]},
            {"choices": [], "usage": usage(1, 2)},
        ),
        sse(
            {"choices": [{"delta": {"content": [{"type": "text", "text": "a"}]}}]},
            {"choices": [{"finish_reason": "stop"}], "usage": usage(1, 2)},
        ),
        b": ping\r\n\r\n" + sse(chunk({"content": "a"}, finish="stop", usage=usage(1, 2))),
        sse(STOP, chunk({"content": "a"}, usage=usage(1, 2)), "[DONE] trailing"),
    ],
)
def test_what_backends_leave_out_or_add_changes_nothing(stream: bytes) -> None:
    assert decoded(stream) == [
        TextDelta("a"),
        ChoiceFinished("stop"),
        UsageReported(Usage(1, 2)),
    ]


def test_half_a_count_is_none() -> None:
    stream = sse(chunk({"content": "a"}, finish="stop", usage={"prompt_tokens": None}))

    assert decoded(stream) == [TextDelta("a"), ChoiceFinished("stop")]


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        (usage(5, 3, total_tokens=8), Usage(5, 3)),
        (
            usage(5, 3, total_tokens=10, completion_tokens_details={"reasoning_tokens": 2}),
            Usage(5, 5, reasoning_tokens=2),
        ),
        (usage(5, 3, total_tokens=99), Usage(5, 3)),
        (usage(-5, 3), Usage(0, 3)),
        (usage(5, 3, prompt_tokens_details={"cached_tokens": 9}), Usage(5, 3, cached_tokens=5)),
        (usage(5, 3, prompt_tokens_details={"cached_tokens": None}), Usage(5, 3)),
    ],
)
def test_contradictory_counts_are_read_as_far_as_they_make_sense(
    counted: Json, expected: Usage
) -> None:
    events = decoded(sse(chunk({"content": "a"}, finish="stop", usage=counted)))

    assert events[-1] == UsageReported(expected)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("content_filter", "content_filter"),
        ("function_call", "tool_calls"),
        ("eos", "stop"),
    ],
)
def test_reasons_to_finish_are_told_in_our_words(said: str, expected: str) -> None:
    [finished] = decoded(sse(chunk(finish=said)))

    assert isinstance(finished, ChoiceFinished)
    assert finished.finish_reason == expected


def test_a_stop_after_calls_means_calls() -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}

    assert decoded(sse(calls(call), STOP))[-1] == ChoiceFinished("tool_calls")


def test_a_backends_own_failure_as_a_reason_to_finish_is_an_error() -> None:
    with pytest.raises(UpstreamError):
        decoded(sse(chunk({"content": "a"}), chunk(finish="error")))


def test_refusals_logprobs_and_choices_come_through() -> None:
    logprobs = {"content": [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}]}
    first = chunk({"content": "a"})
    first["choices"][0]["logprobs"] = logprobs

    events = decoded(
        sse(first, chunk({"refusal": "no"}, index=1), STOP, chunk(finish="stop", index=1))
    )

    text, refusal, *finished = events
    assert isinstance(text, TextDelta)
    assert msgspec.json.decode(text.logprobs) == logprobs["content"]
    assert refusal == RefusalDelta("no", 1)
    assert finished == [ChoiceFinished("stop", 0), ChoiceFinished("stop", 1)]


@pytest.mark.requirement("providers:errors:typed")
def test_one_choice_that_never_finishes_fails_the_answer() -> None:
    with pytest.raises(UpstreamProtocolError):
        decoded(sse(chunk({"content": "a"}, index=1), STOP, "[DONE]"))


# ------------------------------------------------------------------------------------ tool calls


@pytest.mark.requirement("providers:decode:tolerance")
@pytest.mark.parametrize(
    "deltas",
    [
        # as OpenAI sends them
        [
            {"index": 0, "id": "a", "type": "function", "function": {"name": "f"}},
            {"index": 0, "function": {"arguments": "{1"}},
            {"index": 0, "function": {"arguments": "}"}},
            {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{2}"}},
        ],
        # no index
        [
            {"id": "a", "function": {"name": "f", "arguments": "{1"}},
            {"function": {"arguments": "}"}},
            {"id": "b", "function": {"name": "g", "arguments": "{2}"}},
        ],
        # no index, the id on each piece
        [
            {"id": "a", "function": {"name": "f", "arguments": "{1"}},
            {"id": "a", "function": {"arguments": "}"}},
            {"id": "b", "function": {"name": "g", "arguments": "{2}"}},
        ],
        # every call has index 0
        [
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{1}"}},
            {"index": 0, "id": "b", "function": {"name": "g", "arguments": "{2}"}},
        ],
        # id and name repeated on each piece
        [
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{1"}},
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}},
            {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{2}"}},
        ],
        # the name after the first arguments
        [
            {"index": 0, "id": "a", "function": {"arguments": "{1"}},
            {"index": 0, "function": {"name": "f", "arguments": "}"}},
            {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{2}"}},
        ],
        # indices that do not begin at 0
        [
            {"index": 1, "id": "a", "function": {"name": "f", "arguments": "{1}"}},
            {"index": 3, "id": "b", "function": {"name": "g", "arguments": "{2}"}},
        ],
    ],
)
def test_tool_calls_are_told_apart_however_they_are_numbered(deltas: list[Json]) -> None:
    events = decoded(sse(*(calls(delta) for delta in deltas), chunk(finish="tool_calls")))

    assert merged(events) == [
        ToolCallStarted(0, "a", "f"),
        ToolArgumentsDelta(0, "{1}"),
        ToolCallStarted(1, "b", "g"),
        ToolArgumentsDelta(1, "{2}"),
        ChoiceFinished("tool_calls"),
    ]


@pytest.mark.requirement("providers:decode:tolerance")
def test_calls_without_an_id_get_one() -> None:
    deltas = [
        {"index": place, "function": {"name": name, "arguments": {"n": place}}}
        for place, name in enumerate(("f", "g"))
    ]

    events = decoded(sse(calls(*deltas), STOP))

    assert events[:4] == [
        ToolCallStarted(0, "made-1", "f"),
        ToolArgumentsDelta(0, '{"n":0}'),
        ToolCallStarted(1, "made-2", "g"),
        ToolArgumentsDelta(1, '{"n":1}'),
    ]


def test_custom_and_namespaced_calls_are_told_in_the_clients_terms() -> None:
    deltas = [
        {"index": 0, "id": "a", "type": "custom", "custom": {"name": "patch", "input": "*"}},
        {"index": 1, "id": "b", "function": {"name": "files__read", "arguments": ""}},
    ]

    events = decoded(sse(calls(*deltas), chunk(finish="tool_calls")))

    assert events[:3] == [
        ToolCallStarted(0, "a", "patch", "custom"),
        ToolArgumentsDelta(0, "*"),
        ToolCallStarted(1, "b", "read", namespace="files"),
    ]


@pytest.mark.requirement("providers:errors:typed")
def test_a_call_that_is_never_named_fails_the_answer() -> None:
    nameless = {"index": 0, "id": "a", "function": {"arguments": "{}"}}

    with pytest.raises(UpstreamProtocolError, match="without a name"):
        decoded(sse(calls(nameless), chunk(finish="tool_calls")))


# ---------------------------------------------------------------------------------------- errors


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"message": "x", "type": "server_error", "code": None}, UpstreamError),
        ({"message": "x", "code": "rate_limit_exceeded"}, UpstreamRateLimitedError),
        ({"message": "x", "code": "context_length_exceeded"}, ContextLengthExceededError),
        ({"message": "x", "code": 503}, UpstreamUnavailableError),
        ("boom", UpstreamError),
    ],
)
def test_an_error_object_in_the_stream_is_raised(
    error: Json | str, expected: type[PlatformError]
) -> None:
    with pytest.raises(expected):
        decoded(sse(chunk({"content": "a"}), {"error": error}))


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize("data", ["{", "[]", "17", "null", '{"choices":[{"index":"x"}]}', "é"])
def test_what_is_not_a_chunk_is_a_protocol_error(data: str) -> None:
    with pytest.raises(UpstreamProtocolError, match="malformed"):
        decoded(sse(chunk({"content": "a"}), data, STOP))


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_bytes_make_it_fail_otherwise(events: list[bytes]) -> None:
    decoder = ChatStreamDecoder(context())

    for data in events:
        try:
            decoder.feed(SseEvent(data))
        except PlatformError:
            return


def test_an_empty_error_is_none() -> None:
    assert decoded(sse(chunk({"content": "a"}, error=None), chunk(finish="stop", error={})))


# --------------------------------------------------------------------------------- whole answers


def completion(message: Json, finish: str | None = "stop", **extra: object) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return msgspec.json.encode({"id": "chatcmpl-1", "choices": [choice], **extra})


def test_a_whole_answer_has_the_events_its_stream_would_have() -> None:
    body = completion(
        {
            "content": "Hi",
            "reasoning_content": "Hm",
            "refusal": None,
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "custom", "custom": {"name": "g", "input": "*"}},
            ],
        },
        "tool_calls",
        usage=usage(3, 4),
        service_tier="default",
    )

    assert decode_completion(body, context()) == [
        ReasoningDelta("Hm"),
        TextDelta("Hi"),
        ToolCallStarted(0, "a", "f"),
        ToolArgumentsDelta(0, "{}"),
        ToolCallStarted(1, "b", "g", "custom"),
        ToolArgumentsDelta(1, "*"),
        ChoiceFinished("tool_calls"),
        UsageReported(Usage(3, 4), "default"),
    ]


@pytest.mark.requirement("providers:decode:tolerance")
def test_a_whole_answer_may_leave_out_what_is_plain() -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    body = msgspec.json.encode({"choices": [{"message": {"tool_calls": [call]}}]})

    assert decode_completion(body, context()) == [
        ToolCallStarted(0, "made-1", "f"),
        ToolArgumentsDelta(0, '{"a":1}'),
        ChoiceFinished("tool_calls"),
    ]


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error":{"message":"x","code":"rate_limit_exceeded"}}', UpstreamRateLimitedError),
        (b'{"error":"boom"}', UpstreamError),
        (b'{"id":"x","choices":[]}', UpstreamProtocolError),
        (b'{"id":"x"}', UpstreamProtocolError),
        (b"", UpstreamProtocolError),
        (b"<html>", UpstreamProtocolError),
        (b'{"choices":[{"index":0,"message":', UpstreamProtocolError),
    ],
)
def test_a_200_that_is_no_answer_is_an_error(body: bytes, expected: type[PlatformError]) -> None:
    with pytest.raises(expected):
        decode_completion(body, context())
