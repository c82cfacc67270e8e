"""A text ends before its stop sequence, however it is cut into pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.stop_sequences import StopSequences
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    TextDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)

STOP = pytest.mark.requirement("providers:stop")
COUNTED = UsageReported(Usage(5, 5))


def cut(events: list[AnswerEvent], *sequences: str) -> list[AnswerEvent]:
    stop = StopSequences(sequences)
    return [*(each for event in events for each in stop.cut(event)), *stop.end()]


def said(events: list[AnswerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@STOP
def test_nothing_follows_a_stop_sequence_but_what_it_cost() -> None:
    events: list[AnswerEvent] = [
        TextDelta("one ST"),
        TextDelta("OP two"),
        ToolCallStarted(0, "c", "f"),
        ChoiceFinished("length"),
        COUNTED,
    ]

    assert cut(events, "STOP") == [TextDelta("one "), ChoiceFinished("stop"), COUNTED]


@STOP
def test_what_only_looked_like_one_is_said() -> None:
    events: list[AnswerEvent] = [TextDelta("a ST"), ToolCallStarted(0, "c", "f")]

    assert cut(events, "STOP") == [
        TextDelta("a "),
        TextDelta("ST"),
        ToolCallStarted(0, "c", "f"),
    ]
    assert said(cut([TextDelta("a ST")], "STOP")) == "a ST"


@STOP
def test_a_piece_in_which_nothing_begins_is_passed_on_as_it_is() -> None:
    event = TextDelta("hello", logprobs=TextDelta("").logprobs)

    assert cut([event], "X")[0] is event


@given(
    text=st.text("abS", max_size=20),
    places=st.lists(st.integers(0, 20), max_size=6),
    sequences=st.lists(st.text("abS", min_size=1, max_size=4), min_size=1, max_size=3),
)
@STOP
def test_any_text_cut_anywhere_ends_at_the_first_sequence(
    text: str, places: list[int], sequences: list[str]
) -> None:
    bounds = sorted({0, len(text), *(min(place, len(text)) for place in places)})
    pieces = [text[start:end] for start, end in itertools.pairwise(bounds)]
    events: list[AnswerEvent] = [*map(TextDelta, pieces), ChoiceFinished("length"), COUNTED]

    out = cut(events, *sequences)

    told = said(out)
    found = any(sequence in text for sequence in sequences)
    assert text.startswith(told)
    assert (told == text) is not found or told == text == ""
    assert not any(sequence in told for sequence in sequences)
    assert out[-2:] == [ChoiceFinished("stop" if found else "length"), COUNTED]
