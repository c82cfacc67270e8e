from collections.abc import Callable

import pytest

from catalogue.configuration import Catalogue
from catalogue.names import ModelEntry

Load = Callable[[str], Catalogue]

PANEL = """\
panels:
  council:
    aliases: [gpt-council]
    max_answer_tokens: 2000
    agents: [{id: a, model: wide}, {id: b, model: narrow}]
"""
MODELS = """\
  wide: {provider: local, context_window_tokens: 9000, capabilities: {reasoning: true}}
  narrow:
    provider: local
    context_window_tokens: 4000
    capabilities: {images: false, tools: false}
"""


@pytest.mark.requirement("catalogue:names:stable")
def test_panels_come_first_then_models_and_each_alias_is_an_id_of_its_own(
    load: Load, minimal: str
) -> None:
    names = load(f"{minimal}{MODELS}  x/y:z: {{provider: local, aliases: [gpt-x]}}\n{PANEL}")

    assert [
        (name.id, name.owned_by, name.kind, name.alias_of) for name in names.public_names()
    ] == [
        ("council", "conclave", "panel", None),
        ("gpt-council", "conclave", "panel", "council"),
        ("small", "local", "model", None),
        ("large", "local", "model", None),
        ("wide", "local", "model", None),
        ("narrow", "local", "model", None),
        ("x/y:z", "local", "model", None),
        ("gpt-x", "local", "model", "x/y:z"),
    ]


@pytest.mark.requirement("catalogue:names:stable")
def test_created_is_a_constant_unless_the_file_says_otherwise(load: Load, minimal: str) -> None:
    names = load(f"{minimal}  dated: {{provider: local, created: 1700000000}}\n").public_names()

    assert {name.id: name.created for name in names} == {
        "small": 1_735_689_600,
        "large": 1_735_689_600,
        "dated": 1_700_000_000,
    }


def test_a_panel_has_the_smallest_window_of_its_agents(load: Load, minimal: str) -> None:
    panel = load(minimal + MODELS + PANEL).public_names()[0]

    assert (panel.context_window_tokens, panel.max_output_tokens) == (4000, 2000)


def test_a_panel_sees_images_only_if_all_its_agents_do(load: Load, minimal: str) -> None:
    abilities = load(minimal + MODELS + PANEL).public_names()[0].capabilities

    assert not abilities.images
    assert abilities.structured_outputs
    assert abilities.reasoning
    assert not abilities.embeddings
    assert abilities.multiple_choices


@pytest.mark.parametrize(
    ("tools", "can"),
    [("off", False), ("lead", True), ("lead\n    lead: a", True), ("vote", True)],
)
def test_a_panel_calls_tools_if_its_lead_can(
    load: Load, minimal: str, tools: str, *, can: bool
) -> None:
    panel = load(f"{minimal}{MODELS}{PANEL}    tools: {tools}\n").public_names()[0]

    assert panel.capabilities.tools is can


def test_a_panel_without_an_agent_that_can_does_not_call_tools(load: Load, minimal: str) -> None:
    text = f"{minimal}{MODELS}panels: {{p: {{agents: [{{id: a, model: narrow}}]}}}}\n"

    assert not load(text).public_names()[0].capabilities.tools


def test_a_model_without_a_dialect_only_embeds(load: Load, minimal: str) -> None:
    text = f"{minimal}  e: {{provider: local, dialects: [], capabilities: {{embeddings: true}}}}\n"
    catalogue = load(text)

    entries = [catalogue.resolve(name) for name in ("e", "small")]

    assert [isinstance(entry, ModelEntry) and entry.only_embeds for entry in entries] == [
        True,
        False,
    ]
