"""Asks vendors afterwards what the calls cost that were cut before their usage came.

Only where a provider says how (`usage_lookup`). A run never waits for it: its record is corrected
in the store, and in this process while the run is still remembered.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol

import msgspec

from orchestrator.coordination.budgets import cost_nano_usd
from orchestrator.driver.records import with_looked_up
from orchestrator.store.reader import UNSETTLED
from service_kit.logging import get_logger
from wire.coordination import RunRecord
from wire.errors import PlatformError
from wire.ids import CallId, upstream_request_id
from wire.specs import PanelSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from orchestrator.store.usage_book import UnsettledRun
    from service_kit.clock import Clock
    from wire.conversation import Usage
    from wire.coordination import CallRecord
    from wire.specs import ModelSpec, ProviderSpec

# Before each look: the vendor needs a moment to see the end of a call, seldom a longer one.
PAUSES_S = (0.2, 0.8, 2.5)
LOOKERS = 4
MOST_WAITING = 10_000  # runs; what finds no room is found again at the next start
CATCH_UP_S = 86_400.0
CATCH_UP_RUNS = 1000

log = get_logger(__name__)
_encode = msgspec.json.Encoder().encode
_decode_panel = msgspec.json.Decoder(PanelSpec).decode
_decode_record = msgspec.json.Decoder(RunRecord).decode


class UsageSource(Protocol):
    """What is needed of `model_providers.usage_look_up.UsageLookUp`."""

    async def look_up_usage(self, provider: ProviderSpec, request_id: str) -> Usage | None: ...


class Book(Protocol):
    """What is needed of `store.usage_book.UsageBook`."""

    async def unsettled_runs(self, *, since_unix_s: float, at_most: int) -> list[str]: ...

    async def unsettled(self, run_id: str) -> UnsettledRun | None: ...

    async def settle(
        self, run_id: str, calls: Sequence[CallRecord], correct: Callable[[bytes], bytes]
    ) -> bool: ...


class UsageLookUps:
    """`run` owns the work; before and after it, what is wanted is left to the next start."""

    def __init__(
        self,
        source: UsageSource,
        book: Book,
        clock: Clock,
        *,
        pauses_s: Sequence[float] = PAUSES_S,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._source = source
        self._book = book
        self._clock = clock
        self._pauses_s = pauses_s
        self._most_waiting = most_waiting
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._due: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        self._running = False

    def run_ended(self, run_id: str, panel: PanelSpec, calls: Iterable[CallRecord]) -> None:
        """The run's record is stored; look later, if a vendor can tell more than we know."""
        cut = {call.provider for call in calls if call.basis in UNSETTLED}
        if cut and any(m.provider.usage_lookup and m.provider.name in cut for m in _models(panel)):
            self.want(run_id)

    def want(self, run_id: str) -> None:
        """Look at an ended run's calls, soon."""
        self._look_later(run_id, 0)

    async def run(self, corrected: Callable[[str, Sequence[CallRecord]], None]) -> None:
        """Look until cancelled. `corrected` hears of each run's calls once they are stored."""
        self._running = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._catch_up())
                for _ in range(LOOKERS):
                    group.create_task(self._look(corrected))
        finally:
            self._running = False
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()

    async def _catch_up(self) -> None:
        """What an earlier life of this process, or one that died, has left."""
        since_unix_s = self._clock.unix_s() - CATCH_UP_S
        try:
            left = await self._book.unsettled_runs(since_unix_s=since_unix_s, at_most=CATCH_UP_RUNS)
        except PlatformError as error:
            log.warning("usage_catch_up_failed", error=error)
            return
        for run_id in left:
            self.want(run_id)

    def _look_later(self, run_id: str, tries: int) -> None:
        if not self._running or tries >= len(self._pauses_s) or run_id in self._timers:
            return
        if len(self._timers) + self._due.qsize() >= self._most_waiting:
            log.warning("usage_look_up_left_out", run_id=run_id)
            return
        loop = asyncio.get_running_loop()
        self._timers[run_id] = loop.call_later(self._pauses_s[tries], self._is_due, run_id, tries)

    def _is_due(self, run_id: str, tries: int) -> None:
        self._timers.pop(run_id, None)
        self._due.put_nowait((run_id, tries))

    async def _look(self, corrected: Callable[[str, Sequence[CallRecord]], None]) -> None:
        while True:
            run_id, tries = await self._due.get()
            try:
                complete = await self._settle(run_id, corrected)
            except (PlatformError, msgspec.MsgspecError) as error:
                log.warning("usage_not_settled", run_id=run_id, error=error)
                complete = False
            if not complete:
                self._look_later(run_id, tries + 1)

    async def _settle(
        self, run_id: str, corrected: Callable[[str, Sequence[CallRecord]], None]
    ) -> bool:
        """Whether there is nothing left to ask."""
        run = await self._book.unsettled(run_id)
        if run is None:
            return True
        asked = _to_ask(run)
        found = await self._found(asked)
        if found:
            await self._book.settle(run_id, found, partial(_corrected_record, found))
            corrected(run_id, found)
        return len(found) == len(asked)

    async def _found(self, asked: Sequence[tuple[CallRecord, ModelSpec]]) -> list[CallRecord]:
        """A vendor that failed is left alone until the next look: others wait for their turn."""
        found: list[CallRecord] = []
        failed: set[str] = set()
        for call, model in asked:
            if call.provider in failed:
                continue
            request_id = upstream_request_id(CallId(call.call_id), call.attempt)
            try:
                usage = await self._source.look_up_usage(model.provider, request_id)
            except PlatformError as error:
                log.warning("usage_look_up_failed", provider=call.provider, error=error)
                failed.add(call.provider)
                continue
            if usage is not None:
                found.append(_looked_up(call, usage, model))
        return found


def _to_ask(run: UnsettledRun) -> list[tuple[CallRecord, ModelSpec]]:
    """The calls whose vendor offers a look-up, each with the model that was called."""
    models = {
        (model.provider.name, model.name): model
        for model in _models(_decode_panel(run.spec))
        if model.provider.usage_lookup is not None
    }
    found = ((call, models.get((call.provider, call.model))) for call in run.calls)
    return [(call, model) for call, model in found if model is not None]


def _looked_up(call: CallRecord, usage: Usage, model: ModelSpec) -> CallRecord:
    return msgspec.structs.replace(
        call, usage=usage, basis="looked_up", cost_nano_usd=cost_nano_usd(usage, model.prices)
    )


def _corrected_record(found: Sequence[CallRecord], record: bytes) -> bytes:
    return _encode(with_looked_up(_decode_record(record), found))


def _models(panel: PanelSpec) -> Iterator[ModelSpec]:
    """Every model that a run of the panel can call."""
    pending = [agent.model for agent in panel.agents]
    pending += [panel.compaction.summariser] if panel.compaction.summariser else []
    while pending:
        model = pending.pop()
        yield model
        pending += model.fallbacks
        pending += [model.compaction.summariser] if model.compaction.summariser else []
