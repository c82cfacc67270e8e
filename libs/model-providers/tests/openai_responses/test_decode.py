"""What Responses backends answer, as events; each says another part of it."""

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.decode_context import DecodeContext
from model_providers.openai_responses.decode import ResponsesStreamDecoder, decode_response
from model_providers.tool_names import ToolName
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    CompactionItem,
    ItemDone,
    OtherItem,
    ReasoningDelta,
    ReasoningItem,
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
)
from wire.sse import SseEvent, SseReader

Json = dict[str, Any]


def context() -> DecodeContext:
    ids = itertools.count(1)
    return DecodeContext(
        "vendor", lambda: f"made-{next(ids)}", {"files__read": ToolName("read", "files")}
    )


def event(kind: str, **fields: object) -> Json:
    return {"type": f"response.{kind}" if kind != "error" else kind, **fields}


def sse(*events: Json) -> bytes:
    frames = (
        f"event: {e['type']}\ndata: {msgspec.json.encode(e | {'sequence_number': n}).decode()}\n\n"
        for n, e in enumerate(events)
    )
    return "".join(frames).encode()


def decoded(stream: bytes, cuts: Sequence[int] = ()) -> list[AnswerEvent]:
    reader, decoder = SseReader(), ResponsesStreamDecoder(context())
    events: list[AnswerEvent] = []
    for start, end in itertools.pairwise([0, *sorted(cuts), len(stream)]):
        for read in reader.feed(stream[start:end]):
            events += decoder.feed(read)
    return [*events, *decoder.end()]


MESSAGE: Json = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Grüße 🌍", "annotations": []}],
}
REASONING: Json = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Hm"}, {"type": "summary_text", "text": "Ja"}],
    "encrypted_content": "sealed",
}
CALL: Json = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "c1",
    "name": "f",
    "arguments": '{"a":1}',
}
USAGE: Json = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 14,
}


def response(*output: Json, status: str = "completed", **fields: object) -> Json:
    return {"id": "resp_1", "status": status, "output": list(output), "usage": USAGE, **fields}


FINAL = event("completed", response=response(REASONING, MESSAGE, CALL, service_tier="flex"))
OPENING = (
    event("created", response=response(status="in_progress", usage=None)),
    event("in_progress", response=response(status="in_progress", usage=None)),
)
FULL = sse(
    *OPENING,
    event("output_item.added", output_index=0, item={**REASONING, "summary": []}),
    event("reasoning_summary_part.added", output_index=0, summary_index=0),
    event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="Hm"),
    event("reasoning_summary_part.added", output_index=0, summary_index=1),
    event("reasoning_summary_text.delta", output_index=0, summary_index=1, delta="Ja"),
    event("output_item.done", output_index=0, item=REASONING),
    event("output_item.added", output_index=1, item={**MESSAGE, "content": []}),
    event("content_part.added", output_index=1, part={"type": "output_text", "text": ""}),
    event("output_text.delta", output_index=1, delta="Grüße ", logprobs=[]),
    event("output_text.delta", output_index=1, delta="🌍"),
    event("output_text.done", output_index=1, text="Grüße 🌍"),
    event("output_item.done", output_index=1, item=MESSAGE),
    event("output_item.added", output_index=2, item=CALL | {"arguments": ""}),
    event("function_call_arguments.delta", output_index=2, delta='{"a":1}'),
    event("function_call_arguments.done", output_index=2, arguments='{"a":1}'),
    event("output_item.done", output_index=2, item=CALL),
    FINAL,
)
FULL_EVENTS: list[AnswerEvent] = [
    ReasoningDelta("Hm"),
    ReasoningDelta("\n\n"),
    ReasoningDelta("Ja"),
    ItemDone(ReasoningItem(("Hm", "Ja"), "sealed", "rs_1")),
    TextDelta("Grüße "),
    TextDelta("🌍"),
    ToolCallStarted(0, "c1", "f"),
    ToolArgumentsDelta(0, '{"a":1}'),
    ChoiceFinished("tool_calls"),
    UsageReported(Usage(9, 5, cached_tokens=4, cache_write_tokens=1, reasoning_tokens=2), "flex"),
]


def said(events: Sequence[AnswerEvent]) -> tuple[str, str, str]:
    """Reasoning, text and arguments, joined."""
    return (
        "".join(e.text for e in events if isinstance(e, ReasoningDelta)),
        "".join(e.text for e in events if isinstance(e, TextDelta)),
        "".join(e.text for e in events if isinstance(e, ToolArgumentsDelta)),
    )


def test_a_whole_stream_becomes_its_events() -> None:
    assert decoded(FULL) == FULL_EVENTS


@pytest.mark.requirement("providers:decode:chunking")
@given(st.lists(st.integers(0, len(FULL)), max_size=40))
def test_however_the_stream_is_cut_its_events_are_the_same(cuts: list[int]) -> None:
    assert decoded(FULL, cuts) == FULL_EVENTS


@pytest.mark.requirement("providers:errors:typed")
@given(st.integers(0, FULL.rindex(b"event: ") - 1))
def test_a_stream_without_its_final_response_is_no_answer(end: int) -> None:
    with pytest.raises(UpstreamProtocolError, match="ended early"):
        decoded(FULL[:end])


@pytest.mark.requirement("providers:decode:tolerance")
@pytest.mark.parametrize(
    "stream",
    [
        sse(FINAL),
        sse(
            event("output_item.done", output_index=0, item=REASONING),
            event("output_item.done", output_index=1, item=MESSAGE),
            event("output_item.done", output_index=2, item=CALL),
            event("completed", response=response()),
        ),
        sse(
            event("output_item.added", output_index=2, item=CALL),
            event("output_item.done", output_index=1, item=MESSAGE),
            FINAL,
        ),
        FULL + b"data: [DONE]\n\n",
        FULL.replace(b"event: ", b": "),
    ],
)
def test_whatever_part_a_backend_sends_the_answer_is_said_once(stream: bytes) -> None:
    events = decoded(stream)

    assert said(events) == ("Hm\n\nJa", "Grüße 🌍", '{"a":1}')
    assert [e.name for e in events if isinstance(e, ToolCallStarted)] == ["f"]
    assert events[-2] == ChoiceFinished("tool_calls")


def test_refusals_custom_and_namespaced_calls_come_through() -> None:
    custom = {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "*"}
    read = {"type": "function_call", "name": "read", "namespace": "files", "arguments": ""}
    flat = {"type": "function_call", "call_id": "c3", "name": "files__read", "arguments": "{}"}

    events = decoded(
        sse(
            event("refusal.delta", output_index=0, delta="No."),
            event("output_item.added", output_index=1, item=custom | {"input": ""}),
            event("custom_tool_call_input.delta", output_index=1, delta="*"),
            event("completed", response=response(MESSAGE, custom, read, flat)),
        )
    )

    assert events[:6] == [
        RefusalDelta("No."),
        ToolCallStarted(0, "c1", "patch", "custom"),
        ToolArgumentsDelta(0, "*"),
        ToolCallStarted(1, "made-1", "read", namespace="files"),
        ToolCallStarted(2, "c3", "read", namespace="files"),
        ToolArgumentsDelta(2, "{}"),
    ]


def test_whole_items_come_through_as_items() -> None:
    computer = {"type": "computer_call", "id": "cu_1", "action": {"type": "click"}}
    compaction = {"type": "compaction", "id": "cmp_1", "encrypted_content": "sealed"}

    first, second, *_ = decoded(
        sse(
            event("output_item.done", output_index=0, item=computer),
            event("output_item.done", output_index=1, item=compaction),
            event("completed", response=response()),
        )
    )

    assert isinstance(first, ItemDone)
    assert isinstance(first.item, OtherItem)
    assert msgspec.json.decode(first.item.raw) == computer
    assert second == ItemDone(CompactionItem("sealed", "cmp_1"))


def test_logprobs_are_kept_where_there_are_any() -> None:
    [text, *_] = decoded(
        sse(
            event("output_text.delta", output_index=0, delta="a", logprobs=[{"token": "a"}]),
            event("completed", response=response()),
        )
    )

    assert isinstance(text, TextDelta)
    assert msgspec.json.decode(text.logprobs) == [{"token": "a"}]


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"reason": "max_output_tokens"}, "length"),
        ({"reason": "content_filter"}, "content_filter"),
        (None, "length"),
    ],
)
def test_an_incomplete_response_says_why(details: Json | None, expected: str) -> None:
    final = response(MESSAGE, status="incomplete", incomplete_details=details)

    [finished] = [
        e
        for e in decoded(sse(event("incomplete", response=final)))
        if isinstance(e, ChoiceFinished)
    ]

    assert finished.finish_reason == expected


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (event("error", code="rate_limit_exceeded", message="x"), UpstreamRateLimitedError),
        (event("error", error={"code": "server_error", "message": "x"}), UpstreamError),
        (
            event(
                "failed",
                response=response(
                    status="failed", error={"code": "context_length_exceeded", "message": "x"}
                ),
            ),
            ContextLengthExceededError,
        ),
        (event("failed", response=response(status="failed", error=None)), UpstreamError),
        (event("failed"), UpstreamError),
    ],
)
def test_a_failure_in_the_stream_is_raised(failure: Json, expected: type[PlatformError]) -> None:
    with pytest.raises(expected):
        decoded(sse(*OPENING, failure))


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize(
    "broken",
    [
        b"data: {\n\n",
        b"data: 7\n\n",
        sse(event("output_text.delta", output_index=0)),
        sse(event("output_text.delta", output_index=0, delta=7)),
        sse(event("function_call_arguments.delta", output_index=0, delta="{}")),
        sse(event("output_item.done", output_index=0)),
        sse(event("output_item.added", output_index=0, item={"type": "function_call"})),
    ],
)
def test_what_is_not_this_dialect_is_a_protocol_error(broken: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        decoded(broken + sse(FINAL))


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_bytes_make_it_fail_otherwise(events: list[bytes]) -> None:
    decoder = ResponsesStreamDecoder(context())

    for data in events:
        try:
            decoder.feed(SseEvent(data))
        except PlatformError:
            return


def test_a_whole_answer_has_the_events_its_stream_would_have() -> None:
    body = msgspec.json.encode(response(REASONING, MESSAGE, CALL, error=None))

    events = decode_response(body, context())

    assert said(events) == ("Hm\n\nJa", "Grüße 🌍", '{"a":1}')
    assert events[-2:] == [
        ChoiceFinished("tool_calls"),
        UsageReported(Usage(9, 5, cached_tokens=4, cache_write_tokens=1, reasoning_tokens=2)),
    ]


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error":{"message":"x","code":"rate_limit_exceeded"}}', UpstreamRateLimitedError),
        (b'{"status":"failed","error":{"code":"server_error","message":"x"}}', UpstreamError),
        (b'{"status":"cancelled"}', UpstreamError),
        (b"{}", UpstreamProtocolError),
        (b"", UpstreamProtocolError),
        (b"<html>", UpstreamProtocolError),
        (b'{"status":"completed","output":[{}]}', UpstreamProtocolError),
    ],
)
def test_a_200_that_is_no_answer_is_an_error(body: bytes, expected: type[PlatformError]) -> None:
    with pytest.raises(expected):
        decode_response(body, context())
