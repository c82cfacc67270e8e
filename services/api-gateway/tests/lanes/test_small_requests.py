"""Which requests to a panel one model answers instead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from api_gateway.lanes.small_requests import request_facts, small_request_model
from catalogue import AuxiliaryRule, Catalogue
from wire.conversation import (
    FunctionTool,
    GenerationRequest,
    ImagePart,
    Item,
    Message,
    Sampling,
    TextPart,
    user_text,
)
from wire.specs import AgentSpec, Capabilities, ModelSpec, PanelSpec, ProviderSpec

PROVIDER = ProviderSpec(name="p", kind="openai-compatible", base_url="http://127.0.0.1:9/v1")
SMALL = ModelSpec(
    name="small",
    provider=PROVIDER,
    upstream_model="s",
    capabilities=Capabilities(images=False, tools=False),
)
COUNCIL = PanelSpec(name="council", agents=(AgentSpec(agent_id="a", model=SMALL),))
RULE = AuxiliaryRule(
    model=SMALL,
    panels=frozenset({"council"}),
    phrases=("write a title",),
    without_tools=False,
    max_prompt_tokens=None,
    max_output_tokens=None,
)


def catalogue(rule: AuxiliaryRule | None) -> Catalogue:
    return Catalogue(
        path=Path("conclave.yaml"),
        content_hash="",
        providers={},
        models={},
        panels={},
        names={},
        listing=(),
        auxiliary=rule,
    )


def request(*items: Item, tools: tuple[FunctionTool, ...] = ()) -> GenerationRequest:
    return GenerationRequest(items=items or (user_text("Please write a title."),), tools=tools)


@pytest.mark.requirement("small-requests:routed")
def test_a_request_that_matches_goes_to_the_small_model() -> None:
    assert small_request_model(catalogue(RULE), COUNCIL, request()) is SMALL


@pytest.mark.parametrize(
    ("rule", "panel", "asked"),
    [
        (None, COUNCIL, request()),
        (RULE, COUNCIL, request(user_text("What is a title?"))),
        (RULE, PanelSpec(name="other", agents=COUNCIL.agents), request()),
        (
            replace(RULE, panels=None),
            PanelSpec(name="sim", agents=COUNCIL.agents, kind="model"),
            request(),
        ),
        (
            RULE,
            COUNCIL,
            request(
                Message("user", (TextPart("write a title"), ImagePart("https://x/y.png"))),
            ),
        ),
        (RULE, COUNCIL, request(tools=(FunctionTool("f"),))),
    ],
    ids=["no rule", "no match", "another panel", "no panel", "image", "tools"],
)
@pytest.mark.requirement("small-requests:routed")
def test_every_other_request_is_the_panels(
    rule: AuxiliaryRule | None, panel: PanelSpec, asked: GenerationRequest
) -> None:
    assert small_request_model(catalogue(rule), panel, asked) is None


def test_a_rule_sees_instructions_and_the_last_words_of_the_user() -> None:
    facts = request_facts(
        GenerationRequest(
            items=(
                Message("system", (TextPart("one"),)),
                Message("developer", (TextPart("two"),)),
                user_text("first"),
                Message("assistant", (TextPart("said"),)),
                user_text("last"),
            ),
            sampling=Sampling(max_output_tokens=7),
        )
    )

    assert (facts.instructions, facts.last_user_text) == ("one\ntwo", "last")
    assert (facts.has_tools, facts.max_output_tokens) == (False, 7)
    assert facts.prompt_tokens > 5


def test_a_request_without_words_of_a_user_has_none() -> None:
    facts = request_facts(GenerationRequest(items=(Message("system", (TextPart("x"),)),)))

    assert facts.last_user_text == ""
