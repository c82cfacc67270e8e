"""The history as one text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compactor.history import History
from compactor.memory import FOOT, HEAD, Remembered, remember
from compactor.turns import Turn, turns_of
from model_providers.token_estimate import estimate_text
from services.compactor.tests.conversations import planted_conversation, written_chat

TURNS = tuple(turns_of(written_chat("friends_a")[0]))
HISTORY = History(TURNS)


def test_everything_stands_when_there_is_room() -> None:
    memory = remember(Remembered(HISTORY), 100_000, estimate_text)

    assert memory.complete
    assert memory.text.startswith(HEAD)
    assert memory.text.endswith(FOOT)
    assert f"U» {TURNS[0].text}\n" in memory.text


@given(st.integers(150, 3000))
@settings(max_examples=30)
@pytest.mark.requirement("compaction:guarantee:budget")
def test_the_text_stays_within_its_budget(budget: int) -> None:
    memory = remember(Remembered(HISTORY), budget, estimate_text, question="What about the dog?")

    assert estimate_text(memory.text) <= budget


def test_condensed_turns_are_marked_and_verbatim_ones_are_the_turn() -> None:
    memory = remember(
        Remembered(HISTORY), 600, estimate_text, question="What does Nora keep in the bowl?"
    )

    lines = memory.text.removeprefix(HEAD).removesuffix(FOOT).splitlines()
    texts = {turn.text for turn in TURNS}
    assert memory.recalled
    assert not memory.complete
    assert all(line[3:] in texts for line in lines if line[1] == "»")
    assert all(line[1] in "»:" for line in lines)
    assert any("keep my keys" in line for line in lines if line[1] == "»")


@pytest.mark.requirement("compaction:recall:question")
def test_the_question_decides_what_stands_verbatim() -> None:
    messages, values = planted_conversation(60, facts=6)
    turns = turns_of(messages)

    for name, value in values.items():
        question = f"What is the value of {name}?"
        memory = remember(Remembered(History(turns)), 900, estimate_text, question=question)
        assert f"The value of {name} is {value}." in memory.text


def test_pinned_words_and_summary_stand_before_the_rest() -> None:
    memory = remember(
        Remembered(
            History(TURNS, summarised=10), summary="## Goal\nFriendship", pinned=("Always so.",)
        ),
        800,
        estimate_text,
    )

    text = memory.text.removeprefix(HEAD)
    assert text.index("- Always so.") < text.index("## Goal") < text.index("U: ")


def test_turns_that_stand_elsewhere_are_not_told_again() -> None:
    turns = (Turn("user", "alpha beta"), Turn("assistant", "gamma delta"))

    memory = remember(Remembered(History(turns), skip=frozenset({0})), 500, estimate_text)

    assert "alpha" not in memory.text
    assert "A» gamma delta" in memory.text


def test_there_is_no_memory_of_nothing() -> None:
    assert remember(Remembered(History(())), 500, estimate_text).text == ""
    assert (
        "- Always."
        in remember(Remembered(History(()), pinned=("Always.",)), 500, estimate_text).text
    )


def test_what_was_thinned_before_is_never_called_complete() -> None:
    turns = (Turn("user", "left over words", thinned=True),)

    memory = remember(Remembered(History(turns)), 500, estimate_text, question="left over?")

    assert "U: left over words" in memory.text
    assert "»" not in memory.text.removeprefix(HEAD)


def test_results_bear_the_name_of_their_tool() -> None:
    turns = (Turn("call", '{"q":1}', "find"), Turn("tool", "found", "find"))

    memory = remember(Remembered(History(turns)), 500, estimate_text)

    assert 'C» find {"q":1}\n' in memory.text
    assert "T find» found\n" in memory.text


def test_a_very_long_question_is_read_at_both_ends() -> None:
    messages, values = planted_conversation(80, facts=2)
    name, value = next(iter(values.items()))
    question = "filler " * 3000 + f" What is the value of {name}?"

    memory = remember(
        Remembered(History(turns_of(messages))), 700, estimate_text, question=question
    )

    assert f"{name} is {value}" in memory.text


@pytest.mark.requirement("compaction:recall:question")
def test_a_history_many_times_larger_than_the_room_is_told_from_its_digest() -> None:
    messages, values = planted_conversation(150, facts=5)
    history = History(turns_of(messages))

    for name, value in values.items():
        question = f"What is the value of {name}?"
        memory = remember(Remembered(history), 700, estimate_text, question=question)
        assert f"The value of {name} is {value}." in memory.text
        assert 0.9 * 700 <= estimate_text(memory.text) <= 700
        assert not memory.complete
