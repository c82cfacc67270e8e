"""Where each kind of vendor is called, and how the key is shown."""

import pytest

from model_providers.vendor_doors import door_url, key_headers
from wire.specs import ProviderKind, ProviderSpec

AZURE = "https://name.openai.azure.com"


def provider(kind: ProviderKind, base_url: str, version: str | None = None) -> ProviderSpec:
    return ProviderSpec(name="v", kind=kind, base_url=base_url, api_version=version)


@pytest.mark.requirement("providers:azure")
@pytest.mark.parametrize(
    ("version", "path", "expected"),
    [
        (
            "2024-10-21",
            "/chat/completions",
            "/openai/deployments/my%2Fgpt%404/chat/completions?api-version=2024-10-21",
        ),
        (
            "2024-10-21",
            "/embeddings",
            "/openai/deployments/my%2Fgpt%404/embeddings?api-version=2024-10-21",
        ),
        ("2025-04-01-preview", "/responses", "/openai/responses?api-version=2025-04-01-preview"),
        (None, "/responses", "/openai/responses?api-version=2024-10-21"),
        ("v1", "/chat/completions", "/openai/v1/chat/completions"),
        ("latest", "/responses", "/openai/v1/responses"),
        ("preview", "/responses", "/openai/v1/responses?api-version=preview"),
    ],
)
@pytest.mark.parametrize("suffix", ["", "/", "/openai", "/openai/v1/"])
def test_azure_is_called_by_deployment_or_by_version(
    version: str | None, path: str, expected: str, suffix: str
) -> None:
    spec = provider("azure-openai", AZURE + suffix, version)

    assert door_url(spec, path, "my/gpt@4") == AZURE + expected


@pytest.mark.parametrize("base_url", ["https://x", "https://x/", "https://x/v1", "https://x/v1/"])
def test_anthropics_version_stands_in_the_path_once(base_url: str) -> None:
    assert door_url(provider("anthropic", base_url), "/messages", "m") == "https://x/v1/messages"


@pytest.mark.parametrize("kind", ["openai", "openai-compatible", "fara"])
def test_elsewhere_the_base_url_says_all(kind: ProviderKind) -> None:
    assert (
        door_url(provider(kind, "https://x/api/"), "/embeddings", "m") == "https://x/api/embeddings"
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("openai", {"authorization": "Bearer k"}),
        ("azure-openai", {"api-key": "k"}),
        ("anthropic", {"x-api-key": "k", "anthropic-version": "2023-06-01"}),
    ],
)
def test_each_kind_is_shown_the_key_in_its_way(
    kind: ProviderKind, expected: dict[str, str]
) -> None:
    spec = provider(kind, "https://x")

    assert key_headers(spec, "k") == expected
    assert "k" not in key_headers(spec, None).values()


def test_anthropics_version_can_be_chosen() -> None:
    spec = provider("anthropic", "https://x", "2026-10-21")

    assert key_headers(spec, None) == {"anthropic-version": "2026-10-21"}
