from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.auxiliary import KNOWN_PHRASES, AuxiliaryRule, RequestFacts
from catalogue.configuration import Catalogue
from wire.specs import ModelSpec, ProviderSpec

Load = Callable[[str], Catalogue]

PANELS = """\
panels:
  council: {agents: [{id: a, model: large}, {id: b, model: small}]}
  other: {agents: [{id: a, model: large}]}
"""


def facts(
    *,
    instructions: str = "",
    last_user_text: str = "",
    has_tools: bool = False,
    prompt_tokens: int = 100,
    max_output_tokens: int | None = None,
) -> RequestFacts:
    return RequestFacts(instructions, last_user_text, has_tools, prompt_tokens, max_output_tokens)


def routed(load: Load, minimal: str, rule: str, request: RequestFacts) -> str | None:
    catalogue = load(f"{minimal}{PANELS}routing: {{auxiliary: {{model: small{rule}}}}}\n")
    model = catalogue.auxiliary_model("council", request)
    return model.name if model else None


@pytest.mark.requirement("catalogue:auxiliary")
@pytest.mark.parametrize(
    "request_",
    [
        facts(last_user_text="### Task:\nGenerate a concise, 3-5 word title with an emoji"),
        facts(instructions="You are a title generator. You output ONLY a thread title."),
        facts(last_user_text="PROVIDE A CONCISE,\n  5-word-or-less title for the conversation"),
    ],
)
def test_requests_that_known_clients_make_beside_the_chat_go_to_the_model(
    load: Load, minimal: str, request_: RequestFacts
) -> None:
    assert routed(load, minimal, "", request_) == "small"


@pytest.mark.requirement("catalogue:auxiliary")
@pytest.mark.parametrize(
    "request_",
    [
        facts(last_user_text="Write a short title for my novel about a lighthouse."),
        facts(instructions="You are a careful assistant.", max_output_tokens=10),
        facts(instructions="You are a title generator.", has_tools=True),
    ],
)
def test_what_people_ask_stays_with_the_panel(
    load: Load, minimal: str, request_: RequestFacts
) -> None:
    assert routed(load, minimal, "", request_) is None


@pytest.mark.requirement("catalogue:auxiliary")
@pytest.mark.parametrize(
    ("match", "request_", "matches"),
    [
        ("{phrases: [name this chat]}", facts(last_user_text="Name  THIS chat"), True),
        ("{phrases: [name this chat]}", facts(last_user_text="generate a title"), False),
        ("{phrases: [], max_output_tokens: 64}", facts(max_output_tokens=64), True),
        ("{phrases: [], max_output_tokens: 64}", facts(max_output_tokens=65), False),
        ("{phrases: [], max_output_tokens: 64}", facts(), False),
        ("{phrases: [], max_prompt_tokens: 100}", facts(prompt_tokens=100), True),
        ("{phrases: [], max_prompt_tokens: 100}", facts(prompt_tokens=101), False),
        (
            "{phrases: [], max_output_tokens: 64, without_tools: false}",
            facts(max_output_tokens=9, has_tools=True),
            True,
        ),
    ],
)
def test_every_condition_that_is_given_must_hold(
    load: Load, minimal: str, *, match: str, request_: RequestFacts, matches: bool
) -> None:
    found = routed(load, minimal, f", match: {match}", request_)

    assert (found == "small") is matches


@pytest.mark.requirement("catalogue:auxiliary")
def test_only_the_named_panels_give_away_their_small_requests(load: Load, minimal: str) -> None:
    catalogue = load(f"{minimal}{PANELS}routing: {{auxiliary: {{model: small, panels: [other]}}}}")
    small = facts(instructions=KNOWN_PHRASES[0])

    assert catalogue.auxiliary_model("council", small) is None
    assert catalogue.auxiliary_model("other", small) is catalogue.models["small"]


def test_without_a_rule_every_request_stays(load: Load, minimal: str) -> None:
    catalogue = load(minimal + PANELS)

    assert catalogue.auxiliary_model("council", facts(instructions=KNOWN_PHRASES[0])) is None


MODEL = ModelSpec(
    name="m",
    provider=ProviderSpec(name="p", kind="openai", base_url="https://host/v1"),
    upstream_model="m",
)
KNOWN = AuxiliaryRule(
    MODEL,
    None,
    KNOWN_PHRASES,
    without_tools=True,
    max_prompt_tokens=None,
    max_output_tokens=None,
)


@given(st.sampled_from(KNOWN_PHRASES), st.text(max_size=50), st.text(max_size=50))
def test_a_phrase_is_found_whatever_stands_around_it(phrase: str, before: str, after: str) -> None:
    assert KNOWN.matches(facts(last_user_text=f"{before} {phrase.upper()} {after}"))
