"""Passages ranked for a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compactor.recall import Chunk, RecallIndex, best_within, chunks_of, stem
from compactor.strategies.extractive import Passage
from model_providers.token_estimate import estimate_text
from services.compactor.tests.conversations import text_of, written_chat

if TYPE_CHECKING:
    from wire.conversation import Message


def passages(*texts: str) -> list[Passage]:
    return [Passage(place, "user", text) for place, text in enumerate(texts)]


def rank(chunks: list[Chunk], question: str) -> list[float]:
    return RecallIndex(chunks).rank(question)


def best(question: str, *texts: str) -> int:
    scores = rank(chunks_of(passages(*texts)), question)
    return scores.index(max(scores))


def test_the_passage_with_the_rare_words_comes_first() -> None:
    texts = ("We went to the market.", "The market sells cello strings.", "The market again.")

    assert best("Who sells strings for a cello at the market?", *texts) == 1


def test_inflection_does_not_hide_a_word() -> None:
    assert best("What did she paint?", "He cooks.", "She was painting a lake.") == 1
    words = ("painting", "painted", "paints", "studies", "studied", "stopped", "dogs", "dog's")
    assert [stem(word) for word in words] == [
        "paint", "paint", "paint", "study", "study", "stop", "dog", "dog",
    ]  # fmt: skip


def test_an_answer_is_found_beside_its_question() -> None:
    texts = ("Nice day.", "Which instrument do you play?", "The cello, badly.", "Oh, lovely.")

    scores = rank(chunks_of(passages(*texts)), "Which instrument?")

    assert scores[2] > scores[0] > -1
    assert scores[2] > scores[3]


def test_the_question_tells_whose_words_are_meant() -> None:
    said = [
        Passage(0, "assistant", "The lamp costs 40."),
        Passage(1, "user", "The lamp costs 40."),
    ]
    chunks = chunks_of(said)

    mine = rank(chunks, "What did I say the lamp costs?")
    yours = rank(chunks, "What lamp did you recommend?")

    assert mine[1] / mine[0] > yours[1] / yours[0]


def test_an_index_answers_many_questions() -> None:
    index = RecallIndex(chunks_of(passages("red fox", "blue whale", "green frog")))

    ranked = [index.rank(word) for word in ("fox", "whale", "frog")]

    assert [scores.index(max(scores)) for scores in ranked] == [0, 1, 2]


def test_a_question_of_grammar_alone_finds_nothing() -> None:
    assert set(rank(chunks_of(passages("one thing", "another")), "who is it that you are?")) == {0}


def test_long_passages_are_recalled_in_parts() -> None:
    long = "\n".join(
        f"line {number} of the log is quite long and says little" for number in range(60)
    )

    chunks = chunks_of([Passage(0, "tool", long), Passage(1, "user", "short")])

    assert "".join(chunk.text for chunk in chunks if chunk.position == 0) == long
    assert len(chunks) > 3
    assert [chunk.whole for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


def test_only_what_fits_the_budget_is_taken_in_order() -> None:
    chunks = chunks_of(passages("red " * 30, "blue", "red", "red blue"))

    chosen = best_within(chunks, rank(chunks, "red blue"), 9, estimate_text)

    assert chosen == sorted(chosen)
    assert sum(estimate_text(chunks[place].text) + 1 for place in chosen) <= 9
    assert 3 in chosen


@pytest.mark.requirement("compaction:recall:question")
@pytest.mark.parametrize("name", ["friends_a", "friends_b", "friends_c", "assistant_a"])
def test_most_questions_find_their_turn_within_a_tenth(name: str) -> None:
    messages, facts = written_chat(name)
    chunks = chunks_of(passages(*(text_of((message,)) for message in messages)))
    budget = _tokens(messages) / 10

    found = 0
    for fact in facts:
        chosen = best_within(chunks, rank(chunks, fact.question), budget, estimate_text)
        found += fact.turn in {chunks[place].position for place in chosen}

    assert found >= 0.8 * len(facts)


def _tokens(messages: list[Message]) -> int:
    return sum(estimate_text(text_of((message,))) + 1 for message in messages)
