from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalogue.configuration import load_catalogue
from catalogue.massgen.folder import MassGenFile
from catalogue.massgen.importing import import_file
from catalogue.massgen.providers import Providers
from catalogue.names import PanelEntry
from catalogue.records import MassGenRecord
from wire.specs import PanelSpec, ProviderSpec

CONFIGURATION = """\
version: 1
providers: {openai: {kind: openai, api_key: {env: KEY}}}
models: {gpt: {provider: openai}}
panels: {council: {agents: [{id: a, model: gpt}], aliases: [massgen/taken]}}
massgen: {folder: imported}
"""
GOOD = "agents: [{id: a, backend: {type: openai, model: gpt}}]\n"
BAD = "agents:\n  - {id: a, backend: {type: openai, model: 7}}\n"


def lay_out(folder: Path, **files: str) -> Path:
    (folder / "conclave.yaml").write_text(CONFIGURATION)
    (folder / "imported").mkdir()
    for name, text in files.items():
        path = folder / "imported" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".yaml").write_text(text)
    return folder


@pytest.mark.requirement("catalogue:massgen:mapped")
def test_each_file_of_the_folder_is_a_model_that_clients_can_ask_for(tmp_path: Path) -> None:
    catalogue = load_catalogue(lay_out(tmp_path, one=GOOD, teams__two=GOOD))

    listed = [name.id for name in catalogue.public_names()]
    assert listed == ["council", "massgen/taken", "gpt", "massgen/one", "massgen/teams/two"]
    entry = catalogue.resolve("massgen/teams/two")
    assert isinstance(entry, PanelEntry)
    assert entry.spec is catalogue.panels["massgen/teams/two"]
    assert catalogue.warnings == ()


@pytest.mark.requirement("catalogue:massgen:refused")
def test_a_bad_file_costs_its_own_panel_and_nothing_else(tmp_path: Path) -> None:
    catalogue = load_catalogue(lay_out(tmp_path, bad=BAD, good=GOOD))

    assert {"council", "massgen/good"} <= set(catalogue.panels)
    assert catalogue.resolve("massgen/bad") is None
    summary, problem = catalogue.warnings
    assert summary.message == "the panel 'massgen/bad' is not offered: 1 problems below"
    assert problem.file == summary.file == str(tmp_path / "imported" / "bad.yaml")
    assert (problem.line, problem.field) == (2, "agents[0].backend.model")


@pytest.mark.requirement("catalogue:massgen:refused")
def test_a_name_that_is_taken_or_unusable_costs_the_file(tmp_path: Path) -> None:
    lay_out(tmp_path, taken=GOOD)
    (tmp_path / "imported" / "a b.yaml").write_text(GOOD)
    (tmp_path / "imported" / "taken.yml").write_text(GOOD)

    catalogue = load_catalogue(tmp_path)

    assert [file.panel for file in catalogue.imports] == [None, None, None]
    told = [file.problems[0].message for file in catalogue.imports]
    assert told[0] == "its path is not a usable model name"
    assert told[1] == told[2] == "the name 'massgen/taken' is taken"
    entry = catalogue.resolve("massgen/taken")
    assert isinstance(entry, PanelEntry)
    assert entry.spec.name == "council"


@pytest.mark.requirement("catalogue:massgen:refused")
def test_a_folder_that_is_not_there_is_a_problem_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "conclave.yaml").write_text(CONFIGURATION)

    with pytest.raises(Exception, match=r"conclave.yaml:5:19: massgen.folder: there is no folder"):
        load_catalogue(tmp_path)


def test_the_content_hash_is_of_the_imported_files_too(tmp_path: Path) -> None:
    lay_out(tmp_path, one=GOOD)
    before = load_catalogue(tmp_path).content_hash

    (tmp_path / "imported" / "one.yaml").write_text(GOOD + "# changed\n")
    changed = load_catalogue(tmp_path).content_hash
    (tmp_path / "imported" / "one.yaml").rename(tmp_path / "imported" / "two.yaml")

    assert len({before, changed, load_catalogue(tmp_path).content_hash}) == 3


PROVIDER = ProviderSpec(name="openai", kind="openai", base_url="https://host/v1")
PROVIDERS = Providers(MassGenRecord(folder="."), {"openai": PROVIDER}, {})
SAMPLE = """\
agents:
  - id: one
    system_message: Think.
    backend:
      type: openai
      model: gpt-5.4
      temperature: 0.5
      base_url: https://host/v1
      reasoning: {effort: high}
  - id: two
    backend: {type: ag2, agent_config: {llm_config: [{api_type: openai, model: m}]}}
orchestrator:
  voting_sensitivity: strict
  max_new_answers_per_agent: 2
  coordination: {max_orchestration_restarts: 1}
timeout_settings: {orchestrator_timeout_seconds: 60}
ui: {display_type: simple}
"""


def check_outcome(data: bytes) -> None:
    """A whole panel that can travel, or problems; anything else escapes and fails the test."""
    imported = import_file(MassGenFile("file", "file.yaml", data), PROVIDERS)
    assert (imported.panel is None) == bool(imported.problems)
    for finding in (*imported.problems, *imported.warnings):
        assert finding.file == "file.yaml"
        assert finding.line >= 1
        assert finding.message
        assert finding.fix
    if imported.panel is not None:
        written = msgspec.json.encode(imported.panel)
        assert msgspec.json.decode(written, type=PanelSpec) == imported.panel


EDITS = st.tuples(
    st.integers(0, len(SAMPLE)),
    st.integers(0, 40),
    st.sampled_from(
        [
            b"",
            b": ",
            b"- ",
            b"{",
            b"[",
            b"&a *a",
            b"!!python/object/apply:os.system",
            b"\xff",
            b"'\\ud800'",
            b"null",
            b"${X}",
            b"9" * 400,
        ]
    )
    | st.binary(max_size=8),
)


@pytest.mark.requirement("catalogue:massgen:refused")
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EDITS, min_size=1, max_size=5))
def test_a_file_with_anything_cut_or_inserted_is_a_panel_or_refused(
    edits: list[tuple[int, int, bytes]],
) -> None:
    data = SAMPLE.encode()
    for start, removed, inserted in edits:
        data = data[:start] + inserted + data[start + removed :]

    check_outcome(data)


Node = None | bool | int | float | str | list["Node"] | dict[str, "Node"]
NODES: st.SearchStrategy[Node] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "model", "backend", "agents", "llm_config"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def replaced(value: Node, path: list[int], new: Node) -> Node:
    """`value` with one thing in it exchanged; `path` picks a branch at each level."""
    if not path or not isinstance(value, list | dict) or not value:
        return new
    if isinstance(value, list):
        index = path[0] % len(value)
        return [*value[:index], replaced(value[index], path[1:], new), *value[index + 1 :]]
    key = list(value)[path[0] % len(value)]
    return {**value, key: replaced(value[key], path[1:], new)}


@pytest.mark.requirement("catalogue:massgen:refused")
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 9), min_size=1, max_size=7), NODES)
def test_a_file_with_any_value_exchanged_is_a_panel_or_refused(path: list[int], new: Node) -> None:
    typed = yaml.safe_load(SAMPLE)

    check_outcome(yaml.safe_dump(replaced(typed, path, new), allow_unicode=True).encode())
