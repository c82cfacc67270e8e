"""When a model's backend says that a conversation is too long: compact it, once, for all calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from service_kit.call_context import CallContext
from service_kit.logging import get_logger
from wire.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from orchestrator.context_budget import ContextBudget, Fitted
    from wire.conversation import GenerationRequest
    from wire.coordination import StartRun
    from wire.deadline import Deadline

log = get_logger(__name__)


class OverflowRelief:
    """Of one run. `took`: told of what was done, before any call goes on with it."""

    def __init__(
        self,
        budget: ContextBudget,
        start: Callable[[], StartRun],
        deadline: Deadline,
        traceparent: str | None,
        took: Callable[[Fitted], Awaitable[None]],
    ) -> None:
        self._budget = budget
        self._start = start
        self._deadline = deadline
        self._traceparent = traceparent
        self._took = took
        self._one_at_a_time = asyncio.Lock()
        self._is_decided = False
        self._relieved: GenerationRequest | None = None

    async def smaller(self) -> GenerationRequest | None:
        """The conversation as it fits; None: it cannot be made smaller."""
        async with self._one_at_a_time:
            if not self._is_decided:
                self._relieved = await self._shrink()
                self._is_decided = True
            return self._relieved

    async def _shrink(self) -> GenerationRequest | None:
        start = self._start()
        context = CallContext(start.tenant_id, start.request_id, self._deadline, self._traceparent)
        try:
            fitted = await self._budget.shrink(start, context)
        except PlatformError as error:
            log.warning("not_compacted", error=error, run_id=start.run_id)
            return None
        if fitted is None:
            return None
        await self._took(fitted)
        return fitted.start.request
