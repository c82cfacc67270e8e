"""Text without a model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_sim import prose
from provider_sim.stable_hash import seeded


def test_an_answer_takes_up_the_words_of_the_question() -> None:
    text = prose.answer_text(seeded(1), "How do glaciers carve valleys in mountains?")

    assert any(word in text for word in ("glaciers", "carve", "valleys", "mountains"))


@given(st.text(max_size=300), st.integers())
def test_any_question_gets_a_few_sentences(question: str, seed: int) -> None:
    text = prose.answer_text(seeded(seed), question)

    assert 3 <= text.count(".") <= 8
    assert text == prose.answer_text(seeded(seed), question)


@given(st.text(max_size=12), st.integers())
def test_dissent_and_error_never_contain_the_right_answer(avoid: str, seed: int) -> None:
    if avoid:
        assert avoid not in prose.dissenting_text(seeded(seed), avoid)
        assert avoid not in prose.wrong_text(seeded(seed), avoid)


@pytest.mark.parametrize("length", [0, 1, 500])
def test_text_can_have_any_number_of_tokens(length: int) -> None:
    assert len(prose.tokens_of_length(seeded(1), "why", length)) == length


def test_a_composition_adds_what_the_second_text_says_otherwise() -> None:
    composed = prose.composed_text(["Alpha. Beta.", "Alpha.", "Gamma! Delta."])

    assert composed == "Alpha. Beta. Gamma!"
