"""Background responses on their way to the client."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from api_gateway.routes.responses_delivery import kept_alive
from api_gateway.routes.responses_keeping import own_items
from api_gateway.stores.records import NewResponse
from service_kit.internal_client import CallContext
from wire.deadline import Deadline

if TYPE_CHECKING:
    from api_gateway.lanes.background import BackgroundResponses
    from api_gateway.routes.exchange import Exchange
    from api_gateway.routes.responses_plan import ResponsePlan
    from api_gateway.routes.streaming import StreamPace
    from api_gateway.stores.records import StoredResponse
    from wire.coordination import StartRun

# A reader may follow for as long as any run can take.
FOLLOW_S = 24 * 3600.0


def detached(start: StartRun) -> StartRun:
    """The run, to live on without its connection."""
    return msgspec.structs.replace(start, detached=True)


def context_of(exchange: Exchange, deadline: Deadline) -> CallContext:
    """A call to the orchestrator for this request."""
    return CallContext(
        tenant_id=exchange.tenant_id,
        request_id=exchange.request_id,
        deadline=deadline,
        traceparent=exchange.traceparent,
    )


def new_background_response(plan: ResponsePlan) -> NewResponse:
    """What is kept before the run begins; status and body are the keeper's to fill in."""
    echo = plan.echo
    return NewResponse(
        response_id=echo.response_id,
        tenant_id=plan.tenant_id,
        created_unix_s=echo.created_unix_s,
        model=echo.model,
        status="queued",
        body=b"",
        input=own_items(plan),
        previous_response_id=echo.previous_response_id,
        conversation_id=echo.conversation_id,
        streamed=plan.streams,
    )


async def stream_background(
    exchange: Exchange,
    background: BackgroundResponses,
    stored: StoredResponse,
    pace: StreamPace,
    *,
    after: int = -1,
) -> None:
    """The frames after that number; the reader may leave at any time.

    Raises:
        PlatformError: the run cannot be followed; the application tells the client.
    """
    context = context_of(exchange, Deadline.after(FOLLOW_S, now_s=pace.clock.monotonic_s()))
    frames = background.frames(stored, context, after=after)
    async with kept_alive(exchange, pace.clock, pace.heartbeat_s) as write, aclosing(frames):
        async for piece in frames:
            if piece:
                await write(piece)
    await exchange.finish(b"")
