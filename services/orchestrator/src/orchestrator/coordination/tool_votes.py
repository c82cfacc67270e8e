"""`tools: vote`: all agents propose calls of the client's tools, the largest cluster wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.coordination.ballots import keyed_hash
from orchestrator.coordination.normal_forms import tool_calls_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.coordination.answers import Answer


def winning_calls(
    answers: Sequence[Answer], weights: Mapping[str, float], *, required: bool, seed: str
) -> Answer | None:
    """The answer whose calls are made; None when text weighs more and no call is required."""
    proposals = [answer for answer in answers if answer.kind == "tools"]
    texts = [answer for answer in answers if answer.kind == "text"]
    if not proposals:
        return None
    if not required and _weight(texts, weights) > _weight(proposals, weights):
        return None
    groups: dict[str, list[Answer]] = {}
    for answer in proposals:
        groups.setdefault(tool_calls_form(answer.tool_calls), []).append(answer)
    best = max(
        groups, key=lambda form: (_weight(groups[form], weights), keyed_hash(seed, "calls", form))
    )
    return groups[best][0]


def _weight(answers: Iterable[Answer], weights: Mapping[str, float]) -> float:
    return sum(weights.get(answer.agent_id, 1.0) for answer in answers)
