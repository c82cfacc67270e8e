"""The configuration together with the models that providers list by themselves.

A list is read when its provider appears or changes, and again every `discovery.refresh_s`. A list
that cannot be read leaves what was read before, and is tried again soon.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from catalogue import with_discovered
from service_kit.logging import get_logger
from wire.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from catalogue import Catalogue
    from service_kit.clock import Clock
    from wire.specs import ProviderSpec

RETRY_S = 60.0
TICK_S = 1.0  # how soon a changed configuration is noticed

log = get_logger(__name__)


class Lists(Protocol):
    async def of(self, provider: ProviderSpec, /) -> tuple[str, ...]:
        """The ids of what a provider lists.

        Raises:
            PlatformError: it cannot be read.
        """
        ...


@dataclass(slots=True)
class _Known:
    """What a provider listed, as it was configured then; None: nothing yet."""

    provider: ProviderSpec
    next_at_s: float = 0.0
    model_ids: tuple[str, ...] | None = None


class DiscoveredCatalogue:
    """`current` is the configuration with what is known so far; `run` keeps it fresh."""

    def __init__(
        self,
        configured: Callable[[], Catalogue],
        lists: Lists,
        clock: Clock,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._configured = configured
        self._lists = lists
        self._clock = clock
        self._sleep = sleep
        self._known: dict[str, _Known] = {}
        self._base = configured()
        self._current = self._base

    @property
    def current(self) -> Catalogue:
        configured = self._configured()
        if configured is not self._base:
            self._compose(configured)
        return self._current

    @property
    def discovered_count(self) -> int:
        """How many models are offered that nobody declared."""
        return sum(len(found.models) for found in self.current.discovered.values())

    async def run(self) -> None:
        """Live as long as the process."""
        while True:
            await self.refresh()
            await self._sleep(TICK_S)

    async def refresh(self) -> None:
        """Read the lists that are due, all at once."""
        configured = self._configured()
        self._forget_all_but(configured)
        async with asyncio.TaskGroup() as tasks:
            for name, discovery in configured.discovery.items():
                known = self._known_of(configured.providers[name])
                if known.next_at_s <= self._clock.monotonic_s():
                    tasks.create_task(self._read(known, discovery.refresh_s))

    def _known_of(self, provider: ProviderSpec) -> _Known:
        """A provider that is called elsewhere or otherwise is another one."""
        known = self._known.get(provider.name)
        if known is None or known.provider != provider:
            known = self._known[provider.name] = _Known(provider)
        return known

    def _forget_all_but(self, configured: Catalogue) -> None:
        for name in self._known.keys() - configured.discovery.keys():
            del self._known[name]

    async def _read(self, known: _Known, refresh_s: float) -> None:
        name = known.provider.name
        try:
            model_ids = await self._lists.of(known.provider)
        except PlatformError as error:
            known.next_at_s = self._clock.monotonic_s() + min(RETRY_S, refresh_s)
            kept = len(known.model_ids or ())
            log.warning("models_not_listed", provider=name, why=error.message, kept=kept)
            return
        known.next_at_s = self._clock.monotonic_s() + refresh_s
        if model_ids != known.model_ids:
            known.model_ids = model_ids
            self._compose(self._configured())
            log.info("models_listed", provider=name, models=len(model_ids))

    def _compose(self, configured: Catalogue) -> None:
        """A list belongs to the provider it was read from: one that changed is read anew."""
        current = configured
        for name, known in self._known.items():
            same = configured.providers.get(name) == known.provider
            if same and known.model_ids is not None:
                current = with_discovered(current, name, known.model_ids)
        self._base, self._current = configured, current
