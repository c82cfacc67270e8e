"""Who sees which answers in which order under which labels, and what a returned ballot means.

Orders are rows of a cyclic Latin square: over the voters that see it, each answer stands in each
place exactly once. Labels are drawn per voter and round from a keyed hash: nobody can tell whose
answer a label is, or that two voters' labels mean the same answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchestrator.coordination.events import BallotPaper
    from wire.specs import SelfVote

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32 signs; no 0/O, 1/I
_LABEL_SIGNS = 4
REASON_CHARS = 600  # what is kept of a voter's reason


@dataclass(frozen=True, slots=True)
class BallotSheet:
    """What one voter is shown: `order[i]` is the agent whose answer stands under `labels[i]`."""

    voter_id: str
    order: tuple[str, ...]
    labels: tuple[str, ...]

    def agent_of(self, label: str) -> str | None:
        """Whose answer a voter means; models quote, fence and lower-case what they copy."""
        wanted = label.strip().strip("\"'`*<>[]()").upper()
        return next(
            (a for a, own in zip(self.order, self.labels, strict=True) if own == wanted), None
        )


@dataclass(frozen=True, slots=True)
class Ballot:
    """A valid vote, in agents. `ranking` may leave out the worst; `seen` is the whole sheet."""

    voter_id: str
    seen: tuple[str, ...]
    ranking: tuple[str, ...]
    approved: tuple[str, ...] = ()
    reason: str = ""
    refined_answer: str | None = None


class InvalidBallotError(ValueError):
    """A paper that names no answer of its sheet, or one twice."""


def keyed_hash(seed: str, *parts: str | int) -> bytes:
    """Unpredictable without the seed, the same for ever with it."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), key=seed.encode()[:64], digest_size=16).digest()


def draw_sheets(
    agents: Sequence[str], *, self_vote: SelfVote, seed: str, round_no: int
) -> list[BallotSheet]:
    """One sheet per agent over the answers of all agents, in the agents' order."""
    shuffled = sorted(agents, key=lambda agent: keyed_hash(seed, "order", round_no, agent))
    return [
        _sheet(agent, _row(shuffled, shuffled.index(agent), self_vote), seed, round_no)
        for agent in agents
    ]


def read_paper(sheet: BallotSheet, paper: BallotPaper) -> Ballot:
    """Labels to agents.

    Raises:
        InvalidBallotError: the ranking is empty, repeats an answer or names none of the sheet's.
    """
    ranking = [_known(sheet, label) for label in paper.ranking]
    if not ranking:
        raise InvalidBallotError("`ranking` is empty; list the labels, best first")
    if len(set(ranking)) != len(ranking):
        raise InvalidBallotError("`ranking` names a label twice")
    approved = {sheet.agent_of(label) for label in paper.approve}
    return Ballot(
        voter_id=sheet.voter_id,
        seen=sheet.order,
        ranking=tuple(ranking),
        approved=tuple(agent for agent in sheet.order if agent in approved),
        reason=" ".join(paper.reason.split())[:REASON_CHARS],
        refined_answer=_refined(paper),
    )


def _row(shuffled: Sequence[str], position: int, self_vote: SelfVote) -> tuple[str, ...]:
    turned = (*shuffled[position:], *shuffled[:position])
    if self_vote == "allow":
        return turned
    others = turned[1:]
    return others if self_vote == "exclude" else (*others, turned[0])


def _sheet(voter_id: str, order: tuple[str, ...], seed: str, round_no: int) -> BallotSheet:
    labels: list[str] = []
    for agent in order:
        labels.append(_fresh_label(seed, round_no, voter_id, agent, labels))
    return BallotSheet(voter_id, order, tuple(labels))


def _fresh_label(seed: str, round_no: int, voter_id: str, agent: str, taken: Iterable[str]) -> str:
    attempt = 0
    while (label := _label(keyed_hash(seed, "label", round_no, voter_id, agent, attempt))) in taken:
        attempt += 1
    return label


def _label(digest: bytes) -> str:
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_LABEL_SIGNS])


def _known(sheet: BallotSheet, label: str) -> str:
    agent = sheet.agent_of(label)
    if agent is None:
        known = ", ".join(sheet.labels)
        raise InvalidBallotError(f"`ranking` names {label[:40]!r}; the labels are {known}")
    return agent


def _refined(paper: BallotPaper) -> str | None:
    refined = (paper.refined_answer or "").strip()
    return refined or None
