import pytest

from catalogue.massgen.providers import Providers
from catalogue.records import MassGenRecord
from wire.specs import ModelSpec, ProviderKind, ProviderSpec


def provider(
    name: str, kind: ProviderKind = "openai-compatible", url: str = "http://127.0.0.1:9/v1"
) -> ProviderSpec:
    return ProviderSpec(name=name, kind=kind, base_url=url)


def providers(*configured: ProviderSpec, **settings: object) -> Providers:
    record = MassGenRecord.model_validate({"folder": ".", **settings})
    return Providers(record, {spec.name: spec for spec in configured}, {})


def chosen(known: Providers, backend_type: str, base_url: str | None = None) -> str | None:
    found = known.choose(backend_type, base_url)
    return found.provider.name if found else None


@pytest.mark.requirement("catalogue:massgen:mapped")
@pytest.mark.parametrize(
    ("backend_type", "spec"),
    [
        ("zai", provider("zai")),
        ("nvidia_nim", provider("nvidia-nim")),
        ("own_type", provider("own_type")),
        ("grok", provider("xai")),
        ("grok", provider("anything", url="https://api.x.ai/v1")),
        ("claude_code", provider("anything", kind="anthropic")),
        ("azure_openai", provider("anything", kind="azure-openai")),
        ("openai", provider("anything", kind="openai")),
    ],
)
def test_a_provider_is_recognised_by_name_address_or_kind(
    backend_type: str, spec: ProviderSpec
) -> None:
    assert chosen(providers(provider("other"), spec), backend_type) == spec.name


@pytest.mark.requirement("catalogue:massgen:mapped")
@pytest.mark.parametrize("backend_type", ["vllm", "chatcompletion", "gemini", "never-heard-of"])
def test_no_provider_is_guessed(backend_type: str) -> None:
    assert chosen(providers(provider("other"), provider("o", kind="openai")), backend_type) is None


@pytest.mark.requirement("catalogue:massgen:mapped")
def test_the_address_of_a_server_picks_the_provider_there() -> None:
    known = providers(
        provider("one", url="http://one:8000/v1"),
        provider("two", url="http://two:8000/v1"),
        providers={"chatcompletion": "one"},
    )

    assert chosen(known, "chatcompletion", "http://two:9999/other") == "two"
    assert chosen(known, "chatcompletion", "http://three/v1") == "one"
    assert chosen(known, "chatcompletion") == "one"
    assert chosen(known, "chatcompletion", "http://[half") == "one"


@pytest.mark.requirement("catalogue:massgen:mapped")
def test_a_vendors_address_stands_for_its_backend_type() -> None:
    known = providers(provider("own"), providers={"cerebras": "own"})

    assert chosen(known, "chatcompletion", "https://api.cerebras.ai/v1") == "own"


def test_the_default_provider_is_told_from_one_that_stands_for_the_type() -> None:
    known = providers(provider("own"), provider("zai"), default_provider="own")

    by_default, by_name = known.choose("grok", None), known.choose("zai", None)

    assert by_default is not None
    assert (by_default.provider.name, by_default.by_default) == ("own", True)
    assert by_name is not None
    assert (by_name.provider.name, by_name.by_default) == ("zai", False)


def test_a_model_of_another_provider_is_another_model() -> None:
    here, there = provider("here"), provider("there")
    declared = ModelSpec(name="m", provider=there, upstream_model="m")
    known = Providers(MassGenRecord(folder="."), {"here": here, "there": there}, {"m": declared})

    made_up = known.model(here, "m")

    assert known.model(there, "m") is declared
    assert made_up is not None
    assert (made_up.name, made_up.provider) == ("here/m", here)
    assert known.model(here, "a b") is None
