"""Is a service ready? Its own `/readyz` says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

_ATTEMPT_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
_MAX_DETAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Readiness:
    ready: bool
    detail: str


class ReadinessProbe:
    """Asks until the answer is yes. `poll_s` is how often."""

    def __init__(self, session: aiohttp.ClientSession, *, poll_s: float = 0.05) -> None:
        self._session = session
        self._poll_s = poll_s
        self._last: dict[str, str] = {}

    async def ask(self, url: str) -> Readiness:
        try:
            async with self._session.get(url, timeout=_ATTEMPT_TIMEOUT) as response:
                body = await response.content.read(_MAX_DETAIL_BYTES)
                said = f"HTTP {response.status} {body.decode('utf-8', 'replace').strip()}"
                return Readiness(response.status == HTTPStatus.OK, said)
        except TimeoutError:
            return Readiness(ready=False, detail="no answer within 2 s")
        except aiohttp.ClientError as error:
            return Readiness(ready=False, detail=str(error))

    async def wait_ready(self, url: str) -> None:
        """Return once `url` answers 200. The caller bounds the time."""
        while True:
            readiness = await self.ask(url)
            self._last[url] = readiness.detail
            if readiness.ready:
                return
            await asyncio.sleep(self._poll_s)

    def last_detail(self, url: str) -> str:
        """What `url` said last, for the report of a start that took too long."""
        return self._last.get(url, "not asked yet")


def new_probe_session() -> aiohttp.ClientSession:
    """For loopback: no proxy, no kept connections (a restarted service must be asked anew)."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True), trust_env=False, timeout=_ATTEMPT_TIMEOUT
    )
