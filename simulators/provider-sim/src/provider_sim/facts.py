"""Statements of fact in a text: what a summary ought to keep. Pure."""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_STATES = re.compile(
    r"\w[\"'`*)\]]*\s*(?:\b(?:is|are|was|were|equals|means|became|has)\b|:=|=>|->|=|:)\s*\S"
)
_TELLING = re.compile(r"\d|\w_\w|\w-\w|[A-Z]{2}|(?<=[a-z,] )[A-Z][a-z]+")
"""A number, an identifier or a name: something that cannot be guessed."""
_SPEAKER = re.compile(r"^(?:[-*>]\s*)?(?:User|Assistant|Tool call|Tool result)\b[^:\n]{0,60}:\s*")
_TAG = re.compile(r"^<[^<>]*>$")
_MOST_WORDS = 60


def facts_in(text: str) -> list[str]:
    """The sentences that state something, in order, each once."""
    sentences = (_SPEAKER.sub("", part.strip()) for part in _SENTENCE_END.split(text))
    return list(dict.fromkeys(filter(_is_fact, sentences)))


def _is_fact(sentence: str) -> bool:
    if sentence.endswith("?") or sentence.startswith("#") or _TAG.match(sentence):
        return False
    words = len(sentence.split())
    if not 1 < words <= _MOST_WORDS:
        return False
    return bool(_STATES.search(sentence) and _TELLING.search(sentence))
