"""Work that a cancellation must not tear: it is finished first, then the cancellation goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

ResultT = TypeVar("ResultT")


async def finish(work: Coroutine[None, None, ResultT], *, timeout_s: float) -> ResultT:
    """The result of `work`, which runs to its end though the caller is cancelled meanwhile.

    The caller waits for it in every case, so this frame owns the task. A cancellation that came
    meanwhile is raised once the work is done; it then wins over the work's own result or error.

    Raises:
        TimeoutError: the work took longer than `timeout_s` and was cancelled.
    """
    task = asyncio.get_running_loop().create_task(_within(work, timeout_s))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()  # seen: the cancellation tells the caller more
        raise cancelled
    return task.result()


async def _within(work: Coroutine[None, None, ResultT], timeout_s: float) -> ResultT:
    async with asyncio.timeout(timeout_s):
        return await work
