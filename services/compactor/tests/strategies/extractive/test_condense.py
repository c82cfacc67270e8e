"""Condensing: budget, order, determinism, and how much of what matters is left."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compactor.strategies.extractive import Condensed, Passage, anchors, condense
from compactor.strategies.extractive.lexicon import Commonness
from compactor.strategies.extractive.tokens import tokens_of
from compactor.turns import passages_of, turns_of
from model_providers.token_estimate import estimate_text
from services.compactor.tests.conversations import histories, text_of, written_chat

if TYPE_CHECKING:
    from pathlib import Path

    from wire.conversation import Item

TRACE = [
    Passage(0, "user", "Please refund order A1001, I paid 120.50 by card on 2024-05-17."),
    Passage(1, "call", 'get_order {"order_id":"A1001"}'),
    Passage(2, "tool", '{"order_id":"A1001","card":"card_4711","lines":[{"sku":"K-77","n":2}]}'),
    Passage(3, "assistant", "I found it. Which of the two items shall I refund for you?"),
    Passage(4, "user", "The first one. Never send it to the old address again."),
] * 3


def total(condensed: list[Condensed]) -> int:
    return sum(estimate_text(each.text) + 1 for each in condensed)


def tokens(passages: list[Passage]) -> int:
    return sum(estimate_text(passage.text) + 1 for passage in passages)


def test_what_fits_is_returned_byte_for_byte() -> None:
    condensed = condense(TRACE, tokens(TRACE), estimate_text)

    assert [each.text for each in condensed] == [passage.text for passage in TRACE]
    assert all(each.whole for each in condensed)


@given(histories(), st.integers(0, 300))
@pytest.mark.requirement("compaction:guarantee:budget")
def test_the_budget_is_kept_whatever_was_said(items: tuple[Item, ...], budget: int) -> None:
    passages = passages_of(turns_of(items))

    condensed = condense(passages, budget, estimate_text)

    assert total(condensed) <= budget or not condensed
    assert [each.index for each in condensed] == sorted({each.index for each in condensed})


@given(st.sampled_from(["friends_a", "friends_b", "assistant_a"]), st.integers(50, 900))
@settings(max_examples=25)
def test_words_stand_in_their_own_turn_in_their_own_order(name: str, budget: int) -> None:
    passages = passages_of(turns_of(written_chat(name)[0]))

    for each in condense(passages, budget, estimate_text):
        source = iter(passages[each.index].text.split())
        for word in each.text.split():
            assert any(word.strip("\"'.,!?:;()*") in one for one in source), word


def test_identifiers_survive_a_tenfold_cut_of_an_agents_trace() -> None:
    condensed = condense(TRACE, tokens(TRACE) // 6, estimate_text)

    left = " ".join(each.text for each in condensed)
    assert all(name in left for name in ("A1001", "card_4711", "2024-05-17"))


def test_an_empty_history_and_a_budget_of_nothing_give_nothing() -> None:
    assert condense([], 100, estimate_text) == []
    assert condense(TRACE, 0, estimate_text) == []


def test_anchors_are_the_identifiers_most_worth_naming() -> None:
    found = anchors(TRACE, 12, estimate_text)

    assert 1 <= len(found) <= 6
    assert "A1001" in found


# ------------------------------------------------------------------------------------ retention


def retention(name: str, ratio: float) -> float:
    """Share of the marked words, grammar aside, that still stand in what is left of their turn."""
    messages, facts = written_chat(name)
    passages = passages_of(turns_of(messages))
    condensed = condense(passages, int(tokens(passages) / ratio), estimate_text)
    left = {each.index: {token.key for token in tokens_of(each.text)} for each in condensed}
    shares: list[float] = []
    for fact in facts:
        gold = [t.key for t in tokens_of(fact.words) if t.commonness > Commonness.GRAMMAR]
        shares.append(sum(key in left.get(fact.turn, set()) for key in gold) / len(gold))
    return sum(shares) / len(shares)


@pytest.mark.requirement("compaction:extractive:retention")
@pytest.mark.parametrize(
    ("name", "at_four", "at_ten"),
    [
        ("friends_a", 0.78, 0.35),
        ("friends_b", 0.66, 0.27),
        ("friends_c", 0.73, 0.30),
        ("assistant_a", 0.92, 0.72),
        # Of other kinds: dated sessions, hasty typing, German, figures, passing remarks.
        ("sessions_a", 0.74, 0.38),
        ("casual_b", 0.56, 0.25),
        ("deutsch_c", 0.53, 0.20),
        ("assistant_d", 0.86, 0.55),
        ("planning_e", 0.55, 0.28),
        ("sessions_f", 0.66, 0.30),
    ],
)
def test_most_of_what_a_later_question_needs_is_kept(
    name: str, at_four: float, at_ten: float
) -> None:
    assert retention(name, 4) >= at_four
    assert retention(name, 10) >= at_ten


# ---------------------------------------------------------------------------------- determinism

_PROGRAM = """
import hashlib, sys
from compactor.history import History
from compactor.memory import Remembered, remember
from compactor.strategies.extractive import Passage, condense
from compactor.turns import Turn
from model_providers.token_estimate import estimate_text
lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
passages = [Passage(i, ("user", "assistant", "tool")[i % 3], x) for i, x in enumerate(lines)]
digest = hashlib.sha256()
for budget in (150, 600, 1200):
    for each in condense(passages, budget, estimate_text):
        digest.update(f"{each.index}|{each.text}|{each.whole}\\n".encode())
history = History(tuple(Turn(each.speaker, each.text) for each in passages))
for question in (None, "Which alpaca did you buy for the garden?"):
    memory = remember(Remembered(history), 600, estimate_text, question=question)
    digest.update(memory.text.encode())
print(digest.hexdigest())
"""


@pytest.mark.slow
@pytest.mark.requirement("compaction:extractive:deterministic")
def test_the_hash_seed_changes_nothing(tmp_path: Path) -> None:
    program, history = tmp_path / "program.py", tmp_path / "history.txt"
    program.write_text(_PROGRAM)
    chat = [text_of((message,)) for message in written_chat("friends_b")[0]]
    lines = [text.replace("\n", " ") for text in (*(p.text for p in TRACE), *chat)]
    history.write_text("\n".join(lines))

    digests = {_digest(program, history, seed) for seed in range(5)}

    assert len(digests) == 1
    assert len(digests.pop()) == len(hashlib.sha256().hexdigest())


def _digest(program: Path, history: Path, seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}  # noqa: TID251
    done = subprocess.run(  # noqa: S603
        [sys.executable, str(program), str(history)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return done.stdout.strip()
