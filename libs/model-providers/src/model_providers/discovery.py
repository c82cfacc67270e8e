"""Which models a vendor lists, asked of the vendor itself.

No generation and no bill, so no observer hears of it. What is offered of a list is the catalogue's
to decide.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from model_providers import vendor_errors
from model_providers.json_values import loads
from model_providers.proxies import environment_proxy
from model_providers.vendor_reads import VendorReads
from wire.errors import (
    PlatformFaultError,
    UpstreamProtocolError,
    UpstreamTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from model_providers.json_values import Json, JsonObject
    from wire.specs import ProviderSpec

LIST_TIMEOUT_S = 20.0
MAX_LIST_BYTES = 8 * 1024 * 1024  # OpenRouter's, the longest known, has 1 MB
MAX_PAGES = 20
_PAGE_SIZE = 1000  # the most that Anthropic gives
_MAX_ID_CHARS = 200


class ModelLists:
    """Asks vendors for their models on one shared session."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        secrets: Callable[[ProviderSpec], str | None],
        proxy_for: Callable[[str], str | None] = environment_proxy,
        timeout_s: float = LIST_TIMEOUT_S,
    ) -> None:
        self._reads = VendorReads(session, secrets, proxy_for)
        self._timeout_s = timeout_s

    async def of(self, provider: ProviderSpec) -> tuple[str, ...]:
        """The ids of everything this vendor lists, in its order, each once.

        Raises:
            ProviderError: it could not be asked, refused, or answered with no list.
            PlatformFaultError: vendors of this kind have no list.
        """
        if provider.kind in ("azure-openai", "fara"):
            raise PlatformFaultError(
                f"{provider.name}: vendors of kind {provider.kind!r} do not list what can be called"
            )
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._all_pages(provider)
        except TimeoutError as error:
            raise UpstreamTimeoutError(
                f"{provider.name} did not list its models within {self._timeout_s:g} s",
                provider=provider.name,
            ) from error

    async def _all_pages(self, provider: ProviderSpec) -> tuple[str, ...]:
        paged = provider.kind == "anthropic"
        query = f"?limit={_PAGE_SIZE}" if paged else ""
        found: dict[str, None] = {}
        for _ in range(MAX_PAGES if paged else 1):
            page = await self._page(provider, f"/models{query}")
            ids = _ids(provider, page)
            found.update(dict.fromkeys(ids))
            if not ids or not isinstance(page, dict) or page.get("has_more") is not True:
                break
            query = f"?limit={_PAGE_SIZE}&after_id={quote(ids[-1], safe='')}"
        return tuple(found)

    async def _page(self, provider: ProviderSpec, path: str) -> Json:
        page = await self._reads.get(
            provider, path, what="a list of models", max_bytes=MAX_LIST_BYTES
        )
        if page.status != HTTPStatus.OK:
            raise vendor_errors.from_status(provider.name, page.status, page.body, page.headers)
        try:
            return loads(page.body)
        except msgspec.DecodeError as error:
            raise _no_list(provider) from error


def _ids(provider: ProviderSpec, page: Json) -> list[str]:
    """OpenAI's and Anthropic's shape, or the bare array that some servers send."""
    listed = page.get("data") if isinstance(page, dict) else page
    if not isinstance(listed, list):
        raise _no_list(provider)
    found = (_id(entry) for entry in listed if isinstance(entry, dict))
    return [model_id for model_id in found if model_id is not None]


def _id(entry: JsonObject) -> str | None:
    value = entry.get("id")
    if not isinstance(value, str) or entry.get("lifecycle") == "retired":
        return None
    return value if 0 < len(value) <= _MAX_ID_CHARS and value.isprintable() else None


def _no_list(provider: ProviderSpec) -> UpstreamProtocolError:
    return UpstreamProtocolError(
        f"{provider.name} did not answer with a list of models", provider=provider.name
    )
