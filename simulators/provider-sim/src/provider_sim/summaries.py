"""A summariser that forgets: of the facts it reads, a share does not reach its summary. Pure.

Which facts are lost depends on the seed and on the whole text, so every further summary of a
summary loses again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provider_sim.facts import facts_in
from provider_sim.stable_hash import stable_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SEEN_CHARS = 600
"""Of each end of a text: a request stands at an end, a record between them."""
_GAP = "\n\x1e\n"
_REQUEST = re.compile(
    r"context checkpoint|hand-?off summary"
    r"|\b(?:conversation|transcript|history|chat|session|dialogue)\b.{0,200}\bsummar(?:y|i[sz]e)\b"
    r"|\bsummar(?:y|i[sz]e)\b.{0,80}\b(?:conversation|transcript|history|chat|session|dialogue)\b"
    r"|\b(?:write|update|merge)\b.{0,80}\bsummary\b",
    re.IGNORECASE | re.DOTALL,
)
_INSTRUCTION_LINE = re.compile(r"^.*reply\s+with\s+exactly.*$", re.IGNORECASE | re.MULTILINE)
_HEADING = re.compile(r"^(#{1,3} [^\n]{1,60})$", re.MULTILINE)
_LIMIT = re.compile(r"at most (\d{1,6}) (words|tokens)", re.IGNORECASE)
_WORDS_PER_TOKEN = 0.6
_HEADING_OF_FACTS = re.compile(r"\b(?:facts?|identifiers?|details?|context)\b", re.IGNORECASE)
_PLAIN_HEADINGS = ("## Goal", "## Facts")


def asks_for_summary(instructions: Sequence[str], user_text: str) -> bool:
    """Whether system text or the user's own words ask for a summary of a conversation."""
    said = _INSTRUCTION_LINE.sub("", user_text)
    seen = [text[:_SEEN_CHARS] for text in instructions]
    return any(_REQUEST.search(text) for text in [*seen, *ends_of(said).split(_GAP)])


def ends_of(text: str) -> str:
    """What a user asks stands before or behind the record that it is about."""
    return f"{text[:_SEEN_CHARS]}{_GAP}{text[_SEEN_CHARS:][-_SEEN_CHARS:]}"


def write_summary(
    texts: Iterable[str], instructions: Sequence[str], *, lost_share: float, seed: object
) -> str:
    """Sections with what is left of the facts, under the headings that were asked for."""
    facts = facts_in("\n".join(texts))
    asked = "\n".join(instructions)
    kept = within_limit(kept_facts(facts, lost_share, seed), _words_allowed(asked))
    headings = _HEADING.findall(asked) or list(_PLAIN_HEADINGS)
    place = next((h for h in headings[1:] if _HEADING_OF_FACTS.search(h)), headings[-1])
    lines = [headings[0], "Continue the conversation that is summed up here."]
    lines += [place] if place != headings[0] else []
    lines += [f"- {fact}" for fact in kept] or ["- none"]
    return "\n".join(lines)


def kept_facts(facts: Sequence[str], lost_share: float, seed: object) -> list[str]:
    """All but the share that is lost, rounded to whole facts, in their order."""
    context = stable_hash(seed, *facts)
    by_luck = sorted(facts, key=lambda fact: stable_hash("forget", context, fact))
    lost = set(by_luck[: round(lost_share * len(facts))])
    return [fact for fact in facts if fact not in lost]


def within_limit(facts: Sequence[str], words: int | None) -> list[str]:
    """The latest facts that fit; what is older goes first."""
    if words is None:
        return list(facts)
    kept: list[str] = []
    for fact in reversed(facts):
        words -= len(fact.split())
        if words < 0:
            break
        kept.append(fact)
    return kept[::-1]


def _words_allowed(asked: str) -> int | None:
    limit = _LIMIT.search(asked)
    if limit is None:
        return None
    allowed = int(limit[1])
    return allowed if limit[2].lower() == "words" else int(allowed * _WORDS_PER_TOKEN)
