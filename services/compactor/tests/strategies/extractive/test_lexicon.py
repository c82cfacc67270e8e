"""How common words are."""

from __future__ import annotations

import pytest

from compactor.strategies.extractive.lexicon import Commonness, commonness


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("the", Commonness.GRAMMAR),
        ("don't", Commonness.GRAMMAR),
        ("awesome", Commonness.SMALL_TALK),
        ("kitchen", Commonness.EVERYDAY),
        ("kitchens", Commonness.EVERYDAY),
        ("alpaca", Commonness.INFORMATIVE),
        ("midwife", Commonness.INFORMATIVE),
        ("überall", Commonness.INFORMATIVE),
        ("nicht", Commonness.GRAMMAR),
        ("toujours", Commonness.GRAMMAR),
        ("también", Commonness.GRAMMAR),
        # Words of grammar elsewhere that mean something in English.
        ("sin", Commonness.INFORMATIVE),
        ("door", Commonness.INFORMATIVE),
        ("todo", Commonness.INFORMATIVE),
    ],
)
def test_words_are_grammar_small_talk_everyday_or_informative(
    word: str, expected: Commonness
) -> None:
    assert commonness(word) is expected


def test_an_inflected_small_word_is_never_mere_grammar() -> None:
    assert commonness("overs") is Commonness.SMALL_TALK
