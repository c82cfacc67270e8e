"""How a model judges."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_sim.ballots import fill_ballot, ranked
from provider_sim.json_types import JsonObject
from provider_sim.prompt import Message, OutputFormat, Prompt
from provider_sim.scene import Candidate, Scene, read_scene
from provider_sim.structured_output import validates

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "ranking": {"type": "array", "items": {"type": "string"}},
        "approve": {"type": "array", "items": {"type": "string"}},
        "reason": {"type": "string"},
        "refined_answer": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["ranking", "approve", "reason", "refined_answer"],
    "additionalProperties": False,
}
texts = st.lists(st.text("abcdefgh ", min_size=1, max_size=20).map(str.strip), min_size=1,
                 max_size=6, unique=True)  # fmt: skip


def fence(candidates: list[Candidate]) -> str:
    return "\n".join(f'<candidate label="{c.label}">\n{c.text}\n</candidate>' for c in candidates)


def scene_with(candidates: list[Candidate], schema: JsonObject = SCHEMA) -> Scene:
    messages = (Message("user", "Why?"), Message("developer", fence(candidates)))
    return read_scene(Prompt("sim", messages, output=OutputFormat("json_schema", schema)))


@pytest.mark.requirement("provider-sim:ballot")
@given(texts, st.randoms(use_true_random=False), st.text(max_size=5))
def test_a_ballot_ranks_every_label_once_and_fits_its_schema(
    candidate_texts: list[str], rng: random.Random, voice: str
) -> None:
    labels = rng.sample([f"L{n}" for n in range(50)], len(candidate_texts))
    candidates = [Candidate(label, text) for label, text in zip(labels, candidate_texts,
                                                                strict=True)]  # fmt: skip

    ballot = fill_ballot(scene_with(candidates), None, voice)

    assert validates(ballot, SCHEMA, SCHEMA)
    assert isinstance(ballot["ranking"], list)
    assert sorted(map(str, ballot["ranking"])) == sorted(labels)
    assert ballot["refined_answer"] is None


@pytest.mark.requirement("provider-sim:ballot")
@given(texts, st.randoms(use_true_random=False))
def test_taste_depends_on_the_text_and_not_on_position_or_label(
    candidate_texts: list[str], rng: random.Random
) -> None:
    shuffled = rng.sample(candidate_texts, len(candidate_texts))
    one = [Candidate(f"A{i}", text) for i, text in enumerate(candidate_texts)]
    two = [Candidate(f"B{i}", text) for i, text in enumerate(shuffled)]

    first = [candidate.text for candidate in ranked(tuple(one), None, "ada")]
    second = [candidate.text for candidate in ranked(tuple(two), None, "ada")]

    assert first == second


def test_voices_differ_in_taste() -> None:
    candidates = tuple(Candidate(str(i), f"text {i}") for i in range(6))

    orders = {tuple(c.label for c in ranked(candidates, None, voice)) for voice in "abcdefgh"}

    assert len(orders) > 4


def test_what_was_asked_goes_first_and_alone_is_approved() -> None:
    candidates = [
        Candidate("A", "I see it differently."),
        Candidate("B", "Sure: PONG & more"),
        Candidate("C", "PONG &amp; more"),
    ]

    ballot = fill_ballot(scene_with(candidates), "PONG & more", "ada")

    assert ballot["ranking"] == ["C", "B", "A"]
    assert ballot["approve"] == ["C"]


def test_without_one_right_answer_the_better_half_is_approved() -> None:
    candidates = [Candidate(str(i), f"text {i}") for i in range(5)]

    ballot = fill_ballot(scene_with(candidates), None, "ada")

    assert isinstance(ballot["ranking"], list)
    assert ballot["approve"] == ballot["ranking"][:3]


def test_other_shapes_of_a_ballot_are_filled_too() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "ranking": {"type": "array", "items": {"type": "string"}},
            "approve": {"type": "boolean"},
            "refined_answer": {"type": "string"},
            "vote": {"type": "string", "enum": ["A", "B"]},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "required": ["ranking", "approve", "vote", "confidence", "refined_answer"],
    }
    candidates = [Candidate("A", "no"), Candidate("B", "PONG")]

    ballot = fill_ballot(scene_with(candidates, schema), "PONG", "ada")

    assert validates(ballot, schema, schema)
    assert (ballot["approve"], ballot["vote"], ballot["refined_answer"]) == (True, "B", "")
