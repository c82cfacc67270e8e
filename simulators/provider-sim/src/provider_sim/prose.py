"""Plausible text without a model: a small grammar that takes up the words of the question."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provider_sim.token_counter import pieces

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_OPENINGS = (
    "In short, {a} depends mostly on {b}.",
    "The key to {a} is {b}.",
    "Start with {a}; the rest follows from {b}.",
    "There are two sides to {a}, and {b} decides between them.",
    "What matters about {a} is how it relates to {b}.",
)
_MIDDLES = (
    "Most of the difficulty lies in {b}, which {adverb} limits {c}.",
    "If {c} is {adjective}, then {a} becomes {adjective2}.",
    "A {adjective} approach treats {b} and {c} {adverb}.",
    "Consider {c} first: it is {adjective} and {adverb} easy to check.",
    "Experience shows that {b} {adverb} outweighs {c}.",
)
_ENDINGS = (
    "I would therefore begin with {b}.",
    "So a {adjective} choice is to keep {a} and revisit {c} later.",
    "With that in place, {a} should be {adjective2}.",
    "That leaves {c} as the only {adjective} question.",
)
_ADJECTIVES = ("simple", "robust", "careful", "practical", "measured", "consistent", "direct")
_ADVERBS = ("usually", "clearly", "rarely", "separately", "often", "directly", "quietly")
_FILLER_TOPICS = ("the question", "the context", "the evidence", "the goal", "the outcome")
_WORD = re.compile(r"[^\W\d_]{4,20}")
_STOP_WORDS = frozenset(
    {
        "about", "after", "again", "answer", "been", "before", "could", "does", "explain", "every",
        "from", "give", "have", "into", "just", "like", "more", "most", "only", "other", "please",
        "reply", "should", "some", "such", "tell", "than", "that", "their", "them", "then", "there",
        "these", "they", "this", "those", "what", "when", "where", "which", "while", "will", "with",
        "would", "write", "your",
    }
)  # fmt: skip
_WORDS_OF_QUESTION = 400

_REASONING = (
    "Let me think about {a}. ",
    "The request concerns {a} and {b}. ",
    "I should check {b} before settling on {c}. ",
    "Comparing {a} with {c} points one way. ",
)
_DISSENT = (
    "I see this differently and would not settle on that.",
    "My view departs from the obvious one; another course looks better.",
    "On reflection I hold the opposite position here.",
    "Nobody should accept that without a second look.",
    "Hm, no.",
    "~",
    "?",
)


def answer_text(rng: random.Random, question: str) -> str:
    """Three to five sentences about the question."""
    middles = rng.sample(_MIDDLES, rng.randint(1, 3))
    lines = [rng.choice(_OPENINGS), *middles, rng.choice(_ENDINGS)]
    topics = _topics(question)
    return " ".join(_fill(rng, line, topics) for line in lines)


def reasoning_text(rng: random.Random, question: str) -> str:
    """What a reasoning model mutters before it answers."""
    topics = _topics(question)
    return "".join(_fill(rng, line, topics) for line in rng.sample(_REASONING, 3))


def dissenting_text(rng: random.Random, avoid: str) -> str:
    """A short sentence of another opinion that does not contain what it must avoid."""
    start = rng.randrange(len(_DISSENT) - 3)
    ordered = _DISSENT[start:] + _DISSENT[:start]
    return next(text for text in ordered if not avoid or avoid.lower() not in text.lower())


def wrong_text(rng: random.Random, avoid: str) -> str:
    """Something false that looks like the right answer but is not contained in it."""
    for _ in range(16):
        text = f"WRONG-{rng.randrange(16**6):06x}"
        if not avoid or avoid.lower() not in text.lower():
            return text
    return dissenting_text(rng, avoid)


def tokens_of_length(rng: random.Random, question: str, length: int) -> tuple[str, ...]:
    """Text of exactly so many tokens."""
    found: list[str] = []
    while len(found) < length:
        found += pieces(answer_text(rng, question) + " ")
    return tuple(found[:length])


def short_phrase(rng: random.Random, question: str) -> str:
    """Two or three words, for a field of a form."""
    return _fill(rng, "{adjective} {c}", _topics(question))


def reason_sentence(rng: random.Random, *, best: str, certain: bool) -> str:
    """Why the best candidate is the best, in one sentence."""
    if certain:
        return f"{best} does exactly what was asked."
    quality = rng.choice(("clearest", "most complete", "most careful", "most direct"))
    return f"{best} is the {quality} of the candidates."


def composed_text(texts: Sequence[str]) -> str:
    """The first text, with the opening sentence of the next that says something else."""
    first = texts[0].strip()
    for other in texts[1:]:
        sentence = re.split(r"(?<=[.!?])\s", other.strip(), maxsplit=1)[0]
        if sentence and sentence not in first:
            return f"{first} {sentence}"
    return first


def _topics(question: str) -> list[str]:
    words = _WORD.findall(question[-_WORDS_OF_QUESTION * 8 :])
    known = dict.fromkeys(word.lower() for word in words if word.lower() not in _STOP_WORDS)
    return list(known)[:12]


def _fill(rng: random.Random, line: str, topics: list[str]) -> str:
    names = [f"the {topic}" if rng.random() < 0.5 else topic for topic in topics]  # noqa: PLR2004
    pool = names if len(names) >= 3 else [*names, *_FILLER_TOPICS]  # noqa: PLR2004
    a, b, c = rng.sample(pool, 3)
    adjective, adjective2 = rng.sample(_ADJECTIVES, 2)
    return line.format(
        a=a, b=b, c=c, adjective=adjective, adjective2=adjective2, adverb=rng.choice(_ADVERBS)
    )
