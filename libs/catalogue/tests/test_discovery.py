from collections.abc import Callable
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.configuration import Catalogue, with_discovered
from catalogue.discovery import MAX_MODELS, NOT_FOR_CHAT, Discovery
from catalogue.names import ModelEntry

Load = Callable[[str], Catalogue]


@pytest.fixture
def catalogue(load: Load) -> Catalogue:
    return load("""\
version: 1
providers:
  vendor:
    kind: openai-compatible
    base_url: http://127.0.0.1:9/v1
    discover: true
    discovery:
      exclude: ["*embed*", "*-old"]
      tool_capable: [smart*]
      context_window_tokens: 5000
  quiet: {kind: openai-compatible, base_url: http://127.0.0.1:9/v2}
models:
  known:
    provider: vendor
    upstream_model: smart-1
    context_window_tokens: 9000
    prices: {input_usd_per_mtok: 1, output_usd_per_mtok: 2}
  vendor/taken: {provider: quiet}
""")


def listed(catalogue: Catalogue) -> list[str]:
    return [name.id for name in catalogue.public_names()]


@pytest.mark.requirement("catalogue:discovery")
def test_discovered_models_are_offered_under_provider_and_model(catalogue: Catalogue) -> None:
    found = with_discovered(catalogue, "vendor", ["smart-2", "plain", "text-embed-3", "plain-old"])

    assert listed(found) == ["known", "vendor/taken", "vendor/plain", "vendor/smart-2"]
    entry = found.resolve("vendor/smart-2")
    assert isinstance(entry, ModelEntry)
    assert entry.spec.upstream_model == "smart-2"
    assert entry.spec.provider == catalogue.providers["vendor"]
    assert entry.spec.context_window_tokens == 5000


@pytest.mark.requirement("catalogue:discovery")
def test_what_is_declared_of_the_same_upstream_model_is_true_of_the_discovered_one(
    catalogue: Catalogue,
) -> None:
    found = with_discovered(catalogue, "vendor", ["smart-1"])

    entry = found.resolve("vendor/smart-1")
    assert isinstance(entry, ModelEntry)
    assert entry.spec.prices == catalogue.models["known"].prices
    assert entry.spec.context_window_tokens == 9000


@pytest.mark.requirement("catalogue:discovery")
def test_tool_capability_follows_the_patterns(catalogue: Catalogue) -> None:
    found = with_discovered(catalogue, "vendor", ["Smart-2", "plain"])

    tools = {name.id: name.capabilities.tools for name in found.public_names()}
    assert (tools["vendor/Smart-2"], tools["vendor/plain"]) == (True, False)


@pytest.mark.requirement("catalogue:discovery")
def test_a_declared_name_stays_what_it_is(catalogue: Catalogue) -> None:
    found = with_discovered(catalogue, "vendor", ["taken"])

    assert found.resolve("vendor/taken") == catalogue.resolve("vendor/taken")
    assert listed(found) == listed(catalogue)


@pytest.mark.requirement("catalogue:discovery")
def test_a_newer_list_replaces_the_older_one(catalogue: Catalogue) -> None:
    first = with_discovered(catalogue, "vendor", ["plain", "smart-2"])

    second = with_discovered(first, "vendor", ["smart-3"])

    assert listed(second) == ["known", "vendor/taken", "vendor/smart-3"]
    assert second.resolve("vendor/plain") is None
    assert with_discovered(second, "vendor", []).names == catalogue.names


@pytest.mark.requirement("catalogue:discovery")
@pytest.mark.parametrize("provider", ["quiet", "nobody"])
def test_only_providers_that_say_so_are_discovered(catalogue: Catalogue, provider: str) -> None:
    assert with_discovered(catalogue, provider, ["smart-2"]) is catalogue


def test_names_that_no_client_could_ask_for_and_endless_lists_are_cut(
    catalogue: Catalogue,
) -> None:
    ids = ["a b", "../x y", "ok/1", *(f"m{number:05}" for number in range(MAX_MODELS + 5))]

    found = with_discovered(catalogue, "vendor", ids).discovered["vendor"]

    assert len(found.models) == MAX_MODELS
    assert not any(" " in name for name in found.models)


def test_only_tool_capable_leaves_the_others_out() -> None:
    discovery = Discovery(tool_capable=("smart*",), only_tool_capable=True)

    assert [discovery.offers(model) for model in ("smart-1", "plain")] == [True, False]


@pytest.mark.parametrize(
    "model", ["gpt-5.4", "qwen3-32b", "claude-opus-4-6", "gemini-3-pro", "deepseek-r1"]
)
def test_models_that_chat_are_offered_by_default(model: str) -> None:
    assert Discovery().offers(model)


@pytest.mark.parametrize(
    "model", ["text-embedding-3-small", "whisper-1", "tts-1-hd", "dall-e-3", "omni-moderation"]
)
def test_models_that_do_not_chat_are_not_offered_by_default(model: str) -> None:
    assert not Discovery().offers(model)


@given(st.text(max_size=20))
def test_nothing_that_is_excluded_is_ever_offered(model: str) -> None:
    excluded = any(fnmatchcase(model.casefold(), pattern) for pattern in NOT_FOR_CHAT)

    assert Discovery().offers(model) is not excluded
