"""For tests, ours and others': a simulator in this process, and a hand on its control doors."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import aiohttp

from provider_sim.json_types import Json, JsonObject, dumps, loads
from provider_sim.server import running
from provider_sim.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from provider_sim.server import RunningSimulator

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class SimulatorClient:
    """Speaks to a running simulator, in this process or another."""

    url: str
    session: aiohttp.ClientSession

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def profiled_url(self, profile: str) -> str:
        """The base URL under which every request has this profile."""
        return f"{self.url}/p/{profile}/v1"

    async def post(
        self, path: str, body: Json, headers: dict[str, str] | None = None
    ) -> tuple[int, JsonObject]:
        """Post JSON to a path below the root; the status and the object that came back."""
        async with self.session.post(
            f"{self.url}{path}", data=dumps(body), headers=headers
        ) as response:
            return response.status, cast("JsonObject", loads(await response.read()))

    async def text(self, path: str, body: Json) -> str:
        """Post JSON; the whole body of the answer, a stream too."""
        async with self.session.post(f"{self.url}{path}", data=dumps(body)) as response:
            return await response.text()

    async def get(self, path: str) -> Json:
        """The JSON behind a path below the root, whatever its status."""
        async with self.session.get(f"{self.url}{path}") as response:
            return loads(await response.read())

    async def record(self, query: str = "") -> list[JsonObject]:
        """What the simulator recorded, in order, once nothing is active any more."""
        await self.count("idle")
        return cast("list[JsonObject]", await self.get(f"/_record{query}"))

    async def count(self, until: Literal["idle", "active"] | None = None) -> JsonObject:
        """The counts as they are now, or once no exchange is active, or one is."""
        query = f"?{until}_within_s={_TIMEOUT_S}" if until else ""
        return cast("JsonObject", await self.get(f"/_count{query}"))

    async def add_rules(self, *rules: JsonObject) -> None:
        """Append rules.

        Raises:
            ValueError: the simulator refuses them.
        """
        status, answer = await self.post("/_rules", list(rules))
        if status != 200:  # noqa: PLR2004 - OK
            raise ValueError(answer)

    async def clear(self) -> None:
        """Forget rules and finished records."""
        for path in ("/_rules", "/_record"):
            async with self.session.delete(f"{self.url}{path}") as response:
                await response.read()


@asynccontextmanager
async def client_of(url: str) -> AsyncGenerator[SimulatorClient]:
    """A client of the simulator at the URL (without `/v1`)."""
    timeout = aiohttp.ClientTimeout(total=4 * _TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield SimulatorClient(url, session)


@asynccontextmanager
async def running_client(settings: Settings | None = None) -> AsyncGenerator[SimulatorClient]:
    """A simulator of this process on a free port, without latency unless the settings say so."""
    started: RunningSimulator
    async with running(settings or Settings(port=0)) as started, client_of(started.url) as client:
        yield client
