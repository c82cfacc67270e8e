"""Turns read once."""

from __future__ import annotations

from compactor.history import History
from compactor.turns import Turn, turns_of
from model_providers.token_estimate import estimate_text
from services.compactor.tests.conversations import planted_conversation

TURNS = turns_of(planted_conversation(40)[0])


def test_passages_bear_the_numbers_of_their_turns() -> None:
    history = History([Turn("user", "Hi"), Turn("call", "{}", "find")], summarised=1)

    assert [(p.index, p.text) for p in history.passages] == [(0, "Hi"), (1, "find {}")]
    assert [passage.emphasis for passage in history.passages] == [0.5, 1.0]
    assert history.characters == 9


def test_index_and_tokens_are_made_once() -> None:
    history = History(TURNS)

    assert history.index is history.index
    assert history.tokens(estimate_text, 3) == history.tokens(len, 0)


def test_a_digest_is_some_times_the_room_and_leaves_out_what_is_skipped() -> None:
    history = History(TURNS)

    digest = history.digest(200, frozenset({0, 2}), estimate_text)

    tokens = sum(estimate_text(each.text) + 1 for each in digest)
    assert 400 < tokens <= 800
    assert not {0, 2} & {each.index for each in digest}
    assert history.digest(201, frozenset({0, 2}), estimate_text) is digest
    assert history.digest(200, frozenset(), estimate_text) is not digest


def test_few_digests_are_kept() -> None:
    history = History(TURNS)
    first = history.digest(100, frozenset(), estimate_text)

    for place in range(4):
        history.digest(100, frozenset({place}), estimate_text)

    assert history.digest(100, frozenset(), estimate_text) is not first
