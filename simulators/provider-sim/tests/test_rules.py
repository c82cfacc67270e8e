"""Rules."""

import pytest

from provider_sim.json_types import Json, JsonObject
from provider_sim.rules import RequestTraits, Rules
from provider_sim.wire_errors import WireError

ANSWER = RequestTraits("sim", "answer", "You are Ada.", "Why?")
BALLOT = RequestTraits("sim-2", "ballot", "You are Bob.", "Why?")
FAIL: JsonObject = {"fault": 500}


def rules_of(*rules: JsonObject) -> Rules:
    rules_ = Rules()
    rules_.add(list(rules))
    return rules_


@pytest.mark.requirement("provider-sim:steering")
@pytest.mark.parametrize(
    "match",
    [
        {"model": "sim"},
        {"kind": "answer"},
        {"persona_regex": "ada"},
        {"text_regex": "why", "model": "si?"},
        {"model": "sim", "kind": "answer", "nth": 1},
    ],
)
def test_a_rule_applies_to_what_it_matches(match: JsonObject) -> None:
    rules = rules_of({"match": match, "profile": FAIL})

    assert rules.profile_for(ANSWER) == {"fault": {"500"}}


@pytest.mark.parametrize(
    "match", [{"model": "sim"}, {"kind": "answer"}, {"persona_regex": "ada"}, {"text_regex": "how"}]
)
def test_a_rule_leaves_others_alone(match: JsonObject) -> None:
    rules = rules_of({"match": match, "profile": FAIL})

    assert rules.profile_for(BALLOT) == {}


def test_a_rule_wears_out_and_the_next_takes_over() -> None:
    rules = rules_of({"profile": {"fault": 500}, "times": 2}, {"profile": {"fault": 429}})

    faults = [rules.profile_for(ANSWER)["fault"] for _ in range(4)]

    assert faults == [{"500"}, {"500"}, {"429"}, {"429"}]


def test_a_rule_may_pick_the_nth_request() -> None:
    rules = rules_of({"match": {"nth": [2, 4]}, "profile": FAIL})

    assert [bool(rules.profile_for(ANSWER)) for _ in range(5)] == [False, True, False, True, False]
    assert rules.listing() == [
        {"match": {"nth": [2, 4]}, "profile": FAIL, "matched": 5, "applied": 2}
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"match": {}},
        "x",
        [1],
        [{"profile": 3}],
        [{"match": {"modle": "x"}, "profile": {}}],
        [{"match": {"kind": "vote"}, "profile": {}}],
        [{"match": {"text_regex": "("}, "profile": {}}],
        [{"match": {"nth": "x"}, "profile": {}}],
        [{"profile": FAIL}, {"profile": {"speed": 1}}],
    ],
)
def test_a_bad_list_is_refused_as_a_whole(body: Json) -> None:
    rules = Rules()

    with pytest.raises(WireError):
        rules.add(body)
    assert rules.listing() == []


def test_rules_are_bounded() -> None:
    rules = rules_of(*[dict[str, Json](profile=FAIL)] * 1000)

    with pytest.raises(WireError, match="at most"):
        rules.add([{"profile": FAIL}])
