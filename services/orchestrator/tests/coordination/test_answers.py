import pytest

from orchestrator.coordination.answers import UnusableOutputError, answer_kind
from orchestrator.coordination.events import CallFinished
from wire.conversation import ToolCall

CALL = (ToolCall("c", "f", "{}"),)


def test_text_is_an_answer_and_a_cut_off_text_too() -> None:
    assert answer_kind(CallFinished(0, 1, "hello"), "client") == "text"
    assert answer_kind(CallFinished(0, 1, "hel", "length"), "client") == "text"


def test_refusals_filtered_and_blank_cut_off_output_count_only_if_nobody_has_better() -> None:
    assert answer_kind(CallFinished(0, 1, "", refusal="no"), "client") == "lesser"
    assert answer_kind(CallFinished(0, 1, "half", "content_filter"), "client") == "lesser"
    assert answer_kind(CallFinished(0, 1, "  ", "length"), "client") == "lesser"


def test_tool_calls_count_where_tools_are_the_clients() -> None:
    assert answer_kind(CallFinished(0, 1, "", tool_calls=CALL), "client") == "tools"


@pytest.mark.parametrize("event", [CallFinished(0, 1, " \n"), CallFinished(0, 1, tool_calls=CALL)])
def test_nothing_and_a_withheld_tool_are_no_answer(event: CallFinished) -> None:
    with pytest.raises(UnusableOutputError):
        answer_kind(event, "withheld")
