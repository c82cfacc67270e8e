from collections.abc import Callable

import pytest

from catalogue.configuration import Catalogue

Load = Callable[[str], Catalogue]


def warnings_of(catalogue: Catalogue) -> list[tuple[str, str]]:
    return [(warning.field, warning.message) for warning in catalogue.warnings]


def test_an_ordinary_configuration_has_no_warnings(load: Load, minimal: str) -> None:
    assert warnings_of(load(minimal)) == []


def test_an_unused_provider_is_mentioned(load: Load, minimal: str) -> None:
    text = minimal.replace(
        "providers:\n", "providers:\n  idle: {kind: openai, api_key: {env: X}}\n"
    )

    assert warnings_of(load(text)) == [("providers.idle", "no model uses this provider")]


def test_openai_without_a_key_is_mentioned(load: Load, minimal: str) -> None:
    text = minimal.replace("{kind: openai-compatible,", "{kind: openai,")

    assert warnings_of(load(text)) == [
        ("providers.local", "has no api_key, and OpenAI refuses calls without one")
    ]


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        (
            "presenter: a",
            "presenter",
            "does nothing: the winner's text is delivered as it is",
        ),
        ("{tools: off, lead: a}", "lead", "does nothing with `tools: off`"),
        (
            "limits: {max_calls: 3}",
            "limits.max_calls",
            "leaves no room for a ballot after the answers",
        ),
        (
            "limits: {max_usd: 1}",
            "limits.max_usd",
            "cannot be enforced for agents whose model has no prices",
        ),
    ],
)
def test_settings_of_a_panel_without_effect_are_mentioned(
    load: Load, minimal: str, fields: str, field: str, message: str
) -> None:
    inline = fields.strip("{}") if fields.startswith("{") else fields
    text = f"""{minimal}\
panels:
  council: {{agents: [{{id: a, model: small}}, {{id: b, model: large}}], {inline}}}
"""

    assert warnings_of(load(text)) == [(f"panels.council.{field}", message)]


def test_a_lead_that_nobody_can_take_is_mentioned(load: Load, minimal: str) -> None:
    text = f"""{minimal}\
  plain: {{provider: local, capabilities: {{tools: false}}}}
panels:
  council: {{agents: [{{id: a, model: plain}}]}}
"""

    assert warnings_of(load(text)) == [("panels.council.tools", "no agent's model can call tools")]


def test_an_embedding_model_that_falls_back_on_another_one_is_mentioned(
    load: Load, minimal: str
) -> None:
    embeds = "dialects: [], capabilities: {embeddings: true}"
    text = f"""{minimal}\
  same: {{provider: local, upstream_model: e1, {embeds}}}
  other: {{provider: local, upstream_model: e2, {embeds}}}
  tested: {{provider: local, upstream_model: e1, {embeds}, fallbacks: [same, other]}}
"""

    assert warnings_of(load(text)) == [
        (
            "models.tested.fallbacks[1]",
            "embeds with another model, whose vectors cannot be compared",
        )
    ]


@pytest.mark.parametrize(
    ("kind", "vendor"), [("anthropic", "Anthropic"), ("azure-openai", "Azure")]
)
def test_vendors_that_need_a_key_are_mentioned_without_one(
    load: Load, minimal: str, kind: str, vendor: str
) -> None:
    text = minimal.replace("openai-compatible", kind)

    assert warnings_of(load(text)) == [
        ("providers.local", f"has no api_key, and {vendor} refuses calls without one")
    ]


def test_discovery_that_nobody_asked_for_is_mentioned(load: Load, minimal: str) -> None:
    text = minimal.replace("/v1}", "/v1, discovery: {refresh_s: 60}}")

    assert warnings_of(load(text)) == [
        ("providers.local.discovery", "does nothing without `discover: true`")
    ]


def test_a_provider_whose_models_are_discovered_is_used(load: Load, minimal: str) -> None:
    extra = "  listed: {kind: openai-compatible, base_url: http://h/v1, discover: true}\n"

    assert warnings_of(load(minimal.replace("models:", f"{extra}models:"))) == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("prices: {output_usd_per_mtok: 1}", "lacks input_usd_per_mtok"),
        ("prices: {cached_input_usd_per_mtok: 1}", "lacks input_usd_per_mtok and output"),
        (
            "prices: {input_usd_per_mtok: 1}, dialects: [], capabilities: {embeddings: true}",
            "",
        ),
        ("prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 1}", ""),
    ],
)
def test_prices_that_say_only_half_are_mentioned(
    load: Load, minimal: str, entry: str, message: str
) -> None:
    found = [text for _, text in warnings_of(load(f"{minimal}  m: {{provider: local, {entry}}}\n"))]

    assert len(found) == (1 if message else 0)
    assert all(message in text for text in found)


def test_a_summariser_without_summaries_is_mentioned(load: Load, minimal: str) -> None:
    entry = "{provider: local, compaction: {level: extractive, summariser: small}}"

    assert warnings_of(load(f"{minimal}  m: {entry}\n")) == [
        ("models.m.compaction.summariser", "does nothing with `level: extractive`")
    ]


def test_samples_that_would_all_be_equal_are_mentioned(load: Load, minimal: str) -> None:
    agents = "[{id: a, model: small, samples: 3, temperature: 0}]"

    assert warnings_of(load(f"{minimal}panels: {{p: {{agents: {agents}}}}}\n")) == [
        ("panels.p.agents[0].temperature", "makes the 3 samples nearly the same")
    ]
