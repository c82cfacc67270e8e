"""What a summariser is asked, and what passes for a summary."""

from __future__ import annotations

import pytest

from compactor.strategies.failures import LevelFailedError
from compactor.strategies.summary_prompt import (
    checked_summary,
    merge_items,
    summary_items,
    turn_text,
)
from compactor.turns import Turn
from model_providers.token_estimate import estimate_text
from services.compactor.tests.conversations import text_of

GOOD = "## Goal\nRefund order A1001.\n## Facts and identifiers\nCard card_4711."


def check(text: str, *, anchors: tuple[str, ...] = ("A1001",), input_tokens: int = 1000) -> str:
    return checked_summary(
        text, anchors=anchors, input_tokens=input_tokens, budget_tokens=300, count=estimate_text
    )


def reason(text: str, *, anchors: tuple[str, ...] = ("A1001",), input_tokens: int = 1000) -> str:
    with pytest.raises(LevelFailedError) as caught:
        check(text, anchors=anchors, input_tokens=input_tokens)
    return caught.value.reason


def test_a_sectioned_summary_passes_as_it_is() -> None:
    assert check(GOOD) == GOOD


@pytest.mark.requirement("compaction:summary:verified")
def test_an_identifier_it_left_out_is_appended_word_for_word() -> None:
    assert check(GOOD, anchors=("A1001", "Z-9")).endswith("## Also mentioned\nZ-9")


@pytest.mark.requirement("compaction:summary:verified")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("<think>hm</think>", "empty"),
        ("I'm sorry, I cannot help with that.", "not_a_summary"),
        ('{"error": {"message": "overloaded"}}', "not_a_summary"),
        (GOOD + " blah" * 600, "inflated"),
    ],
)
def test_what_is_no_summary_is_refused(text: str, why: str) -> None:
    assert reason(text) == why


def test_a_summary_as_long_as_its_input_is_inflated() -> None:
    assert reason(GOOD, input_tokens=10) == "inflated"


def test_thoughts_and_fences_are_taken_off() -> None:
    assert check(f"<think>What a day</think>\n```markdown\n{GOOD}\n```") == GOOD


def test_prose_that_names_what_matters_passes_without_sections() -> None:
    assert check("The user wants order A1001 refunded.").startswith("The user wants")


def test_the_conversation_is_fenced_and_the_previous_summary_stands_before_it() -> None:
    items = summary_items("OLD", "NEW", budget_tokens=500, instructions="Mind the dates.")

    text = text_of(items)
    assert "Mind the dates." in text
    assert "At most 350 words" in text
    assert text.index("<previous-summary>\nOLD") < text.index("<conversation>\nNEW")
    assert "previous" not in text_of(
        summary_items("", "NEW", budget_tokens=500, instructions=None)[1:]
    )


def test_parts_are_merged_in_order() -> None:
    items = merge_items("OLD", ["first", "second"], budget_tokens=500, instructions=None)

    text = text_of(items[1:])
    assert text.index("OLD") < text.index("first") < text.index("second")


def test_a_turn_says_who_speaks() -> None:
    assert turn_text(Turn("tool", "x", "find"), "x") == "Tool result find: x"
    assert turn_text(Turn("user", "x"), "x") == "User: x"
