"""Words of prose, each read once however often it occurs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from compactor.strategies.extractive.identifiers import IdentifierKind, identifier_kind
from compactor.strategies.extractive.lexicon import (
    FIRST_PERSON,
    NEGATIONS,
    SECOND_PERSON,
    Commonness,
    commonness,
)

# Between blanks, quotes, brackets and commas. Scripts without blanks are cut at their own commas.
_RUN = re.compile(
    r"https?://[^\s\"'<>)\]]+|[$€£]?\d{1,3}(?:,\d{3})+(?:\.\d+)?%?"
    r"|[^\s\"`<>(){}\[\],;|=*“”、，。：；！？]+"  # noqa: RUF001
)
_BEFORE = ".:!?…'’‘–—"  # noqa: RUF001
_AFTER = ".:!?…'’‘–—-"  # noqa: RUF001
_WITHOUT_BLANKS = re.compile(r"[぀-ヿ㐀-鿿가-힯฀-๿]")
_CHARACTERS_PER_WORD = 2
# A path holds the names of its parts.
_WORD_PER_SLASH = 0.4


@dataclass(frozen=True, slots=True)
class Token:
    """`key` is what two mentions of the same thing share.

    `words`: how many words it stands for; above 1 for quotations and scripts without blanks.
    """

    text: str
    key: str
    commonness: Commonness
    kind: IdentifierKind | None
    capital: bool
    digit: bool
    negation: bool
    first_person: bool
    second_person: bool
    words: float = 1.0

    @classmethod
    def quotation(cls, text: str) -> Token:
        """A quotation is one piece: it stays whole or goes."""
        inner = [token for token in tokens_of(text) if token.commonness > Commonness.GRAMMAR]
        return cls(
            text=text,
            key=text.lower(),
            commonness=max((token.commonness for token in inner), default=Commonness.GRAMMAR),
            kind=None,
            capital=any(token.capital for token in inner),
            digit=any(token.digit for token in inner),
            negation=False,
            first_person=False,
            second_person=False,
            words=max(1.0, len(inner)),
        )


def tokens_of(text: str) -> list[Token]:
    """The words of a text in order, without the punctuation around them."""
    return [token for run in _RUN.findall(text) if (token := read_token(run)).text]


@lru_cache(maxsize=65536)
def read_token(run: str) -> Token:
    """Read a word, an identifier or a value as it stands in the text."""
    text = run.rstrip(_AFTER).lstrip(_BEFORE)
    key = text.lower().replace("’", "'")  # noqa: RUF001
    return Token(
        text=text,
        key=key,
        commonness=commonness(key),
        kind=identifier_kind(text),
        capital=text[:1].isupper(),
        digit=any(map(str.isdigit, text)),
        negation=key in NEGATIONS,
        first_person=key in FIRST_PERSON,
        second_person=key in SECOND_PERSON,
        words=_words(text),
    )


def _words(text: str) -> float:
    wide = len(_WITHOUT_BLANKS.findall(text))
    return max(1.0 + _WORD_PER_SLASH * text.count("/"), wide / _CHARACTERS_PER_WORD)
