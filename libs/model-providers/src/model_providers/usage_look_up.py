"""What a vendor says afterwards that a request cost, where it offers to (`usage_lookup`).

For calls that were cut before their usage came. No generation and no bill, so no observer hears
of it.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import msgspec

from model_providers import vendor_errors
from model_providers.openai_chat.decode import read_usage
from model_providers.proxies import environment_proxy
from model_providers.vendor_reads import VendorReads
from wire.errors import UpstreamProtocolError, UpstreamTimeoutError
from wire.openai_chat import CompletionUsage

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp

    from wire.conversation import Usage
    from wire.specs import ProviderSpec

LOOK_UP_TIMEOUT_S = 5.0
_MAX_BYTES = 64 * 1024
_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Counts(msgspec.Struct):
    """Required here: a count that is not there is not a count of nothing."""

    prompt_tokens: _Count
    completion_tokens: _Count


class _Told(msgspec.Struct):
    usage: _Counts


class _ToldWhole(msgspec.Struct):
    usage: CompletionUsage


_CHECKED = msgspec.json.Decoder(_Told)
_WHOLE = msgspec.json.Decoder(_ToldWhole)


class UsageLookUp:
    """Asks vendors on one shared session."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        secrets: Callable[[ProviderSpec], str | None],
        proxy_for: Callable[[str], str | None] = environment_proxy,
        timeout_s: float = LOOK_UP_TIMEOUT_S,
    ) -> None:
        self._reads = VendorReads(session, secrets, proxy_for)
        self._timeout_s = timeout_s

    async def look_up_usage(self, provider: ProviderSpec, request_id: str) -> Usage | None:
        """What the request cost that was sent under this `x-request-id`.

        None: the vendor offers no look-up, or does not know (yet).

        Raises:
            ProviderError: it could not be asked, refused, or answered with no usage.
        """
        if provider.usage_lookup is None:
            return None
        path = provider.usage_lookup.replace("{request_id}", quote(request_id, safe=""))
        try:
            async with asyncio.timeout(self._timeout_s):
                told = await self._reads.get(provider, path, what="a usage", max_bytes=_MAX_BYTES)
        except TimeoutError as error:
            raise UpstreamTimeoutError(
                f"{provider.name} did not tell a usage within {self._timeout_s:g} s",
                provider=provider.name,
            ) from error
        if told.status == HTTPStatus.NOT_FOUND:
            return None
        if told.status != HTTPStatus.OK:
            raise vendor_errors.from_status(provider.name, told.status, told.body, told.headers)
        return _usage(provider, told.body)


def _usage(provider: ProviderSpec, body: bytes) -> Usage:
    try:
        _CHECKED.decode(body)
        return read_usage(_WHOLE.decode(body).usage)
    except msgspec.DecodeError as error:
        raise UpstreamProtocolError(
            f"{provider.name} did not answer with a usage", provider=provider.name
        ) from error
