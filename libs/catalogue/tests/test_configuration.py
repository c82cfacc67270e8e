import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalogue.configuration import Catalogue, load_catalogue, parse_catalogue
from catalogue.document import MAX_FILE_BYTES
from catalogue.files import configuration_file, read_configuration
from catalogue.names import ModelEntry, PanelEntry
from catalogue.problems import ConfigurationError, Problem

ProblemsOf = Callable[[str], list[Problem]]
Load = Callable[[str], Catalogue]

EXAMPLE = Path(__file__).parents[3] / "conclave.example.yaml"
EXAMPLE_BYTES = EXAMPLE.read_bytes()
FILE = Path("conclave.yaml")
CANARY = "sk-canary0123456789"


def refusal(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_catalogue(path)
    return str(caught.value)


def test_the_example_is_right_and_has_nothing_to_warn_about() -> None:
    catalogue = load_catalogue(EXAMPLE)

    assert catalogue.warnings == ()
    assert {"council", "council-fast", "local/qwen3:32b"} <= set(catalogue.names)


@pytest.mark.requirement("catalogue:resolved")
def test_a_name_resolves_to_its_model_or_panel_and_so_does_an_alias() -> None:
    catalogue = load_catalogue(EXAMPLE)

    council, fast, nobody = map(catalogue.resolve, ("gpt-council", "gpt-fast", "nobody"))

    assert isinstance(council, PanelEntry)
    assert council.spec is catalogue.panels["council"]
    assert isinstance(fast, ModelEntry)
    assert fast.spec is catalogue.models["gpt-5.4-mini"]
    assert nobody is None


def test_a_folder_stands_for_the_conclave_yaml_in_it(tmp_path: Path, minimal: str) -> None:
    (tmp_path / "conclave.yaml").write_text(minimal)

    catalogue = load_catalogue(tmp_path)

    assert catalogue.path == configuration_file(tmp_path) == tmp_path / "conclave.yaml"


def test_the_content_hash_is_of_the_bytes(load: Load, minimal: str) -> None:
    same, other = load(minimal), load(minimal + "# a comment\n")

    assert load(minimal).content_hash == same.content_hash
    assert other.content_hash != same.content_hash


@pytest.mark.requirement("catalogue:problems:located")
def test_files_that_cannot_be_read_are_named_with_a_remedy(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)

    assert refusal(tmp_path / "none.yaml").endswith(
        "none.yaml: does not exist (create it, or correct the path)"
    )
    assert "conclave.yaml: does not exist" in refusal(tmp_path)
    assert "is not a regular file" in refusal(pipe)
    assert "cannot be read" in refusal(tmp_path / ("n" * 300))
    assert "cannot be read" in refusal(Path("a\0b"))


@pytest.mark.requirement("catalogue:yaml:bounded")
def test_no_more_of_a_file_is_read_than_shows_that_it_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * (3 * MAX_FILE_BYTES))

    assert len(read_configuration(path)) == MAX_FILE_BYTES + 1
    assert "is larger than" in refusal(path)


@pytest.mark.requirement("catalogue:problems:collected")
def test_mistakes_of_all_kinds_are_reported_together_in_the_order_of_the_file(
    problems_of: ProblemsOf,
) -> None:
    text = """\
version: 1
providers:
  local: {kind: openai-compatible}
  vendor: {kind: opanai}
models:
  small: {provider: locale}
  small: {provider: vendor}
  large: {provider: vendor, max_output_tokens: none, aliases: [small]}
panels:
  council:
    agents: [{id: a, model: small}, {id: a, model: nobody}]
    quorum: 3
    colour: red
  empty: {agents: []}
"""

    found = [(problem.line, problem.field, problem.message) for problem in problems_of(text)]

    assert found == [
        (3, "providers.local.base_url", "is required for kind openai-compatible"),
        (
            4,
            "providers.vendor.kind",
            "must be one of openai, openai-compatible, azure-openai, anthropic",
        ),
        (6, "models.small.provider", "there is no provider 'locale'"),
        (7, "models.small", "the key 'small' stands twice; the first is in line 6"),
        (8, "models.large.max_output_tokens", "must be a whole number, not text"),
        (8, "models.large.aliases[0]", "the alias 'small' already belongs to model 'small'"),
        (11, "panels.council.agents[1].id", "there are two agents 'a'"),
        (11, "panels.council.agents[1].model", "there is no model 'nobody'"),
        (12, "panels.council.quorum", "is larger than the 2 agents"),
        (13, "panels.council.colour", "is not a known key"),
        (14, "panels.empty.agents", "is empty"),
    ]


@pytest.mark.requirement("catalogue:problems:located")
def test_a_look_up_of_usage_without_a_place_for_the_id_is_refused_where_it_stands(
    problems_of: ProblemsOf, minimal: str
) -> None:
    before = "http://127.0.0.1:9/v1}"
    text = minimal.replace(before, before[:-1] + ",\n    usage_lookup: /usage}")

    [problem] = problems_of(text)

    assert problem.field == "providers.local.usage_lookup"
    assert text.splitlines()[(problem.line or 0) - 1].strip() == "usage_lookup: /usage}"
    assert "one place for the request's id" in problem.message


@pytest.mark.requirement("catalogue:secrets:never-inline")
@pytest.mark.parametrize(
    "provider",
    [
        f"{{kind: openai, api_key: {CANARY}}}",
        f"{{kind: openai, api_key: {{env: {CANARY}}}}}",
        f"{{kind: openai, api_key: {{value: {CANARY}}}}}",
        f"{{kind: openai, api_key: [{CANARY}]}}",
        f"{{kind: openai, apikey: {CANARY}}}",
        f"{{kind: openai, headers: {{Authorization: Bearer {CANARY}}}}}",
        f"{{kind: openai, headers: {{x-own: {CANARY}}}}}",
        f"{{kind: openai, base_url: 'https://user:{CANARY}@host/v1'}}",
        f"{{kind: openai, base_url: 'https://host/v1?api-key={CANARY}'}}",
        f"{{kind: {CANARY}}}",
        f"{{kind: openai, idle_timeout_s: {CANARY}}}",
        f"{{kind: openai, api_key: {{env: {CANARY}]}}",
    ],
)
def test_a_secret_in_the_file_is_refused_and_never_repeated(
    problems_of: ProblemsOf, minimal: str, provider: str
) -> None:
    text = minimal.replace("providers:\n", f"providers:\n  vendor: {provider}\n")

    found = problems_of(text)

    assert found
    assert all(CANARY not in str(problem) for problem in found)


@pytest.mark.requirement("catalogue:secrets:by-reference")
def test_an_unset_key_is_a_warning_with_an_environment_and_nothing_without(minimal: str) -> None:
    data = minimal.replace("/v1}", "/v1, api_key: {env: LOCAL_KEY}}").encode()

    unasked = parse_catalogue(data, FILE)
    unset = parse_catalogue(data, FILE, environ={})
    given_key = parse_catalogue(data, FILE, environ={"LOCAL_KEY": "k"}, require_secrets=True)

    assert unasked.warnings == given_key.warnings == ()
    (warning,) = unset.warnings
    assert (warning.line, warning.field) == (3, "providers.local.api_key")
    assert warning.message == "no usable key in environment variable LOCAL_KEY"


@pytest.mark.requirement("catalogue:secrets:by-reference")
def test_an_unset_key_is_an_error_when_secrets_are_required(minimal: str) -> None:
    data = minimal.replace("/v1}", "/v1, api_key: {file: nowhere}}").encode()

    with pytest.raises(ConfigurationError, match=r"no usable key in file .*nowhere"):
        parse_catalogue(data, FILE, environ={}, require_secrets=True)


def load_or_refuse(data: bytes) -> Catalogue | ConfigurationError:
    try:
        return parse_catalogue(data, FILE)
    except ConfigurationError as error:
        return error


def check_outcome(data: bytes) -> None:
    """Either outcome is right; anything else escapes and fails the test."""
    outcome = load_or_refuse(data)
    if isinstance(outcome, Catalogue):
        assert outcome.public_names()
        assert all(outcome.resolve(name.id) is not None for name in outcome.public_names())
        return
    assert outcome.problems
    # "\r", NEL and the like end a line too.
    lines = len(data.decode("utf-8", "replace").splitlines()) + 1
    for problem in outcome.problems:
        assert 0 <= problem.line <= max(lines, data.count(b"\n") + 1)
        assert problem.message
        assert problem.fix


WORDS = (
    rb""": - { } [ ] &a *a !! !!python/x | > ' " # <<: ? --- %YAML ~ 1e999 version: models: \x"""
)
TOKENS = st.sampled_from(
    [*WORDS.split(b" "), b"\n", b"  ", b"\t", b"\x00", b"\xff", b"\r", b"9" * 5000, b"\n  a: {}\n"]
)
EDITS = st.tuples(
    st.integers(0, len(EXAMPLE_BYTES)), st.integers(0, 200), TOKENS | st.binary(max_size=20)
)


def edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for start, removed, inserted in edits:
        data = data[:start] + inserted + data[start + removed :]
    return data


@pytest.mark.requirement("catalogue:problems:only-configuration-errors")
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EDITS, min_size=1, max_size=5))
def test_an_example_with_anything_cut_or_inserted_loads_or_is_refused(
    edits: list[tuple[int, int, bytes]],
) -> None:
    check_outcome(edited(EXAMPLE_BYTES, edits))


@pytest.mark.requirement("catalogue:problems:only-configuration-errors")
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_load_or_are_refused(data: bytes) -> None:
    check_outcome(data)


Node = None | bool | int | float | str | list["Node"] | dict[str, "Node"]
NODES: st.SearchStrategy[Node] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["council", "gpt-5.4", "engineer", "lead", "openai", "${X}"])
    | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "model", "env", "tools"]), inner, max_size=3)
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


@pytest.mark.requirement("catalogue:problems:only-configuration-errors")
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), NODES)
def test_an_example_with_any_value_exchanged_loads_or_is_refused(
    path: list[int], new: Node
) -> None:
    typed = yaml.safe_load(EXAMPLE_BYTES)

    check_outcome(yaml.safe_dump(replaced(typed, path, new), allow_unicode=True).encode())


PANEL = "the-panel-of-this-test"
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,20}[a-z]", fullmatch=True).filter(
    lambda name: "//" not in name
)


@pytest.mark.requirement("catalogue:names:stable")
@given(st.lists(NAMES, min_size=2, max_size=8, unique=True), st.data())
def test_every_declared_name_and_alias_is_listed_once_and_resolves(
    names: list[str], data: st.DataObject
) -> None:
    models = names[: data.draw(st.integers(1, len(names) - 1))]
    aliases = names[len(models) :]
    configuration = {
        "version": 1,
        "providers": {"p": {"kind": "openai"}},
        "models": {
            name: {"provider": "p", "aliases": aliases if name == models[0] else []}
            for name in models
        },
        "panels": {PANEL: {"agents": [{"id": "a", "model": models[-1]}]}},
    }

    catalogue = parse_catalogue(yaml.safe_dump(configuration).encode(), FILE)

    listed = [name.id for name in catalogue.public_names()]
    assert sorted(listed) == sorted([*names, PANEL])
    assert all(catalogue.resolve(name) is not None for name in listed)
