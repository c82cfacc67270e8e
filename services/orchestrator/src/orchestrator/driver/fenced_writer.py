"""A store that takes a run's writes only while the run is this process's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from orchestrator.store.writes import FenceHeld

if TYPE_CHECKING:
    import asyncio

    from orchestrator.store.writes import Write


class RunWriter(Protocol):
    """What a run needs of `store.writer.StoreWriter`."""

    async def commit(self, *writes: Write) -> None: ...

    def submit(self, *writes: Write) -> asyncio.Future[None]: ...

    async def confirm(self, submitted: asyncio.Future[None]) -> None: ...

    async def enqueue(self, *writes: Write) -> None: ...


class FencedWriter:
    """Each request is refused with `FenceLostError` once another process has taken over."""

    def __init__(self, writer: RunWriter, run_id: str, fence: int) -> None:
        self._writer = writer
        self._held = FenceHeld(run_id, fence)

    async def commit(self, *writes: Write) -> None:
        await self._writer.commit(self._held, *writes)

    def submit(self, *writes: Write) -> asyncio.Future[None]:
        return self._writer.submit(self._held, *writes)

    async def confirm(self, submitted: asyncio.Future[None]) -> None:
        await self._writer.confirm(submitted)

    async def enqueue(self, *writes: Write) -> None:
        await self._writer.enqueue(self._held, *writes)
