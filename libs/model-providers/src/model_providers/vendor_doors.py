"""Where each kind of vendor is called, and how our key is shown there. Pure.

- OpenAI and compatible servers: the path below the base URL, `Authorization: Bearer`.
- Anthropic: below `/v1`, `x-api-key` and the version of the API.
- Azure: dated versions name the deployment in the path; `v1` does not. The key is `api-key`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from wire.specs import ProviderSpec

ANTHROPIC_VERSION = "2023-06-01"
AZURE_VERSION = "2024-10-21"
_OF_A_DEPLOYMENT = frozenset({"/chat/completions", "/completions", "/embeddings"})
_AZURE_V1 = {"v1": "", "latest": "", "preview": "?api-version=preview"}
_AZURE_ROOTS = ("/openai/v1", "/openai")


def door_url(provider: ProviderSpec, path: str, upstream_model: str) -> str:
    """The URL of an operation; `path` is OpenAI's or Anthropic's name for it, below `/v1`."""
    base = provider.base_url.rstrip("/")
    match provider.kind:
        case "azure-openai":
            return _azure_url(provider, base, path, upstream_model)
        case "anthropic":
            return f"{base.removesuffix('/v1')}/v1{path}"
        case _:
            return base + path


def key_headers(provider: ProviderSpec, key: str | None) -> dict[str, str]:
    """What this vendor must be shown; without a key, what it must be told all the same."""
    match provider.kind:
        case "azure-openai":
            return {"api-key": key} if key else {}
        case "anthropic":
            version = {"anthropic-version": provider.api_version or ANTHROPIC_VERSION}
            return {**version, "x-api-key": key} if key else version
        case _:
            return {"authorization": f"Bearer {key}"} if key else {}


def _azure_url(provider: ProviderSpec, base: str, path: str, deployment: str) -> str:
    for root in _AZURE_ROOTS:  # operators paste what a page showed them
        base = base.removesuffix(root)
    version = provider.api_version or AZURE_VERSION
    if version in _AZURE_V1:
        return f"{base}/openai/v1{path}{_AZURE_V1[version]}"
    of_deployment = f"/deployments/{quote(deployment, safe='')}" if path in _OF_A_DEPLOYMENT else ""
    return f"{base}/openai{of_deployment}{path}?api-version={version}"
