"""Answers that say the same thing pool their votes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.coordination.normal_forms import code_of, exact_form, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAME_PROSE = 0.75  # Jaccard of shingles: the same text lightly reworded scores above, others below
_SHINGLE_WORDS = 3
_OPERATOR = re.compile("[<>\u2264\u2265\u2260]=?|!=|==|[+^\u00d7\u00f7]")
# English contractions come in halves ("isn", "t"). A language that is missing here only costs a
# skipped ballot some of its safety.
_NEGATIONS = frozenset(
    {"not", "no", "never", "none", "neither", "nor", "cannot", "can", "couldn", "false"}
    | {"isn", "aren", "wasn", "weren", "don", "doesn", "didn", "won", "wouldn", "shouldn"}
    | {"nicht", "nichts", "nie", "niemals", "kein", "keine", "keinen", "keiner", "keines"}
    | {"ne", "pas", "jamais", "aucun", "aucune", "nunca", "ningún", "ninguna", "non", "mai"}
    | {"n\u00e3o", "\u043d\u0435", "\u043d\u0435\u0442"}  # Portuguese, Russian
)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is compared of an answer. `exact` None: prose, compared by shingles, facts and code.

    `facts`: numbers, negations, operators. Prose that differs in one of them, or in a line of its
    fenced code, does not say the same however alike the rest is.
    """

    exact: str | None
    shingles: frozenset[tuple[str, ...]] = frozenset()
    facts: tuple[tuple[str, int], ...] = ()
    code: str = ""


def fingerprint(text: str) -> Fingerprint:
    """Read an answer once, so that comparing it with n others is cheap."""
    exact = exact_form(text)
    if exact is not None:
        return Fingerprint(exact)
    spoken = words(text)
    facts = Counter(word for word in spoken if word in _NEGATIONS or word[0].isdigit())
    facts.update(_OPERATOR.findall(text))
    return Fingerprint(None, _shingles(spoken), tuple(sorted(facts.items())), code_of(text))


def same(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether two answers say the same, as far as can be told without a judge."""
    if one.exact is not None or other.exact is not None:
        return one.exact == other.exact
    if one.facts != other.facts or one.code != other.code:
        return False
    union = len(one.shingles | other.shingles)
    return union > 0 and len(one.shingles & other.shingles) / union >= SAME_PROSE


def form_clusters(fingerprints: Mapping[str, Fingerprint]) -> list[tuple[str, ...]]:
    """Group ids whose answers say the same, directly or through others; order of first members."""
    ids = list(fingerprints)
    leader = {answer: answer for answer in ids}
    for position, one in enumerate(ids):
        for other in ids[position + 1 :]:
            if leader[one] != leader[other] and same(fingerprints[one], fingerprints[other]):
                _merge(leader, keep=leader[one], drop=leader[other])
    return _groups(ids, leader)


def _shingles(spoken: Sequence[str]) -> frozenset[tuple[str, ...]]:
    last = max(1, len(spoken) - _SHINGLE_WORDS + 1)
    return frozenset(tuple(spoken[at : at + _SHINGLE_WORDS]) for at in range(last))


def _merge(leader: dict[str, str], *, keep: str, drop: str) -> None:
    for answer, its_leader in leader.items():
        if its_leader == drop:
            leader[answer] = keep


def _groups(ids: Sequence[str], leader: Mapping[str, str]) -> list[tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for answer in ids:
        groups.setdefault(leader[answer], []).append(answer)
    return [tuple(group) for group in groups.values()]
