"""What the live question needs from the history: passages ranked for it, verbatim. Pure.

Nobody who sealed the history could know the question, so this is where most of what a summary
loses comes back. BM25 over chunks of passages; a chunk also counts when its neighbours fit, because
an answer often stands beside the words of its question.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from compactor.strategies.extractive.lexicon import Commonness
from compactor.strategies.extractive.tokens import tokens_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from compactor.strategies.extractive.passages import Passage, Speaker

# Okapi BM25's usual saturation; little length normalisation, because chunks are alike in length.
_SATURATION = 1.2
_LENGTH = 0.4
# What the neighbours' fit is worth: an answer follows its question.
_ASKED_BEFORE = 0.9
_SAID_BEFORE = 0.4
_AFTER = 0.25
_SMALL_TALK_WEIGHT = 0.8
_CHUNK_CHARACTERS = 700
_MEANT_SPEAKER = 1.2
_MY_WORDS = re.compile(r"\b(?:I|my|me|mine|we|our)\b")
_YOUR_WORDS = re.compile(
    r"\byou (?:\w+ )?(?:say|said|tell|told|recommend|suggest|mention|give|gave|list|write|wrote)"
    r"|\byour (?:answer|list|suggestion|recommendation|advice)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage, or a part of a long one. `position` is that of the passage in its sequence."""

    position: int
    speaker: Speaker
    text: str
    whole: bool


def chunks_of(passages: Sequence[Passage]) -> list[Chunk]:
    """Passages as they are recalled: short ones whole, long ones by paragraphs or lines."""
    chunks: list[Chunk] = []
    for position, passage in enumerate(passages):
        if len(passage.text) <= _CHUNK_CHARACTERS:
            chunks.append(Chunk(position, passage.speaker, passage.text, whole=True))
        else:
            chunks += [
                Chunk(position, passage.speaker, part, whole=False) for part in _parts(passage.text)
            ]
    return chunks


class RecallIndex:
    """Chunks read once, to be ranked for any number of questions."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = chunks
        self._counts = [_counts(chunk.text) for chunk in chunks]
        lengths = [sum(terms.values()) for terms in self._counts]
        self._average = max(1.0, sum(lengths) / max(1, len(lengths)))
        self._norms = [
            _SATURATION * (1 - _LENGTH + _LENGTH * length / self._average) for length in lengths
        ]

    def rank(self, question: str) -> list[float]:
        """How well each chunk fits the question; 0 for no common word.

        A chunk without a word of the question may still score by its neighbours.
        """
        rarity = self._rarity(_weights(question))
        scores = [
            _score(terms, norm, rarity)
            for terms, norm in zip(self._counts, self._norms, strict=True)
        ]
        meant = _whose_words(question)
        return [
            (score + _by_neighbours(self.chunks, scores, place))
            * (_MEANT_SPEAKER if self.chunks[place].speaker == meant else 1.0)
            for place, score in enumerate(scores)
        ]

    def _rarity(self, wanted: dict[str, float]) -> dict[str, float]:
        total = len(self.chunks)
        rarity: dict[str, float] = {}
        for term, weight in wanted.items():
            frequency = sum(term in terms for terms in self._counts)
            rarity[term] = weight * math.log(1 + (total - frequency + 0.5) / (frequency + 0.5))
        return rarity


def best_within(
    chunks: Sequence[Chunk],
    scores: Sequence[float],
    budget_tokens: float,
    count: Callable[[str], int],
    *,
    overhead_tokens: int = 1,
) -> list[int]:
    """The places of the best chunks that fit the budget, in order of the conversation."""
    order = sorted(range(len(chunks)), key=lambda place: (-scores[place], -place))
    spent = 0.0
    chosen: list[int] = []
    for place in order:
        if scores[place] <= 0:
            break
        price = count(chunks[place].text) + overhead_tokens
        if spent + price <= budget_tokens:
            spent += price
            chosen.append(place)
    return sorted(chosen)


def _whose_words(question: str) -> Speaker | None:
    """What the user said is in the user's turns, what was suggested in the assistant's."""
    if _YOUR_WORDS.search(question):
        return "assistant"
    return "user" if _MY_WORDS.search(question) else None


def _by_neighbours(chunks: Sequence[Chunk], scores: Sequence[float], place: int) -> float:
    worth = 0.0
    if place:
        asked = chunks[place - 1].text.rstrip().endswith(("?", "？"))  # noqa: RUF001
        worth += (_ASKED_BEFORE if asked else _SAID_BEFORE) * scores[place - 1]
    if place + 1 < len(scores):
        worth += _AFTER * scores[place + 1]
    return worth


def _score(terms: Counter[str], norm: float, rarity: dict[str, float]) -> float:
    return sum(
        worth * terms[term] * (_SATURATION + 1) / (terms[term] + norm)
        for term, worth in rarity.items()
        if term in terms
    )


def _weights(question: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for token in tokens_of(question):
        if token.commonness is Commonness.GRAMMAR:
            continue
        weight = _SMALL_TALK_WEIGHT if token.commonness is Commonness.SMALL_TALK else 1.0
        weights[stem(token.key)] = weight
    return weights


def _counts(text: str) -> Counter[str]:
    return Counter(
        stem(token.key) for token in tokens_of(text) if token.commonness is not Commonness.GRAMMAR
    )


_ENDINGS = (("ies", "y"), ("ied", "y"), ("'s", ""), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""))
_SHORTEST_STEM = 3


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """English inflection taken off, roughly: `painting`, `painted` and `paints` are one."""
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            word = word.removesuffix(ending) + instead
            break
    if len(word) > _SHORTEST_STEM and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > _SHORTEST_STEM else word


def _parts(text: str) -> list[str]:
    """Whole lines, joined up to a chunk's size; an overlong line is a chunk of its own."""
    parts: list[str] = []
    held = ""
    for line in text.splitlines(keepends=True):
        if held and len(held) + len(line) > _CHUNK_CHARACTERS:
            parts.append(held)
            held = ""
        held += line
    return [*parts, held] if held.strip() else parts
