from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from catalogue.configuration import Catalogue, load_catalogue
from wire.specs import (
    Capabilities,
    CompactionSpec,
    PanelSpec,
    Prices,
    RunLimits,
    SecretReference,
    Speed,
)

Load = Callable[[str], Catalogue]

FULL = """\
version: 1
providers:
  vendor:
    kind: openai
    api_key: {env: VENDOR_KEY}
    headers: {openai-organization: org-1}
    connect_timeout_s: 1
    first_byte_timeout_s: 2
    idle_timeout_s: 3
    max_concurrency: 4
    max_attempts: 5
    forward_traceparent: true
    usage_lookup: /usage/{request_id}
models:
  main:
    provider: vendor
    upstream_model: main-2026
    context_window_tokens: 1000
    max_output_tokens: 100
    capabilities: {images: false, reasoning: true}
    prices:
      input_usd_per_mtok: 1
      cached_input_usd_per_mtok: 0.1
      output_usd_per_mtok: 4
      cache_write_usd_per_mtok: 2
    speed: {time_to_first_token_s: 0.5, output_tokens_per_s: 80}
    compaction: {threshold_tokens: 500, target_ratio: 0.2, level: summary, summariser: spare}
    dialects: [chat, responses]
    fallbacks: [spare]
  spare: {provider: vendor}
panels:
  council:
    agents:
      - {id: a, model: main, persona: P, weight: 2, temperature: 0.5, max_output_tokens: 50,
         top_p: 0.9, reasoning_effort: high, verbosity: low}
      - {id: b, model: spare}
    rule: plurality
    self_vote: last
    present: polish
    presenter: b
    tools: lead
    lead: b
    max_rounds: 2
    quorum: 1
    grace: 0.25
    hedge: true
    borda_weight: 3
    early_stop: false
    max_answer_tokens: 77
    progress: false
    usage_report: summed
    limits: {wall_s: 9, max_calls: 8, max_input_tokens: 7, max_output_tokens: 6, max_usd: 5}
    voting_instruction: V
    weights: equal
    task_class: code
    compaction: {enabled: false}
"""


@pytest.mark.requirement("catalogue:resolved")
def test_everything_a_panel_says_arrives_in_its_spec(load: Load) -> None:
    catalogue = load(FULL)
    main, spare = catalogue.models["main"], catalogue.models["spare"]

    panel = catalogue.panels["council"]

    assert (panel.agents[0].model, panel.agents[1].model) == (main, spare)
    assert msgspec.to_builtins(panel.agents[0]) | {"model": 0} == {
        "agent_id": "a",
        "model": 0,
        "persona": "P",
        "weight": 2.0,
        "temperature": 0.5,
        "max_output_tokens": 50,
        "top_p": 0.9,
        "reasoning_effort": "high",
        "verbosity": "low",
    }
    assert panel == PanelSpec(
        name="council",
        agents=panel.agents,
        rule="plurality",
        self_vote="last",
        present="polish",
        presenter="b",
        tools="lead",
        lead="b",
        max_rounds=2,
        quorum=1,
        grace=0.25,
        hedge=True,
        borda_weight=3,
        early_stop=False,
        max_answer_tokens=77,
        progress=False,
        usage_report="summed",
        limits=RunLimits(wall_s=9, max_calls=8, max_input_tokens=7, max_output_tokens=6, max_usd=5),
        voting_instruction="V",
        weights="equal",
        task_class="code",
        compaction=CompactionSpec(enabled=False),
    )


@pytest.mark.requirement("catalogue:resolved")
def test_everything_a_model_says_arrives_in_its_spec(load: Load) -> None:
    model = load(FULL).models["main"]

    assert (model.name, model.upstream_model) == ("main", "main-2026")
    assert (model.context_window_tokens, model.max_output_tokens) == (1000, 100)
    assert model.capabilities == Capabilities(images=False, reasoning=True)
    assert model.prices == Prices(1, 0.1, 4, 2)
    assert model.speed == Speed(time_to_first_token_s=0.5, output_tokens_per_s=80)
    assert model.dialects == ("chat", "responses")


@pytest.mark.requirement("catalogue:resolved")
def test_everything_a_provider_says_arrives_in_its_spec(load: Load) -> None:
    assert msgspec.to_builtins(load(FULL).providers["vendor"]) == {
        "name": "vendor",
        "kind": "openai",
        "base_url": "https://api.openai.com/v1",
        "api_key": {"env": "VENDOR_KEY"},
        "headers": {"openai-organization": "org-1"},
        "connect_timeout_s": 1.0,
        "first_byte_timeout_s": 2.0,
        "idle_timeout_s": 3.0,
        "max_concurrency": 4,
        "max_attempts": 5,
        "forward_traceparent": True,
        "usage_lookup": "/usage/{request_id}",
    }


@pytest.mark.requirement("catalogue:resolved")
def test_a_resolved_panel_survives_the_wire(load: Load) -> None:
    panel = load(FULL).panels["council"]

    assert msgspec.json.decode(msgspec.json.encode(panel), type=PanelSpec) == panel


def test_an_upstream_model_left_out_is_the_name(load: Load) -> None:
    assert load(FULL).models["spare"].upstream_model == "spare"


def test_fallbacks_are_the_own_list_first_then_theirs_each_once_and_flat(
    load: Load, minimal: str
) -> None:
    text = f"""{minimal}\
  a: {{provider: local, fallbacks: [b, c]}}
  b: {{provider: local, fallbacks: [small, c]}}
  c: {{provider: local, fallbacks: [large]}}
"""

    fallbacks = load(text).models["a"].fallbacks

    assert [model.name for model in fallbacks] == ["b", "c", "small", "large"]
    assert all(model.fallbacks == () for model in fallbacks)


@pytest.mark.parametrize(("tools", "lead"), [("lead", "able"), ("vote", None), ("off", None)])
def test_the_first_agent_that_can_call_tools_leads(
    load: Load, minimal: str, tools: str, lead: str | None
) -> None:
    text = f"""{minimal}\
  plain: {{provider: local, capabilities: {{tools: false}}}}
panels:
  council:
    tools: {tools}
    agents: [{{id: first, model: plain}}, {{id: able, model: small}}, {{id: c, model: large}}]
"""

    assert load(text).panels["council"].lead == lead


@pytest.mark.requirement("catalogue:secrets:by-reference")
def test_a_relative_secret_file_starts_at_the_folder_of_the_configuration(
    tmp_path: Path, minimal: str
) -> None:
    text = minimal.replace("/v1}", "/v1, api_key: {file: keys/local}}")
    (tmp_path / "conclave.yaml").write_text(text)

    reference = load_catalogue(tmp_path).providers["local"].api_key

    assert reference == SecretReference(file=str(tmp_path / "keys" / "local"))


def test_an_absolute_secret_file_stays_as_it_is(load: Load, minimal: str) -> None:
    text = minimal.replace("/v1}", "/v1, api_key: {file: /run/secrets/local}}")

    assert load(text).providers["local"].api_key == SecretReference(file="/run/secrets/local")


@pytest.mark.requirement("catalogue:compaction")
def test_a_summariser_travels_with_the_model_and_is_not_compacted_itself(load: Load) -> None:
    catalogue = load(FULL.replace("spare: {", "spare: {compaction: {summariser: main}, "))

    compaction = catalogue.models["main"].compaction

    assert (compaction.threshold_tokens, compaction.target_ratio) == (500, 0.2)
    assert compaction.summariser is not None
    assert compaction.summariser.name == "spare"
    assert compaction.summariser.compaction == CompactionSpec()


KINDS = """\
version: 1
providers:
  claude: {kind: anthropic}
  azure: {kind: azure-openai, base_url: "https://own.openai.azure.com/"}
  dated: {kind: azure-openai, base_url: "https://own.openai.azure.com", api_version: preview}
  newer: {kind: anthropic, api_version: 2026-10-21}
models:
  opus: {provider: claude, upstream_model: claude-opus-4-6}
  tuned: {provider: claude, capabilities: {structured_outputs: true, images: false}}
  deployed: {provider: azure, upstream_model: my-deployment}
  plain: {provider: azure, capabilities: {developer_role: false}, dialects: [chat, responses]}
"""


@pytest.mark.requirement("catalogue:kinds")
def test_each_kind_brings_its_address_and_version(load: Load) -> None:
    providers = load(KINDS).providers

    assert providers["claude"].base_url == "https://api.anthropic.com/v1"
    assert providers["claude"].api_version is None
    assert providers["azure"].base_url == "https://own.openai.azure.com"
    assert providers["azure"].api_version == "2024-10-21"
    assert providers["dated"].api_version == "preview"
    assert providers["newer"].api_version == "2026-10-21"


@pytest.mark.requirement("catalogue:kinds")
def test_each_kind_brings_its_dialect_and_capabilities_unless_written(load: Load) -> None:
    models = load(KINDS).models

    assert models["opus"].dialects == ("messages",)
    assert models["deployed"].dialects == ("chat",)
    assert models["plain"].dialects == ("chat", "responses")
    opus, tuned = models["opus"].capabilities, models["tuned"].capabilities
    assert (opus.tools, opus.images, opus.logprobs, opus.seed) == (True, True, False, False)
    assert (opus.structured_outputs, tuned.structured_outputs) == (False, True)
    assert (tuned.images, tuned.multiple_choices) == (False, False)
    assert models["deployed"].capabilities.developer_role is True
    assert models["plain"].capabilities.developer_role is False


@pytest.mark.requirement("catalogue:samples")
def test_samples_become_seats_with_ids_of_their_own(load: Load, minimal: str) -> None:
    text = f"""{minimal}\
panels:
  samples:
    lead: s-2
    agents:
      - {{id: s, model: small, samples: 3, temperature: 0.8, persona: P}}
      - {{id: other, model: large}}
"""

    agents = load(text).panels["samples"].agents

    assert [agent.agent_id for agent in agents] == ["s-1", "s-2", "s-3", "other"]
    assert [agent.temperature for agent in agents] == [0.8, 0.8, 0.8, None]
    assert {agent.persona for agent in agents[:3]} == {"P"}
