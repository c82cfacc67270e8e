"""How a model judges candidates: by what was asked, and otherwise by a taste of its own.

Pure. The taste depends on the voice and the candidate's text, never on position or label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provider_sim import prose
from provider_sim.scene import unescaped
from provider_sim.stable_hash import seeded, stable_hash
from provider_sim.structured_output import SchemaWriter, validates

if TYPE_CHECKING:
    from provider_sim.json_types import Json, JsonObject
    from provider_sim.scene import Candidate, Scene

_WINNER_NAMES = ("vote", "choice", "best", "winner")


def ranked(candidates: tuple[Candidate, ...], expected: str | None, voice: str) -> list[Candidate]:
    """Best first: exactly what was asked, then what contains it, then by taste."""
    return sorted(
        candidates,
        key=lambda candidate: (
            _distance(candidate, expected),
            stable_hash(voice, candidate.text.strip()),
            candidate.label,
        ),
    )


def _distance(candidate: Candidate, expected: str | None) -> int:
    if expected is None:
        return 0
    texts = unescaped(candidate)
    if expected.strip() in texts:
        return 0
    return 1 if any(expected in text for text in texts) else 2


def fill_ballot(scene: Scene, expected: str | None, voice: str) -> JsonObject:
    """An instance of the ballot's schema with an honest judgement in it."""
    assert scene.ballot is not None  # noqa: S101 - narrows
    schema = scene.ballot.schema
    rng = seeded("ballot", voice)
    order = ranked(scene.candidates, expected, voice)
    written = SchemaWriter(schema, rng, scene.user_text).write()
    ballot: JsonObject = written if isinstance(written, dict) else {}
    for name, value in _judgement(order, expected, voice).items():
        _put(ballot, schema, name, value)
    if not validates(ballot.get("refined_answer"), _property(schema, "refined_answer"), schema):
        ballot["refined_answer"] = ""
    return ballot


def _judgement(order: list[Candidate], expected: str | None, voice: str) -> JsonObject:
    right = [candidate for candidate in order if expected and not _distance(candidate, expected)]
    approved = right if expected is not None else order[: (len(order) + 1) // 2]
    best = order[0].label
    reason = prose.reason_sentence(
        seeded("reason", voice), best=best, certain=best in {candidate.label for candidate in right}
    )
    return {
        "ranking": [candidate.label for candidate in order],
        "approve": [candidate.label for candidate in approved],
        "reason": reason,
        "refined_answer": None,
        **dict.fromkeys(_WINNER_NAMES, best),
    }


def _put(ballot: JsonObject, schema: JsonObject, name: str, value: Json) -> None:
    part = _property(schema, name)
    if part is None:
        return
    if name == "approve" and validates(True, part, schema):  # noqa: FBT003 - the JSON value
        value = bool(value)
    if name not in _WINNER_NAMES or validates(value, part, schema):
        ballot[name] = value


def _property(schema: JsonObject, name: str) -> Json:
    properties = schema.get("properties")
    return properties.get(name) if isinstance(properties, dict) else None
