import msgspec
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.coordination.commands import Deliver
from orchestrator.driver.delivery import deliver
from wire.conversation import (
    ChoiceFinished,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCall,
    ToolCallStarted,
)


@given(st.text(max_size=2000))
def test_the_pieces_are_the_text_byte_for_byte(text: str) -> None:
    events = list(deliver(Deliver(1, text, "stop")))

    pieces = [event.text for event in events if isinstance(event, TextDelta)]
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= 200 for piece in pieces)
    assert events[-1] == ChoiceFinished("stop")


def test_pieces_end_between_words() -> None:
    events = deliver(Deliver(1, "some words " * 100, "length"))

    pieces = [event.text for event in events if isinstance(event, TextDelta)]
    assert len(pieces) > 3
    assert all(piece.endswith(" ") for piece in pieces)


def test_refusals_and_tool_calls_go_out_whole() -> None:
    call = ToolCall("c", "f", "{}")

    assert list(deliver(Deliver(1, "", "stop", refusal="no"))) == [
        RefusalDelta("no"),
        ChoiceFinished("stop"),
    ]
    assert list(deliver(Deliver(1, "", "stop", tool_calls=(call,)))) == [
        ToolCallStarted(0, "c", "f"),
        ToolArgumentsDelta(0, "{}"),
        ChoiceFinished("tool_calls"),
    ]


def test_log_probabilities_go_out_with_the_pieces_they_came_with() -> None:
    pieces = [TextDelta("a", logprobs=msgspec.Raw(b"[1]")), TextDelta("b")]

    assert list(deliver(Deliver(1, "ab", "stop"), pieces))[:2] == pieces
    assert next(deliver(Deliver(1, "other", "stop"), pieces)) == TextDelta("other")
