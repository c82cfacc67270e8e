"""The history as one text within a budget: pinned, summary, what the question needs, the rest.

One transcript in the order of the conversation. Turns that the live question asks for stand in it
verbatim, marked `»`; the others condensed, marked `:`. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compactor.recall import Chunk, best_within, chunks_of, rank
from compactor.strategies.extractive import Condenser, Passage
from compactor.turns import full_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

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
_SUMMARISED_EMPHASIS = 0.5
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

    turns: Sequence[Turn]
    skip: AbstractSet[int] = frozenset()
    summary: str = ""
    summarised: int = 0
    pinned: Sequence[str] = ()

    def positions(self) -> list[int]:
        """The turns that are the memory's to tell."""
        return [place for place in range(len(self.turns)) if place not in self.skip]


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
    transcript = _Transcript(remembered, room, count, question)
    best = Memory(HEAD + fixed + FOOT, complete=False)
    spent = -1
    for _ in range(_TRIES):
        lines, complete = transcript.lines(room)
        text = HEAD + fixed + lines + FOOT
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


class _Transcript:
    """The turns as lines. What is recalled is decided once; the rest is fitted to the room."""

    def __init__(
        self, remembered: Remembered, room: int, count: Callable[[str], int], question: str | None
    ) -> None:
        self._turns = remembered.turns
        self._positions = remembered.positions()
        passages = [
            Passage(
                place,
                self._turns[place].speaker,
                full_text(self._turns[place]),
                _emphasis(remembered, place),
            )
            for place in self._positions
        ]
        self._recall = _recall(passages, room, count, question)
        self._rest = Condenser(self._recall.rest, count, overhead_tokens=_LINE_TOKENS)
        self.recalled = len(self._recall.verbatim)
        self.recalled_tokens = self._recall.tokens

    def lines(self, room: int) -> tuple[str, bool]:
        """At most about so many tokens, and whether that is everything."""
        rest = self._rest.fit(max(0, room - self._recall.tokens))
        complete = all(each.whole for each in rest) and len(rest) == len(self._recall.rest)
        left = {each.index: each for each in rest if each.text.strip()}
        lines: list[str] = []
        for place in self._positions:
            turn = self._turns[place]
            verbatim = self._recall.verbatim.get(place)
            if verbatim is not None:
                lines.append(_line(turn, verbatim, complete=not turn.thinned))
            if place in left:
                whole = left[place].whole and verbatim is None and not turn.thinned
                lines.append(_line(turn, left[place].text, complete=whole))
        return "".join(lines), complete


def _emphasis(remembered: Remembered, place: int) -> float:
    return _SUMMARISED_EMPHASIS if place < remembered.summarised else 1.0


def _line(turn: Turn, text: str, *, complete: bool) -> str:
    label = _LABELS[turn.speaker]
    if turn.speaker == "tool" and turn.name:
        label = f"{label} {turn.name}"
    return f"{label}{'»' if complete else ':'} {text.strip()}\n"


# ----------------------------------------------------------------------------------------- recall


@dataclass(frozen=True, slots=True)
class _Recall:
    """What stands verbatim by position, what it costs, and what is left to condense."""

    verbatim: dict[int, str]
    tokens: int
    rest: list[Passage]


def _recall(
    passages: list[Passage], room: int, count: Callable[[str], int], question: str | None
) -> _Recall:
    if not question or not question.strip():
        return _Recall({}, 0, passages)
    chunks = chunks_of(passages)
    scores = rank(chunks, _shortened(question))
    best = max(scores, default=0.0)
    if best <= 0:
        return _Recall({}, 0, passages)
    total = sum(count(passage.text) + _LINE_TOKENS for passage in passages)
    budget = room * _recall_share(room / max(1, total))
    chosen = best_within(chunks, scores, budget, count, overhead_tokens=_LINE_TOKENS)
    verbatim = _joined(chunks, chosen, passages)
    tokens = sum(count(text) + _LINE_TOKENS for text in verbatim.values())
    return _Recall(verbatim, tokens, _rest(passages, chunks, scores, set(chosen), best))


def _recall_share(room: float) -> float:
    """Of the memory's budget; the less there is, the more of it answers the question."""
    width = min(1.0, max(0.0, (room - _NARROW) / (_WIDE - _NARROW)))
    return _LARGEST_RECALL_SHARE - width * (_LARGEST_RECALL_SHARE - _SMALLEST_RECALL_SHARE)


def _joined(
    chunks: Sequence[Chunk], chosen: Sequence[int], passages: Sequence[Passage]
) -> dict[int, str]:
    parts: dict[int, list[str]] = {}
    for place in chosen:
        parts.setdefault(passages[chunks[place].position].index, []).append(chunks[place].text)
    return {index: " […] ".join(texts) for index, texts in parts.items()}


def _rest(
    passages: Sequence[Passage],
    chunks: Sequence[Chunk],
    scores: Sequence[float],
    chosen: AbstractSet[int],
    best: float,
) -> list[Passage]:
    """What was not recalled, with emphasis on what nearly was."""
    left: dict[int, list[str]] = {}
    fit: dict[int, float] = {}
    for place, chunk in enumerate(chunks):
        fit[chunk.position] = max(fit.get(chunk.position, 0.0), scores[place] / best)
        if place not in chosen:
            left.setdefault(chunk.position, []).append(chunk.text)
    return [
        Passage(
            passages[position].index,
            passages[position].speaker,
            "".join(texts),
            passages[position].emphasis * (1.0 + _EMPHASIS * fit[position]),
        )
        for position, texts in left.items()
    ]


def _shortened(question: str) -> str:
    """The ends of a very long message: what is asked stands at one of them."""
    if len(question) <= _QUESTION_CHARACTERS:
        return question
    half = _QUESTION_CHARACTERS // 2
    return f"{question[:half]}\n{question[-half:]}"
