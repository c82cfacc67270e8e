"""What an Anthropic backend answers, as events."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.anthropic_messages.decode import MessagesStreamDecoder, decode_message
from model_providers.decode_context import DecodeContext
from model_providers.tool_names import ToolName
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    ReasoningDelta,
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
    UpstreamRejectedError,
    UpstreamUnavailableError,
)
from wire.sse import SseEvent, SseReader

CONTEXT = DecodeContext(
    "vendor",
    lambda: "call_new",
    {"sky__rain": ToolName("rain", "sky")},
    free_text_tools={"patch": "input"},
)
ANSWERS = DecodeContext("vendor", lambda: "call_new", answer_tool="answer")


def start(index: int, **block: object) -> dict[str, object]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **fields: object) -> dict[str, object]:
    return {"type": "content_block_delta", "index": index, "delta": fields}


def stop(index: int) -> dict[str, object]:
    return {"type": "content_block_stop", "index": index}


def begun(**usage: object) -> dict[str, object]:
    message: dict[str, object] = {"id": "msg_1", "type": "message", "content": [], "usage": usage}
    return {"type": "message_start", "message": message}


def ended(reason: str | None = "end_turn", **usage: object) -> dict[str, object]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


DONE: dict[str, object] = {"type": "message_stop"}


def decoded(*events: object, context: DecodeContext = CONTEXT) -> list[AnswerEvent]:
    decoder = MessagesStreamDecoder(context)
    answer: list[AnswerEvent] = []
    for event in events:
        answer += decoder.feed(SseEvent(msgspec.json.encode(event)))
    return [*answer, *decoder.end()]


def test_text_comes_as_it_is_said() -> None:
    events = decoded(
        begun(input_tokens=10, output_tokens=1),
        {"type": "ping"},
        start(0, type="text", text="Hel"),
        delta(0, type="text_delta", text="lo"),
        stop(0),
        ended(output_tokens=5),
        DONE,
    )

    assert events == [
        TextDelta("Hel"),
        TextDelta("lo"),
        ChoiceFinished("stop"),
        UsageReported(Usage(10, 5)),
    ]


def test_all_input_counts_cached_or_not() -> None:
    events = decoded(
        begun(
            input_tokens=10,
            cache_read_input_tokens=100,
            cache_creation_input_tokens=1_000,
            output_tokens=1,
            service_tier="priority",
        ),
        ended(output_tokens=7, input_tokens=20, output_tokens_details={"thinking_tokens": 9}),
        DONE,
    )

    assert events[-1] == UsageReported(Usage(1_120, 7, 100, 1_000, 7), "priority")


@pytest.mark.parametrize(
    ("theirs", "tier"), [("standard", "default"), ("batch", "flex"), ("unheard_of", None)]
)
def test_a_tier_has_the_name_that_our_clients_know(theirs: str, tier: str | None) -> None:
    events = decoded(
        begun(input_tokens=1, output_tokens=1, service_tier=theirs), ended(output_tokens=2), DONE
    )

    assert events[-1] == UsageReported(Usage(1, 2), tier)


def test_output_that_was_never_counted_is_no_count() -> None:
    events = decoded(begun(input_tokens=10, output_tokens=1), ended(), DONE)

    assert events == [ChoiceFinished("stop")]


def test_thoughts_come_before_words_and_seals_are_left_out() -> None:
    events = decoded(
        start(0, type="thinking", thinking="", signature=""),
        delta(0, type="thinking_delta", thinking="Hm."),
        delta(0, type="signature_delta", signature="sealed"),
        stop(0),
        start(1, type="redacted_thinking", data="sealed"),
        stop(1),
        start(2, type="text", text=""),
        delta(2, type="text_delta", text="Yes."),
        stop(2),
        ended(),
    )

    assert events == [ReasoningDelta("Hm."), TextDelta("Yes."), ChoiceFinished("stop")]


def test_calls_are_numbered_and_their_pieces_join() -> None:
    events = decoded(
        start(0, type="text", text="Looking."),
        stop(0),
        start(1, type="tool_use", id="t1", name="sky__rain", input={}),
        delta(1, type="input_json_delta", partial_json=""),
        delta(1, type="input_json_delta", partial_json='{"at"'),
        delta(1, type="input_json_delta", partial_json=":1}"),
        stop(1),
        start(2, type="tool_use", name="now", input={}),
        stop(2),
        start(3, type="tool_use", id="t3", name="at", input={"x": 1}),
        stop(3),
        ended("tool_use"),
    )

    assert events == [
        TextDelta("Looking."),
        ToolCallStarted(0, "t1", "rain", "function", "sky"),
        ToolArgumentsDelta(0, '{"at"'),
        ToolArgumentsDelta(0, ":1}"),
        ToolCallStarted(1, "call_new", "now"),
        ToolArgumentsDelta(1, "{}"),
        ToolCallStarted(2, "t3", "at"),
        ToolArgumentsDelta(2, '{"x":1}'),
        ChoiceFinished("tool_calls"),
    ]


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (['{"input":"a\\n', 'b"}'], "a\nb"),
        (['{"other":1}'], '{"other":1}'),
        (['{"input"'], '{"input"'),
        (['{"input":""}'], ""),
    ],
)
def test_free_text_is_unwrapped_once_it_is_whole(pieces: list[str], text: str) -> None:
    events = decoded(
        start(0, type="tool_use", id="t1", name="patch", input={}),
        *(delta(0, type="input_json_delta", partial_json=piece) for piece in pieces),
        stop(0),
        ended("tool_use"),
    )

    assert events[0] == ToolCallStarted(0, "t1", "patch", "custom")
    assert events[1:-1] == ([ToolArgumentsDelta(0, text)] if text else [])


def test_an_answer_by_tool_is_text_and_words_beside_it_are_not() -> None:
    events = decoded(
        start(0, type="text", text="Here you are:"),
        stop(0),
        start(1, type="tool_use", id="t1", name="answer", input={}),
        delta(1, type="input_json_delta", partial_json='{"n":'),
        delta(1, type="input_json_delta", partial_json="1}"),
        stop(1),
        ended("tool_use"),
        context=ANSWERS,
    )

    assert events == [TextDelta('{"n":'), TextDelta("1}"), ChoiceFinished("stop")]


def test_words_stand_for_an_answer_that_no_tool_took() -> None:
    words = (start(0, type="text", text="Sorry."), stop(0))
    call = (start(1, type="tool_use", id="t1", name="now", input={}), stop(1))

    refused = decoded(*words, ended(), context=ANSWERS)
    called = decoded(*words, *call, ended("tool_use"), context=ANSWERS)

    assert refused == [TextDelta("Sorry."), ChoiceFinished("stop")]
    assert called[-1] == ChoiceFinished("tool_calls")
    assert ToolCallStarted(0, "t1", "now") in called


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("tool_use", "stop"),
        ("something_new", "stop"),
    ],
)
def test_each_reason_has_ours(reason: str, expected: str) -> None:
    assert decoded(ended(reason))[0] == ChoiceFinished(expected)  # pyright: ignore[reportArgumentType]


@pytest.mark.requirement("providers:decode:tolerance")
def test_what_is_unknown_or_null_is_passed_over() -> None:
    events = decoded(
        {"type": "message_start", "message": None},
        {"type": "sim.new", "delta": {"text": None}},
        {"error": None},
        start(0, type="server_tool_use", id="s", name="web_search", input={}),
        delta(0, type="input_json_delta", partial_json="{}"),
        stop(0),
        stop(9),
        delta(9, type="citations_delta", citation={"type": "x"}),
        {"type": "content_block_start", "index": 0},
        ended(),
    )

    assert events == [ChoiceFinished("stop")]


ERRORS: list[tuple[str, type[PlatformError]]] = [
    ("overloaded_error", UpstreamUnavailableError),
    ("api_error", UpstreamError),
    ("timeout_error", UpstreamError),
    ("rate_limit_error", UpstreamRateLimitedError),
    ("billing_error", UpstreamRateLimitedError),
    ("not_found_error", UpstreamRejectedError),
    ("request_too_large", UpstreamRejectedError),
]


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize(("kind", "expected"), ERRORS)
def test_an_error_in_the_middle_has_its_type(kind: str, expected: type[PlatformError]) -> None:
    error = {"type": "error", "error": {"type": kind, "message": "theirs"}}

    with pytest.raises(expected):
        decoded(start(0, type="text", text="a"), error)
    with pytest.raises(expected):
        decode_message(msgspec.json.encode(error), CONTEXT)


def test_too_long_a_prompt_is_known_by_its_words() -> None:
    said = "prompt is too long: 210000 tokens > 200000 maximum"
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": said}}

    with pytest.raises(ContextLengthExceededError):
        decode_message(msgspec.json.encode(error), CONTEXT)


@pytest.mark.parametrize(
    "events",
    [
        (),
        (start(0, type="text", text="a"), stop(0), DONE),
        (start(0, type="tool_use", id="t1", input={}),),
        (5,),
        ({"type": 5},),
    ],
)
def test_what_is_no_answer_is_a_fault_of_the_vendors(events: tuple[Any, ...]) -> None:
    with pytest.raises(UpstreamProtocolError):
        decoded(*events)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"type":"completion"}', b'{"type":"message","content":5}', b"\xff"]
)
def test_a_body_that_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        decode_message(body, CONTEXT)


STREAM = b"".join(
    b"event: x\ndata: " + msgspec.json.encode(event) + b"\n\n"
    for event in (
        begun(input_tokens=3, output_tokens=1),
        start(0, type="thinking", thinking="Hm"),
        stop(0),
        start(1, type="text", text=""),
        delta(1, type="text_delta", text="Grüße, 世界"),
        stop(1),
        start(2, type="tool_use", id="t1", name="patch", input={}),
        delta(2, type="input_json_delta", partial_json='{"input":"x"}'),
        stop(2),
        ended("tool_use", output_tokens=9),
        DONE,
    )
)
MESSAGE = msgspec.json.encode(
    {
        "type": "message",
        "content": [
            {"type": "thinking", "thinking": "Hm"},
            {"type": "text", "text": "Grüße, 世界"},
            {"type": "tool_use", "id": "t1", "name": "patch", "input": {"input": "x"}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 9},
    }
)


def test_a_whole_message_has_the_events_of_its_stream() -> None:
    reader, decoder = SseReader(), MessagesStreamDecoder(CONTEXT)
    streamed = [out for event in reader.feed(STREAM) for out in decoder.feed(event)]

    assert decode_message(MESSAGE, CONTEXT) == [*streamed, *decoder.end()]


@pytest.mark.requirement("providers:decode:chunking")
@given(st.lists(st.integers(0, len(STREAM)), max_size=9).map(sorted))
def test_however_the_stream_is_cut_its_events_are_the_same(cuts: list[int]) -> None:
    reader, decoder = SseReader(), MessagesStreamDecoder(CONTEXT)
    answer: list[AnswerEvent] = []
    for begin, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
        for event in reader.feed(STREAM[begin:end]):
            answer += decoder.feed(event)

    assert [*answer, *decoder.end()] == decode_message(MESSAGE, CONTEXT)
    assert decoder.done


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "type",
                        "index",
                        "delta",
                        "content_block",
                        "message",
                        "usage",
                        "error",
                        "text",
                        "partial_json",
                        "input",
                        "name",
                        "content",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_whatever_brings_the_decoder_down(value: object) -> None:
    for events in ((value,), (value, ended())):
        with suppress(PlatformError):
            decoded(*events)
    with suppress(PlatformError):
        decode_message(msgspec.json.encode(value), CONTEXT)
