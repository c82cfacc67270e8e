"""The outbound proxy that the environment names for a vendor.

aiohttp's own `trust_env` looks it up anew for every request, in a worker thread (measured: 300 us
of CPU a call, against 120 for the call itself). A session without `trust_env`, given the proxy
found here once per base URL, goes the same way for nothing.
"""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def environment_proxy(base_url: str) -> str | None:
    """The proxy for this URL by HTTP_PROXY, HTTPS_PROXY and NO_PROXY; None: go there directly."""
    url = urlsplit(base_url)
    if url.hostname is None or proxy_bypass(url.hostname):
        return None
    return getproxies().get(url.scheme)
