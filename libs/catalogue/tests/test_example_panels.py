"""`examples/panels/` and `docs/panels.md` say the same, and both are true."""

import re
from pathlib import Path

import pytest

from catalogue.configuration import Catalogue, load_catalogue, parse_catalogue
from catalogue.estimates import PanelEstimate, estimate_panel
from catalogue.records import AgentRecord, CompactionRecord, LimitsRecord, PanelRecord
from wire.specs import PanelSpec

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples" / "panels").glob("*.yaml"))
PAGE = (ROOT / "docs" / "panels.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
# What the page's fragments refer to.
SURROUNDINGS = """\
version: 1
providers:
  local: {kind: openai-compatible, base_url: http://127.0.0.1:9/v1}
  vendor: {kind: openai-compatible, base_url: http://127.0.0.1:8/v1}
models:
  large: {provider: local, prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 2}}
  small: {provider: vendor, prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 2}}
"""


def the_panel(catalogue: Catalogue) -> PanelSpec:
    (panel,) = catalogue.panels.values()
    return panel


def figures(estimate: PanelEstimate) -> list[str]:
    """As a row of the page shows them: least / typical / most."""
    return [
        f"{estimate.calls_min} / {estimate.calls_typical} / {estimate.calls_max}",
        f"{estimate.input_tokens_min:,} / {estimate.input_tokens_typical:,} / "
        f"{estimate.input_tokens_max:,}",
        f"{estimate.output_tokens_min:,} / {estimate.output_tokens_typical:,} / "
        f"{estimate.output_tokens_max:,}",
        f"{estimate.usd_min:.4f} / {estimate.usd_typical:.4f} / {estimate.usd_max:.4f}",
        f"{estimate.duration_s_min:.0f} / {estimate.duration_s_typical:.0f} / "
        f"{estimate.duration_s_max:.0f}",
    ]


@pytest.mark.requirement("catalogue:examples")
def test_there_is_an_example_for_each_purpose() -> None:
    names = {path.stem for path in EXAMPLES}

    assert names == {"fast", "council", "research", "samples", "tools-lead", "vision"}


@pytest.mark.requirement("catalogue:examples")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_is_a_whole_configuration_without_anything_to_warn_about(path: Path) -> None:
    catalogue = load_catalogue(path, environ={"OPENAI_API_KEY": "k"}, require_secrets=True)

    assert catalogue.warnings == ()
    assert len(the_panel(catalogue).agents) >= 2


@pytest.mark.requirement("catalogue:examples")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_page_states_each_examples_estimate_as_it_is(path: Path) -> None:
    estimate = estimate_panel(the_panel(load_catalogue(path)), 2000, 800)

    row = f"| [{path.stem}](../examples/panels/{path.name}) | {' | '.join(figures(estimate))} |"
    assert row in PAGE


@pytest.mark.requirement("catalogue:examples")
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split(":")[0])
def test_every_fragment_of_the_page_loads(block: str, tmp_path: Path) -> None:
    (tmp_path / "massgen").mkdir()
    # A section stands once: the fragment's providers join those around it.
    section, _, inside = block.partition("\n")
    whole = (
        SURROUNDINGS.replace(f"{section}\n", f"{section}\n{inside}")
        if f"\n{section}\n" in SURROUNDINGS
        else SURROUNDINGS + block
    )

    catalogue = parse_catalogue(whole.encode(), tmp_path / "conclave.yaml")

    assert not any("panels." in warning.field for warning in catalogue.warnings)


@pytest.mark.requirement("catalogue:examples")
@pytest.mark.parametrize("record", [PanelRecord, AgentRecord, LimitsRecord, CompactionRecord])
def test_the_page_explains_every_option_of_a_panel(
    record: type[PanelRecord | AgentRecord | LimitsRecord | CompactionRecord],
) -> None:
    explained = set(re.findall(r"`(\w+)`", PAGE))

    assert set(record.model_fields) - explained - {"enabled"} == set()
