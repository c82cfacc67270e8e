"""What the gateway's Responses dialect answers, model_providers reads back the same."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.responses.decode import decode_body
from api_gateway.dialects.responses.encode import ResponseEncoder
from api_gateway.dialects.responses.head import decode_head
from api_gateway.dialects.responses.items import split_input
from api_gateway.dialects.responses.response_object import ResponseEcho, echo_of
from model_providers.decode_context import DecodeContext
from model_providers.openai_responses.decode import ResponsesStreamDecoder, decode_response
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    FinishReason,
    ItemDone,
    ReasoningDelta,
    ReasoningItem,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    ToolKind,
    Usage,
    UsageReported,
)
from wire.errors import OverloadedError, PlatformError
from wire.sse import SseReader

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTEXT = DecodeContext("gateway", lambda: "call_made_up")
REASONS: list[FinishReason] = ["stop", "length", "content_filter"]
KINDS: list[ToolKind] = ["function", "custom"]

words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
names = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)
usages = st.builds(
    Usage,
    st.integers(100, 10**6),
    st.integers(100, 10**6),
    cached_tokens=st.integers(0, 100),
    cache_write_tokens=st.integers(0, 100),
    reasoning_tokens=st.integers(0, 100),
)


def echo() -> ResponseEcho:
    asked = {"model": "m", "input": "x", "include": ["reasoning.encrypted_content"]}
    head = decode_head(json.dumps(asked).encode())
    body = decode_body(head, split_input(head.parameters.input))
    return echo_of(body, response_id="resp_1", created_unix_s=7, shows_reasoning=True)


@st.composite
def answers(draw: st.DrawFn) -> list[AnswerEvent]:
    """Reasoning, words, calls one after another, an end and a count."""
    events: list[AnswerEvent] = []
    if draw(st.booleans()):
        thought = draw(words)
        events += [ReasoningDelta(thought), ItemDone(ReasoningItem((thought,), draw(words)))]
    events += draw(
        st.lists(st.builds(TextDelta, words) | st.builds(RefusalDelta, words), max_size=4)
    )
    called = draw(st.lists(st.tuples(names, names, st.sampled_from(KINDS)), max_size=2))
    for index, (call_id, name, kind) in enumerate(called):
        arguments = draw(words) if kind == "custom" else json.dumps({"a": draw(words)})
        namespace = draw(st.none() | names)
        events.append(ToolCallStarted(index, f"{call_id}{index}", name, kind, namespace))
        events.append(ToolArgumentsDelta(index, arguments))
    reason: FinishReason = "tool_calls" if called else draw(st.sampled_from(REASONS))
    return [*events, ChoiceFinished(reason), UsageReported(draw(usages), "flex")]


def streamed(events: Iterable[AnswerEvent]) -> list[AnswerEvent]:
    encoder, decoder = ResponseEncoder(echo()), ResponsesStreamDecoder(CONTEXT)
    frames = b"".join(map(encoder.encode, events))
    stream = encoder.opening() + frames + encoder.complete(9).frames
    read = [event for each in SseReader().feed(stream) for event in decoder.feed(each)]
    return [*read, *decoder.end()]


def whole(events: Iterable[AnswerEvent]) -> list[AnswerEvent]:
    encoder = ResponseEncoder(echo())
    for event in events:
        encoder.encode(event)
    return decode_response(encoder.complete(9).body, CONTEXT)


def meaning(events: Iterable[AnswerEvent]) -> list[object]:
    """The same events, neighbouring pieces of one kind put together, ids of items left out."""
    told: list[object] = []
    for kind, group in itertools.groupby(events, _kind):
        same = list(group)
        match same[0]:
            case TextDelta() | RefusalDelta() | ReasoningDelta() | ToolArgumentsDelta():
                told.append((kind, "".join(getattr(each, "text", "") for each in same)))
            case ItemDone(item=ReasoningItem() as item):
                told.append((kind, item.summary, item.encrypted_content))
            case _:
                told += same
    return told


def _kind(event: AnswerEvent) -> tuple[object, ...]:
    return (type(event), getattr(event, "index", None))


@given(answers())
@pytest.mark.requirement("contract:responses:answers")
def test_a_streamed_answer_arrives_as_it_was_meant(events: list[AnswerEvent]) -> None:
    assert _without_silence(meaning(streamed(events))) == meaning(events)


@given(answers())
@pytest.mark.requirement("contract:responses:answers")
def test_a_whole_answer_arrives_as_it_was_meant(events: list[AnswerEvent]) -> None:
    assert _without_silence(meaning(whole(events))) == meaning(events)


def _without_silence(told: list[object]) -> list[object]:
    """An answer without a word is an empty text, which says nothing either."""
    return [each for each in told if each != ((TextDelta, None), "")]


@pytest.mark.requirement("contract:responses:answers")
def test_a_failure_arrives_as_one() -> None:
    encoder, decoder = ResponseEncoder(echo()), ResponsesStreamDecoder(CONTEXT)
    stream = encoder.opening() + encoder.encode(TextDelta("Hel"))
    stream += encoder.failure(OverloadedError("busy").info())

    events = list(SseReader().feed(stream))
    for event in events[:-2]:
        decoder.feed(event)

    with pytest.raises(PlatformError) as failed:
        decoder.feed(events[-2])

    assert failed.value.status == 503
