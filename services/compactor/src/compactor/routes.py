"""The internal endpoints: compact a conversation, open one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wire.endpoints import COMPACT, OPEN_COMPACTION
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from compactor.compaction import Compactor
    from compactor.metrics import CompactorMetrics
    from compactor.opening import Opener
    from service_kit.clock import Clock
    from service_kit.internal_server import CallContext, InternalApp
    from wire.compaction import CompactRequest, CompactResult, OpenRequest, OpenResult


class CompactionRoutes:
    """Handlers. The team comes from the call's context, never from the message."""

    def __init__(
        self, compactor: Compactor, opener: Opener, metrics: CompactorMetrics, clock: Clock
    ) -> None:
        self._compactor = compactor
        self._opener = opener
        self._metrics = metrics
        self._clock = clock

    def register(self, app: InternalApp) -> None:
        """Add every endpoint of this room."""
        app.add(COMPACT, self.compact)
        app.add(OPEN_COMPACTION, self.open)

    async def compact(
        self, request: CompactRequest, context: CallContext, _params: dict[str, str]
    ) -> CompactResult:
        """Make a conversation smaller; the caller's hang-up ends it unless others wait too."""
        _require_tenant(context)
        return await self._compactor.compact(request, context)

    async def open(
        self, request: OpenRequest, context: CallContext, _params: dict[str, str]
    ) -> OpenResult:
        """Turn a conversation with a sealed item into one that a model can read."""
        _require_tenant(context)
        began_s = self._clock.monotonic_s()
        try:
            result = await self._opener.open(request, tenant_id=context.tenant_id)
        except InvalidRequestError:
            self._metrics.opening.opens.of("none", "refused").inc()
            raise
        self._metrics.opening.opens.of(result.level, "ok").inc()
        self._metrics.opening.recalled_tokens.inc(result.recalled_tokens)
        self._metrics.opening.duration_s.observe(self._clock.monotonic_s() - began_s)
        return result


def _require_tenant(context: CallContext) -> None:
    """An empty team would be everybody's: nothing is sealed for nobody."""
    if not context.tenant_id:
        raise InvalidRequestError("The call names no team.")
