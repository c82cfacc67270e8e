"""What the gateway's chat dialect answers, model_providers reads back the same."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.chat.completion import CompletionBuilder
from api_gateway.dialects.chat.encode import ChunkEncoder, Identity
from model_providers.decode_context import DecodeContext
from model_providers.openai_chat.decode import ChatStreamDecoder, decode_completion
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from wire.errors import OverloadedError, PlatformError
from wire.sse import SseReader

if TYPE_CHECKING:
    from collections.abc import Iterable

IDENTITY = Identity("chatcmpl-1", 1_700_000_000, "council", "fp_1")
CONTEXT = DecodeContext("gateway", lambda: "call_made_up")

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
words = texts.filter(bool)
names = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)
usages = st.builds(
    Usage,
    st.integers(100, 10**6),
    st.integers(100, 10**6),
    cached_tokens=st.integers(0, 100),
    reasoning_tokens=st.integers(0, 100),
)


REASONS: list[FinishReason] = ["stop", "length", "content_filter"]


@st.composite
def choice_events(draw: st.DrawFn, choice: int) -> list[AnswerEvent]:
    """One choice from its first word to its end; calls one after another, never interleaved."""
    events: list[AnswerEvent] = draw(
        st.lists(
            st.builds(TextDelta, words, st.just(choice))
            | st.builds(ReasoningDelta, words, st.just(choice))
            | st.builds(RefusalDelta, words, st.just(choice)),
            max_size=5,
        )
    )
    calls = draw(st.lists(st.tuples(names, names, st.booleans(), words), max_size=2, unique_by=lambda c: c[0]))  # fmt: skip  # noqa: E501
    for index, (call_id, name, custom, arguments) in enumerate(calls):
        kind = "custom" if custom else "function"
        events.append(ToolCallStarted(index, f"{call_id}-{choice}", name, kind, choice=choice))
        events.append(ToolArgumentsDelta(index, arguments, choice))
    reason: FinishReason = "tool_calls" if calls else draw(st.sampled_from(REASONS))
    return [*events, ChoiceFinished(reason, choice)]


@st.composite
def answers(draw: st.DrawFn) -> tuple[int, list[AnswerEvent]]:
    """Up to three choices, interleaved, and what they used."""
    count = draw(st.integers(1, 3))
    waiting = [draw(choice_events(choice)) for choice in range(count)]
    merged: list[AnswerEvent] = []
    while any(waiting):
        chosen = draw(st.sampled_from([each for each in waiting if each]))
        merged.append(chosen.pop(0))
    return count, [*merged, UsageReported(draw(usages))]


def meaning(events: Iterable[AnswerEvent]) -> dict[str, object]:
    """What an answer says, however it was cut into pieces."""
    said: dict[str, object] = {}
    for event in events:
        match event:
            case TextDelta() | ReasoningDelta() | RefusalDelta():
                key = f"{event.choice} {type(event).__name__}"
                said[key] = str(said.get(key, "")) + event.text
            case ToolCallStarted():
                said[f"{event.choice} call {event.index}"] = (event.call_id, event.name, event.kind)
            case ToolArgumentsDelta():
                key = f"{event.choice} arguments {event.index}"
                said[key] = str(said.get(key, "")) + event.text
            case ChoiceFinished():
                said[f"{event.choice} finished"] = event.finish_reason
            case UsageReported():
                said["usage"] = event.usage
            case _:
                said["other"] = event
    return said


def cut(data: bytes, edges: list[int]) -> Iterable[bytes]:
    places = [0, *sorted(edge % (len(data) + 1) for edge in edges), len(data)]
    return (data[start:end] for start, end in itertools.pairwise(places))


@given(answers(), st.lists(st.integers(0, 100_000), max_size=8))
@pytest.mark.requirement("contract:chat:answers")
def test_a_stream_cut_anywhere_is_read_as_it_was_meant(
    answer: tuple[int, list[AnswerEvent]], edges: list[int]
) -> None:
    choices, events = answer
    encoder = ChunkEncoder(IDENTITY, choices=choices, include_usage=True)
    data = encoder.opening() + b"".join(map(encoder.encode, events)) + encoder.finish()

    reader, decoder = SseReader(), ChatStreamDecoder(CONTEXT)
    read = [
        event
        for piece in cut(data, edges)
        for frame in reader.feed(piece)
        for event in decoder.feed(frame)
    ]
    read += decoder.end()

    assert meaning(read) == meaning(events)
    assert decoder.done


@given(answers())
@pytest.mark.requirement("contract:chat:answers")
def test_a_whole_answer_is_read_as_it_was_meant(answer: tuple[int, list[AnswerEvent]]) -> None:
    _, events = answer
    builder = CompletionBuilder(IDENTITY)
    for event in events:
        builder.add(event)

    read = decode_completion(builder.encode(), CONTEXT)

    assert meaning(read) == meaning(events)


def test_a_failure_in_the_middle_is_read_as_a_failure() -> None:
    frame = ChunkEncoder(IDENTITY, include_usage=False).failure(OverloadedError("full").info())
    (event,) = SseReader().feed(frame)

    with pytest.raises(PlatformError) as failed:
        ChatStreamDecoder(CONTEXT).feed(event)

    assert failed.value.status == 503
