import msgspec
import pytest

from orchestrator.coordination.commands import Live
from orchestrator.driver.answer_collector import AnswerCollector, LiveTap
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCall,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from wire.errors import UpstreamProtocolError

TOOL_TURN: list[AnswerEvent] = [
    TextDelta("Let me see. "),
    ToolCallStarted(0, "c1", "f"),
    ToolArgumentsDelta(0, '{"a"'),
    ToolArgumentsDelta(0, ":1}"),
    ChoiceFinished("stop"),
    UsageReported(Usage(1, 1)),
]


class Tapped:
    """What went out, and how often the tap said that it began."""

    def __init__(self, live: Live, *, unconditional: bool = False) -> None:
        self.out: list[AnswerEvent] = []
        self.began = 0
        self.tap = LiveTap(live, self.out.append, self._begin, unconditional=unconditional)

    def _begin(self) -> None:
        self.began += 1

    def takes(self, events: list[AnswerEvent]) -> list[AnswerEvent]:
        for event in events:
            self.tap.take(event)
        return self.out


def collect(events: list[AnswerEvent], cap: int = 100) -> AnswerCollector:
    collector = AnswerCollector(cap, "p")
    for event in events:
        collector.take(event)
    return collector


def test_text_refusal_and_reason_are_put_together() -> None:
    collector = collect(
        [TextDelta("he"), ReasoningDelta("hm"), TextDelta("llo"), ChoiceFinished("length")]
    )

    assert (collector.text, collector.refusal) == ("hello", None)
    assert collector.finish_reason == "length"
    assert collect([RefusalDelta("n"), RefusalDelta("o")]).refusal == "no"


def test_tool_calls_are_put_together_by_index() -> None:
    collector = collect([ToolCallStarted(1, "c2", "g"), *TOOL_TURN, ToolArgumentsDelta(1, "{}")])

    assert collector.tool_calls == (ToolCall("c2", "g", "{}"), ToolCall("c1", "f", '{"a":1}'))


def test_pieces_with_log_probabilities_are_kept() -> None:
    piece = TextDelta("a", logprobs=msgspec.Raw(b"[1]"))

    assert collect([piece, TextDelta("b")]).deltas_with_logprobs == [piece]


def test_endless_output_is_a_protocol_error() -> None:
    with pytest.raises(UpstreamProtocolError):
        collect([TextDelta("x" * 1000)] * 1000, cap=10)


def test_nothing_of_a_quiet_call_goes_out() -> None:
    tapped = Tapped("no")

    assert tapped.takes(TOOL_TURN) == []
    assert tapped.began == 0


@pytest.mark.requirement("coordination:tools:lead")
def test_a_lead_is_held_back_until_it_calls_a_tool() -> None:
    text, tools = Tapped("tools"), Tapped("tools")

    assert text.takes([TextDelta("an answer"), ChoiceFinished("stop")]) == []
    assert tools.takes(TOOL_TURN) == [*TOOL_TURN[:4], ChoiceFinished("tool_calls")]
    assert (text.began, tools.began) == (0, 1)


def test_a_presenter_begins_with_its_first_words() -> None:
    blank, wordy = Tapped("text"), Tapped("text")

    assert blank.takes([TextDelta(" \n"), ChoiceFinished("stop")]) == []
    assert wordy.takes([TextDelta(" \n"), ReasoningDelta("hm"), TextDelta("hi")]) == [
        TextDelta(" \n"),
        TextDelta("hi"),
    ]


def test_a_presenter_calls_no_tools() -> None:
    assert Tapped("text").takes(TOOL_TURN) == [TextDelta("Let me see. "), ChoiceFinished("stop")]


def test_a_single_models_reply_goes_out_whatever_it_is() -> None:
    tapped = Tapped("text", unconditional=True)

    assert tapped.takes([ReasoningDelta("hm"), ChoiceFinished("stop")]) == [
        ReasoningDelta("hm"),
        ChoiceFinished("stop"),
    ]
