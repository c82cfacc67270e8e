"""What a vendor tells without generating anything: one bounded GET, every failure typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import aiohttp
import msgspec

from model_providers.http_exchange import connection_error
from model_providers.proxies import environment_proxy
from model_providers.vendor_doors import door_url, key_headers
from wire.errors import UpstreamProtocolError, UpstreamTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wire.specs import ProviderSpec


class VendorDocument(msgspec.Struct, frozen=True):
    """An answer, whatever its status."""

    body: bytes
    status: int
    headers: Mapping[str, str]


class VendorReads:
    """Reads from vendors on one shared session; the caller bounds the time."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        secrets: Callable[[ProviderSpec], str | None],
        proxy_for: Callable[[str], str | None] = environment_proxy,
    ) -> None:
        self._session = session
        self._secrets = secrets
        self._proxy_for = proxy_for

    async def get(
        self, provider: ProviderSpec, path: str, *, what: str, max_bytes: int
    ) -> VendorDocument:
        """The whole answer to `path`; `what` names it in errors.

        Raises:
            ProviderError: it could not be asked, or said more than `max_bytes`.
        """
        headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            **key_headers(provider, self._secrets(provider)),
            **{name.lower(): value for name, value in provider.headers.items()},
        }
        try:
            async with self._session.get(
                door_url(provider, path, ""),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=None, connect=provider.connect_timeout_s),
                allow_redirects=False,
                proxy=None if self._session.trust_env else self._proxy_for(provider.base_url),
            ) as response:
                body = await _body(response, provider, what, max_bytes)
                return VendorDocument(body, response.status, response.headers)
        except aiohttp.ConnectionTimeoutError as error:
            raise UpstreamTimeoutError(
                f"{provider.name} accepted no connection within {provider.connect_timeout_s:g} s "
                "(connect_timeout_s)",
                provider=provider.name,
            ) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise connection_error(provider.name, error) from error


async def _body(
    response: aiohttp.ClientResponse, provider: ProviderSpec, what: str, max_bytes: int
) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > max_bytes:
            raise UpstreamProtocolError(
                f"{provider.name} sent {what} of more than {max_bytes} bytes",
                provider=provider.name,
            )
        pieces.append(piece)
    return b"".join(pieces)
