from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.driver.retelling import Retelling, ToldDifferentlyError
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    ReasoningDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
)
from wire.coordination import RunEvent, RunProgress, RunStarted

BEGINNING: list[RunEvent] = [RunStarted("r"), RunProgress("thinking")]


def retold(said: list[RunEvent], again: list[AnswerEvent]) -> list[AnswerEvent]:
    retelling = Retelling([*BEGINNING, *said])
    return [news for event in again if (news := retelling.take(event)) is not None]


def text_of(events: list[AnswerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def cut(text: str, at: list[int]) -> list[TextDelta]:
    bounds = [0, *sorted({place % (len(text) + 1) for place in at}), len(text)]
    return [TextDelta(text[a:b]) for a, b in pairwise(bounds) if a < b]


@given(st.text(min_size=1), st.integers(0, 100), st.lists(st.integers(0, 100)))
@pytest.mark.requirement("orchestrator:runs:replay")
def test_whatever_the_pieces_what_is_said_twice_is_heard_once(
    text: str, heard: int, at: list[int]
) -> None:
    said = text[: heard % (len(text) + 1)]

    news = retold([*cut(said, at)], [*cut(text, at), ChoiceFinished("stop")])

    assert said + text_of(news) == text
    assert news[-1] == ChoiceFinished("stop")


def test_another_answer_is_refused() -> None:
    with pytest.raises(ToldDifferentlyError):
        retold([TextDelta("blue because")], [TextDelta("blue, "), TextDelta("as")])


def test_an_answer_that_ends_before_what_was_said_is_refused() -> None:
    with pytest.raises(ToldDifferentlyError):
        retold([TextDelta("blue because")], [TextDelta("blue"), ChoiceFinished("stop")])


def test_thoughts_may_differ() -> None:
    said: list[RunEvent] = [ReasoningDelta("hm"), TextDelta("bl")]

    assert retold(said, [ReasoningDelta("well"), TextDelta("blue")]) == [TextDelta("ue")]


def test_tool_calls_go_on_within_their_arguments() -> None:
    started = ToolCallStarted(0, "c", "look")

    news = retold(
        [started, ToolArgumentsDelta(0, '{"a')], [started, ToolArgumentsDelta(0, '{"a": 1}')]
    )

    assert news == [ToolArgumentsDelta(0, '": 1}')]


def test_a_tool_call_of_another_id_is_another_answer() -> None:
    with pytest.raises(ToldDifferentlyError):
        retold([ToolCallStarted(0, "c1", "look")], [ToolCallStarted(0, "c2", "look")])
