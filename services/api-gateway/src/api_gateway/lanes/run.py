"""The run lane: panels, and single models that need more than one exchange."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from service_kit.internal_client import CallContext, InternalClient
from wire.conversation import Usage, UsageReported
from wire.coordination import RunEnded, RunStarted, StartRun
from wire.endpoints import START_RUN
from wire.errors import PlatformFaultError, PlatformInterruptedError, RemoteError
from wire.specs import AgentSpec, ModelSpec, PanelSpec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from api_gateway.lanes.answers import AnswerItem, Turn
    from wire.ids import RequestId

# The orchestrator ends a run by itself at its `wall_s`; we give up a little later.
RUN_MARGIN_S = 5.0
_FAILED = ("failed", "cancelled")


class RunSource:
    """Answers by runs of one panel. Hanging up on the orchestrator cancels the run."""

    def __init__(self, client: InternalClient, panel: PanelSpec) -> None:
        self._client = client
        self._panel = panel

    async def stream(self, turn: Turn) -> AsyncGenerator[AnswerItem]:
        """The run's events; the last one is its end.

        Raises:
            PlatformError: the run failed, was cancelled, or its process died.
        """
        context = CallContext(
            tenant_id=turn.caller.tenant_id,
            request_id=turn.request_id,
            deadline=turn.deadline,
            traceparent=turn.traceparent,
        )
        async with aclosing(self._client.stream(START_RUN, self.start(turn), context)) as events:
            async for event in events:
                if isinstance(event, RunEnded):
                    usage = self._reported(_completed(event))
                    yield UsageReported(usage, compacted=event.compacted)
                    yield event
                    return
                if not isinstance(event, RunStarted | UsageReported):
                    yield event
        raise PlatformInterruptedError(
            "The answer was interrupted because a server went away. Please try again."
        )

    def _reported(self, end: RunEnded) -> Usage:
        """What the client's `usage` shows; the sum over all agents is in the ledger."""
        return end.usage if self._panel.usage_report == "summed" else end.delivered_usage

    def start(self, turn: Turn) -> StartRun:
        """The run that answers."""
        return StartRun(
            run_id=turn.run_id,
            request_id=turn.request_id,
            tenant_id=turn.caller.tenant_id,
            key_id=turn.caller.key_id,
            public_model=turn.public_model,
            panel=self._panel,
            request=turn.request,
            details=turn.wants_details,
            progress=turn.wants_progress,
            compact_threshold_tokens=turn.compact_threshold_tokens,
        )


def run_id(request_id: RequestId, choice: int) -> str:
    """A request's runs are found by its id: `req_x` ran as `run_x`, further choices `run_x-1`…."""
    first = "run_" + request_id.removeprefix("req_")
    return f"{first}-{choice}" if choice else first


def panel_of_one(model: ModelSpec) -> PanelSpec:
    """A single model as a run."""
    agent = AgentSpec(agent_id="model", model=model)
    return PanelSpec(name=model.name, agents=(agent,), kind="model", progress=False, tools="lead")


def _completed(end: RunEnded) -> RunEnded:
    if end.status not in _FAILED:
        return end
    if end.error is not None:
        raise RemoteError(end.error)
    if end.status == "cancelled":
        raise PlatformInterruptedError("The answer was cancelled.")
    raise PlatformFaultError("The answer failed. Please try again.")
