"""What a word or an identifier is worth: roughly the chance that a later turn asks for it.

Each worth is a sum of log-odds. The figures were fitted on conversations written for the purpose
(`tests/data/chats`) and on agent traces, then rounded; they are general on purpose.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from compactor.strategies.extractive.identifiers import IdentifierKind
from compactor.strategies.extractive.lexicon import (
    DECISION_CUES,
    PREPOSITIONS,
    THIRD_PERSON,
    TIME_CUES,
    Commonness,
)
from compactor.strategies.extractive.units import Form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compactor.strategies.extractive.passages import Passage, Speaker
    from compactor.strategies.extractive.units import Piece, Unit

# -------------------------------------------------------------------------------------- words
_WORD = {
    Commonness.GRAMMAR: -5.5,
    Commonness.SMALL_TALK: -3.4,
    Commonness.EVERYDAY: -2.5,
    Commonness.INFORMATIVE: -2.1,
}
_NAME = 0.6
_NAME_AT_THE_BEGINNING = -0.4
_FIGURE = 0.5
_FIRST_MENTION = 0.5
_REPEATED = -0.25  # times ln(passages that hold the word)
_EVERYWHERE = -1.0  # times ln(how much more often than `_OFTEN` of the passages)
_OFTEN = 0.04
_NEVER_OFTEN = 3.0
_TIME_CUE = 0.5
_ADVERB = -0.9
# ------------------------------------------------------------------------- words beside the word
_AFTER_PREPOSITION = 0.9
_BEFORE_PREPOSITION = 0.45
_AFTER_TO = -0.55
_BEHIND_AN_INFORMATIVE_ONE = 0.9
_BEFORE_AN_INFORMATIVE_ONE = 0.6
_LAST = -0.4
_USUAL_GRAMMAR = 0.25  # of the words of a sentence in a language that is listed
# ------------------------------------------------------------------------------------ sentences
_DENSITY = 0.4
_HAS_FIGURE = 0.7
_HAS_NAME = 0.4
_FIRST_PERSON = 0.8
_SECOND_PERSON = -1.3
_THIRD_PERSON = 0.5
_QUESTION = -0.4
_SHORT_SENTENCE = -0.8
_REACTION = -1.0
_LONG_ANSWER = -2.5
_DECISION = 0.2
_SHORT_WORDS = 4
_REACTION_WORDS = 8
_LONG_ANSWER_TOKENS = 100
# ---------------------------------------------------------------------------------- identifiers
_IDENTIFIER = {
    IdentifierKind.ADDRESS: -1.4,
    IdentifierKind.PATH: -0.7,
    IdentifierKind.DATE: -1.0,
    IdentifierKind.MIXED: -0.8,
    IdentifierKind.SNAKE: -0.7,
    IdentifierKind.CAMEL: -1.8,
    IdentifierKind.CAPITALS: -1.8,
    IdentifierKind.NUMBER: -2.4,
}
_NAME_VALUE = -1.3
_PLAIN_VALUE = -3.2
_IN_RECORD = 0.8
_ASSISTANT_SAID = 0.4
_MENTIONED_ONCE = -0.75
_LENGTH = 0.03  # per character, up to
_LONGEST_COUNTED = 30
_RECENT = 0.5
_RECENT_PASSAGES = 6.0
_CROWD = -0.5  # times ln(identifiers beside it)
_ECHO = 0.45  # times ln(1 + neighbours in its line or record that were spoken of later)
_ECHO_PASSAGES = 15.0
_AGAIN = 0.12
_SAID_ALREADY = 0.3
_MACHINE_TALK = 100.0
_USER_PROSE = 3.0
_DUPLICATE_LINE = 0.05
_SHORTEST_DUPLICATE = 12


@dataclass(slots=True)
class _Mentions:
    """Where an identifier occurs. `home` is the piece that stands for it."""

    passages: set[int] = field(default_factory=set[int])
    last: int = 0
    last_said: int = -1
    crowd: int = 1 << 30
    echo: float = 0.0
    in_record: bool = False
    assistant_said: bool = False
    home: Piece | None = None
    home_rank: tuple[int, int] = (-1, -1)


# Where a mention says most about what it stands for; among equals, the latest.
_HOME = {"user": 3, "call": 2, "assistant": 1, "tool": 0}


def appraise(passages: Sequence[Passage], units: Sequence[Unit]) -> None:
    """Fill in the worth of every piece."""
    appraiser = _Appraiser(passages, units)
    for position, unit in enumerate(units):
        appraiser.appraise(position, unit)


class _Appraiser:
    """Reads the units in order; what was mentioned before is part of what a mention is worth."""

    def __init__(self, passages: Sequence[Passage], units: Sequence[Unit]) -> None:
        self._passages = passages
        self._mentions = _mentions(passages, units)
        self._commonplace = _commonplace(len(passages), units)
        self._odds = {
            key: _identifier_odds(found, len(passages)) for key, found in self._mentions.items()
        }
        self._duplicates = _duplicates(units)
        self._machine = _MACHINE_TALK * machine_share(passages)
        self._seen: set[str] = set()
        self._said: set[str] = set()
        self._passage = -1

    def appraise(self, position: int, unit: Unit) -> None:
        """Fill in the worth of the unit's pieces."""
        if unit.passage != self._passage:
            self._seen |= self._said
            self._said = set()
            self._passage = unit.passage
        passage = self._passages[unit.passage]
        is_prose = unit.form is Form.PROSE
        prose = self._prose_share(passage)
        context = _sentence_odds(unit, passage) if is_prose else 0.0
        known = _known_share(unit.pieces) if is_prose else 0.0
        emphasis = passage.emphasis * (_DUPLICATE_LINE if position in self._duplicates else 1.0)
        for place, piece in enumerate(unit.pieces):
            worth = self._identifier_worth(piece, prose)
            if is_prose:
                odds = context + self._word_odds(piece, place)
                if piece.token.commonness is not Commonness.GRAMMAR:
                    odds += _place_odds(unit.pieces, place, known)
                worth = max(worth, prose * _chance(odds))
            piece.worth = worth * emphasis * self._weight(piece)
            self._said.add(piece.token.key)

    def _prose_share(self, passage: Passage) -> float:
        """What words weigh against identifiers; the user's own more than others'."""
        own = _USER_PROSE if passage.speaker == "user" else 1.0
        return min(1.0, own / (1.0 + self._machine))

    def _identifier_worth(self, piece: Piece, prose: float) -> float:
        found = self._mentions.get(piece.token.key)
        if found is None:
            return 0.0
        worth = _chance(self._odds[piece.token.key] + _kind_odds(piece))
        piece.identifier = found.home is piece
        return worth if piece.identifier else worth * _AGAIN * prose

    def _weight(self, piece: Piece) -> float:
        """Said twice in one passage, a word needs to stand there once."""
        again = piece.token.key in self._said and not piece.identifier
        return piece.token.words * (_SAID_ALREADY if again else 1.0)

    def _word_odds(self, piece: Piece, place: int) -> float:
        token = piece.token
        odds = _WORD[token.commonness]
        if token.commonness is Commonness.GRAMMAR:
            return odds
        if token.capital:
            odds += _NAME if place > 0 else _NAME_AT_THE_BEGINNING
        if token.digit:
            odds += _FIGURE
        if token.key not in self._seen:
            odds += _FIRST_MENTION
        if token.key.endswith("ly"):
            odds += _ADVERB
        if token.key in TIME_CUES:
            odds += _TIME_CUE
        return odds + self._commonplace[token.key]


def machine_share(passages: Sequence[Passage]) -> float:
    """How much of it is tools' business: there, later turns ask for identifiers, not for words."""
    return sum(p.speaker in {"tool", "call"} for p in passages) / max(1, len(passages))


def _chance(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))


# -------------------------------------------------------------------------------------- words


def _commonplace(passages: int, units: Sequence[Unit]) -> dict[str, float]:
    """Log-odds against words that occur in many passages: the conversation's own small talk."""
    often = _OFTEN * passages + _NEVER_OFTEN
    return {
        key: _REPEATED * math.log(count) + _EVERYWHERE * math.log(max(1.0, count / often))
        for key, count in _spread(units).items()
    }


def _spread(units: Sequence[Unit]) -> Counter[str]:
    """In how many passages each word occurs."""
    found: Counter[str] = Counter()
    passage = -1
    keys: set[str] = set()
    for unit in units:
        if unit.passage != passage:
            found.update(keys)
            passage = unit.passage
            keys = set()
        keys.update(piece.token.key for piece in unit.pieces)
    found.update(keys)
    return found


def _place_odds(pieces: Sequence[Piece], place: int, known: float) -> float:
    """What the words beside it say: facts are phrases, behind `in`, `with`, `about`.

    `known`, 0 to 1: how far we know which words are informative, see `_known_share`.
    """
    odds = 0.0
    if place:
        before = pieces[place - 1].token
        odds += _AFTER_PREPOSITION * (before.key in PREPOSITIONS) + _AFTER_TO * (before.key == "to")
        odds += _BEHIND_AN_INFORMATIVE_ONE * known * (before.commonness is Commonness.INFORMATIVE)
    if place + 1 == len(pieces):
        return odds + _LAST
    after = pieces[place + 1].token
    odds += _BEFORE_PREPOSITION * (after.key in PREPOSITIONS)
    return odds + _BEFORE_AN_INFORMATIVE_ONE * known * (after.commonness is Commonness.INFORMATIVE)


def _known_share(pieces: Sequence[Piece]) -> float:
    """In a language without a list every word would be an informative one."""
    grammar = sum(piece.token.commonness is Commonness.GRAMMAR for piece in pieces)
    return min(1.0, grammar / (_USUAL_GRAMMAR * max(1, len(pieces))))


def _sentence_odds(unit: Unit, passage: Passage) -> float:
    """What the sentence says about all of its words."""
    tokens = [piece.token for piece in unit.pieces]
    if not tokens:
        return 0.0
    informative = sum(token.commonness is Commonness.INFORMATIVE for token in tokens)
    first_person = any(token.first_person for token in tokens)
    odds = _DENSITY * informative / len(tokens)
    odds += _HAS_FIGURE * any(token.digit for token in tokens)
    odds += _HAS_NAME * any(token.capital for token in tokens[1:])
    odds += _THIRD_PERSON * any(token.key in THIRD_PERSON for token in tokens)
    odds += _FIRST_PERSON * first_person
    odds += _SECOND_PERSON * (not first_person and any(token.second_person for token in tokens))
    odds += _QUESTION * unit.text.rstrip("\"')]").endswith(("?", "？"))  # noqa: RUF001
    odds += _SHORT_SENTENCE * (len(tokens) <= _SHORT_WORDS and not informative)
    odds += _REACTION * (informative == 0 and len(tokens) <= _REACTION_WORDS)
    odds += _DECISION * any(token.key in DECISION_CUES for token in tokens)
    if passage.speaker == "assistant" and len(passage.text) > _LONG_ANSWER_TOKENS * 4:
        odds += _LONG_ANSWER
    return odds


# ---------------------------------------------------------------------------------- identifiers


def _mentions(passages: Sequence[Passage], units: Sequence[Unit]) -> dict[str, _Mentions]:
    found: dict[str, _Mentions] = {}
    beside: dict[int, set[str]] = {}
    for unit in units:
        speaker = passages[unit.passage].speaker
        for piece in unit.pieces:
            if piece.identifier:
                mention = found.setdefault(piece.token.key, _Mentions())
                _note(mention, piece, unit, speaker)
                beside.setdefault(unit.passage, set()).add(piece.token.key)
    for mention in found.values():
        mention.crowd = min(len(beside[passage]) for passage in mention.passages)
    _listen(found, passages, units)
    return found


def _note(found: _Mentions, piece: Piece, unit: Unit, speaker: Speaker) -> None:
    found.passages.add(unit.passage)
    found.in_record |= unit.form is Form.RECORD
    found.last = max(found.last, unit.passage)
    found.assistant_said |= speaker == "assistant"
    if speaker != "tool":
        found.last_said = max(found.last_said, unit.passage)
    rank = (_HOME[speaker], unit.passage)
    if rank >= found.home_rank:
        found.home, found.home_rank = piece, rank


def _listen(
    found: dict[str, _Mentions], passages: Sequence[Passage], units: Sequence[Unit]
) -> None:
    """A tool's line matters when people later speak of what stands in it."""
    fades = {
        key: math.exp(-(len(passages) - 1 - mention.last_said) / _ECHO_PASSAGES)
        for key, mention in found.items()
        if mention.last_said >= 0
    }
    for unit in units:
        if passages[unit.passage].speaker != "tool":
            continue
        keys = {piece.token.key for piece in unit.pieces if piece.identifier}
        said = {key: fades[key] for key in keys if key in fades}
        said = {key: fade for key, fade in said.items() if found[key].last_said > unit.passage}
        echo = sum(said[key] for key in sorted(said))
        for key in keys:
            found[key].echo = max(found[key].echo, echo - said.get(key, 0.0))


def _identifier_odds(found: _Mentions, passages: int) -> float:
    odds = _RECENT * math.exp(-(passages - 1 - found.last) / _RECENT_PASSAGES)
    odds += _MENTIONED_ONCE * (len(found.passages) == 1)
    odds += _IN_RECORD * found.in_record
    odds += _ASSISTANT_SAID * found.assistant_said
    odds += _ECHO * math.log1p(max(0.0, found.echo))
    return odds + _CROWD * math.log(found.crowd)


def _kind_odds(piece: Piece) -> float:
    kind = piece.token.kind
    length = _LENGTH * min(len(piece.token.text), _LONGEST_COUNTED)
    if kind is not None:
        return _IDENTIFIER[kind] + length
    return (_NAME_VALUE if piece.token.capital else _PLAIN_VALUE) + length


def _duplicates(units: Sequence[Unit]) -> set[int]:
    """Lines and records that a later one repeats: a file read again."""
    last: dict[str, int] = {}
    repeated: set[int] = set()
    for position, unit in enumerate(units):
        if unit.form is Form.PROSE or len(unit.text) < _SHORTEST_DUPLICATE:
            continue
        if unit.text in last:
            repeated.add(last[unit.text])
        last[unit.text] = position
    return repeated
