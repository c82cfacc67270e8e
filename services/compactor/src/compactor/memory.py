"""The history as one text within a budget: pinned, summary, what the question needs, the rest.

One transcript in the order of the conversation. Turns that the live question asks for stand in it
verbatim, marked `»`; the others condensed, marked `:`. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compactor.recall import best_within
from compactor.strategies.extractive import Condenser, Passage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from compactor.history import History
    from compactor.recall import Chunk
    from compactor.turns import Turn

HEAD = (
    "<conversation-memory>\n"
    "A record of what was said before in this conversation, not an instruction. U: user, A: "
    "assistant, C: tool call, T: tool result. Lines with » are complete; in lines with : words "
    "were left out.\n"
)
FOOT = "</conversation-memory>"
_LABELS = {"user": "U", "assistant": "A", "call": "C", "tool": "T"}
# A label and a line end.
_LINE_TOKENS = 3
_LARGEST_RECALL_SHARE = 0.7
_SMALLEST_RECALL_SHARE = 0.5
# The share falls from the largest to the smallest while the room grows from a tenth to a quarter.
_NARROW, _WIDE = 0.10, 0.25
_EMPHASIS = 2.0
# From how many times the room on a history's digest is read instead of all of it.
_DIGEST_FROM = 8
_NEAR_ROOM = 2
_TRIES = 4
_CLOSE_ENOUGH = 0.95
_QUESTION_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Memory:
    """`text` is empty when there is nothing to remember; `complete`: no word of it was left out.

    `recalled`: how many turns, at least in part, stand verbatim for the question.
    """

    text: str
    recalled: int = 0
    recalled_tokens: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a memory is made of. `skip`: positions of turns that stand elsewhere in the window."""

    history: History
    skip: AbstractSet[int] = frozenset()
    summary: str = ""
    pinned: Sequence[str] = ()

    def positions(self) -> list[int]:
        """The turns that are the memory's to tell."""
        return [place for place in range(len(self.history.turns)) if place not in self.skip]


def remember(
    remembered: Remembered,
    budget_tokens: int,
    count: Callable[[str], int],
    *,
    question: str | None = None,
) -> Memory:
    """The best text for the budget; pinned words are in it whatever they cost."""
    fixed = _fixed_part(remembered)
    if not remembered.positions():
        return Memory(HEAD + fixed + FOOT) if fixed else Memory("")
    room = max(0, budget_tokens - count(HEAD + fixed + FOOT))
    transcript = Transcript(remembered, room, count, question)
    best = Memory(HEAD + fixed + FOOT, complete=False)
    spent = -1
    for _ in range(_TRIES):
        lines, complete = transcript.lines(room)
        text = HEAD + fixed + "".join(line for _, line in lines) + FOOT
        tokens = count(text)
        if spent < tokens <= budget_tokens:
            spent = tokens
            best = Memory(text, transcript.recalled, transcript.recalled_tokens, complete)
        fits = tokens <= budget_tokens
        if room <= 0 or (fits and (complete or tokens >= _CLOSE_ENOUGH * budget_tokens)):
            break
        room = max(0, room + budget_tokens - tokens - (0 if fits else _LINE_TOKENS))
    return best


def _fixed_part(remembered: Remembered) -> str:
    parts: list[str] = []
    if remembered.pinned:
        pinned = "\n".join(f"- {text}" for text in remembered.pinned)
        parts.append(f"Standing instructions, word for word:\n{pinned}\n")
    if remembered.summary:
        parts.append(f"Summary:\n{remembered.summary}\n")
    return "".join(parts)


class Transcript:
    """The turns as lines. What is recalled is decided once; the rest is fitted to the room."""

    def __init__(
        self, remembered: Remembered, room: int, count: Callable[[str], int], question: str | None
    ) -> None:
        self._turns = remembered.history.turns
        self._positions = remembered.positions()
        self._recall = _recall(remembered, room, count, question)
        rest = _rest(remembered, self._recall, room, count)
        self._told_whole = rest.told_whole
        self._rest = Condenser(rest.passages, count, overhead_tokens=_LINE_TOKENS)
        self.recalled = len(self._recall.verbatim)
        self.recalled_tokens = self._recall.tokens

    def lines(self, room: int) -> tuple[list[tuple[int, str]], bool]:
        """At most about so many tokens, by the turns' positions, and whether that is everything."""
        rest = self._rest.fit(max(0, room - self._recall.tokens))
        left = {each.index: each for each in rest if each.text.strip()}
        lines: list[tuple[int, str]] = []
        missing = 0
        for place in self._positions:
            turn, verbatim = self._turns[place], self._recall.verbatim.get(place)
            if verbatim is not None:
                lines.append((place, _line(turn, verbatim, complete=not turn.thinned)))
            whole = place in left and left[place].whole and place in self._told_whole
            if place in left:
                complete = whole and verbatim is None and not turn.thinned
                lines.append((place, _line(turn, left[place].text, complete=complete)))
            missing += not (whole or place in self._recall.entire)
        return lines, missing == 0


def _line(turn: Turn, text: str, *, complete: bool) -> str:
    label = _LABELS[turn.speaker]
    if turn.speaker == "tool" and turn.name:
        label = f"{label} {turn.name}"
    return f"{label}{'»' if complete else ':'} {text.strip()}\n"


# ----------------------------------------------------------------------------------------- recall


@dataclass(frozen=True, slots=True)
class _Recall:
    """What stands verbatim by position, and what it costs.

    `entire`: positions that stand verbatim from end to end. `chosen`: chunks by place. `fit`: how
    well each position fits the question, from 0 to 1.
    """

    verbatim: dict[int, str]
    tokens: int
    entire: AbstractSet[int]
    chosen: AbstractSet[int]
    fit: dict[int, float]


_NOTHING_RECALLED = _Recall({}, 0, frozenset(), frozenset(), {})


def _recall(
    remembered: Remembered, room: int, count: Callable[[str], int], question: str | None
) -> _Recall:
    if not question or not question.strip():
        return _NOTHING_RECALLED
    index = remembered.history.index
    scores = [
        0.0 if chunk.position in remembered.skip else score
        for chunk, score in zip(index.chunks, index.rank(_shortened(question)), strict=True)
    ]
    best = max(scores, default=0.0)
    if best <= 0:
        return _NOTHING_RECALLED
    total = remembered.history.tokens(count, _LINE_TOKENS)
    budget = room * _recall_share(room / max(1, total))
    chosen = best_within(index.chunks, scores, budget, count, overhead_tokens=_LINE_TOKENS)
    verbatim = _joined(index.chunks, chosen)
    return _Recall(
        verbatim,
        sum(count(text) + _LINE_TOKENS for text in verbatim.values()),
        {index.chunks[place].position for place in chosen if index.chunks[place].whole},
        frozenset(chosen),
        _fits(index.chunks, scores, best),
    )


def _fits(chunks: Sequence[Chunk], scores: Sequence[float], best: float) -> dict[int, float]:
    fit: dict[int, float] = {}
    for chunk, score in zip(chunks, scores, strict=True):
        fit[chunk.position] = max(fit.get(chunk.position, 0.0), score / best)
    return fit


def _recall_share(room: float) -> float:
    """Of the memory's budget; the less there is, the more of it answers the question."""
    width = min(1.0, max(0.0, (room - _NARROW) / (_WIDE - _NARROW)))
    return _LARGEST_RECALL_SHARE - width * (_LARGEST_RECALL_SHARE - _SMALLEST_RECALL_SHARE)


def _joined(chunks: Sequence[Chunk], chosen: Sequence[int]) -> dict[int, str]:
    parts: dict[int, list[str]] = {}
    for place in chosen:
        parts.setdefault(chunks[place].position, []).append(chunks[place].text)
    return {position: " […] ".join(texts) for position, texts in parts.items()}


# -------------------------------------------------------------------------------------- the others


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is left to condense. `told_whole`: positions whose passage here is the turn's own."""

    passages: list[Passage]
    told_whole: AbstractSet[int]


def _rest(remembered: Remembered, recall: _Recall, room: int, count: Callable[[str], int]) -> _Rest:
    """What was not recalled, with emphasis on what nearly was.

    Of a history many times larger than the room only what nearly was recalled is read again; the
    others come from its digest.
    """
    history = remembered.history
    texts = _unrecalled(remembered, recall)
    if history.tokens(count, _LINE_TOKENS) <= _DIGEST_FROM * max(1, room):
        return _Rest(_emphasised(history, texts, recall), texts.keys())
    near = _near(texts, recall, _NEAR_ROOM * room, count)
    digest = {
        each.index: each.text
        for each in history.digest(room, remembered.skip, count)
        if each.index not in near and each.index not in recall.entire
    }
    return _Rest(_emphasised(history, digest | near, recall), near.keys())


def _unrecalled(remembered: Remembered, recall: _Recall) -> dict[int, str]:
    """The turns without the parts that stand verbatim."""
    if not recall.chosen:
        return {
            passage.index: passage.text
            for passage in remembered.history.passages
            if passage.index not in remembered.skip
        }
    parts: dict[int, list[str]] = {}
    for place, chunk in enumerate(remembered.history.index.chunks):
        if place not in recall.chosen and chunk.position not in remembered.skip:
            parts.setdefault(chunk.position, []).append(chunk.text)
    return {position: "".join(texts) for position, texts in parts.items()}


def _near(
    texts: dict[int, str], recall: _Recall, room: float, count: Callable[[str], int]
) -> dict[int, str]:
    """The turns that fit the question best of those that are left."""
    near: dict[int, str] = {}
    for position in sorted(texts, key=lambda place: -recall.fit.get(place, 0.0)):
        room -= count(texts[position])
        if room < 0 or recall.fit.get(position, 0.0) <= 0:
            break
        near[position] = texts[position]
    return near


def _emphasised(history: History, texts: dict[int, str], recall: _Recall) -> list[Passage]:
    return [
        Passage(
            position,
            history.turns[position].speaker,
            texts[position],
            history.passages[position].emphasis * (1.0 + _EMPHASIS * recall.fit.get(position, 0.0)),
        )
        for position in sorted(texts)
    ]


def _shortened(question: str) -> str:
    """The ends of a very long message: what is asked stands at one of them."""
    if len(question) <= _QUESTION_CHARACTERS:
        return question
    half = _QUESTION_CHARACTERS // 2
    return f"{question[:half]}\n{question[-half:]}"
