"""Responses that are kept: GET and DELETE /v1/responses/{id}, its cancel and its input_items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_gateway.dialects import json_members
from api_gateway.lanes.background import RUNNING
from api_gateway.routes.background_delivery import context_of, stream_background
from api_gateway.routes.listing import encode_page, page_request, query_pairs
from api_gateway.routes.streaming import StreamPace
from api_gateway.stores.errors import no_such
from service_kit.http import cancel_on_disconnect
from wire.deadline import Deadline
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from api_gateway.lanes.background import BackgroundResponses
    from api_gateway.routes.exchange import Exchange
    from api_gateway.stores.protocols import ResponseHistory, ResponseStore
    from api_gateway.stores.records import StoredResponse
    from service_kit.clock import Clock
    from service_kit.internal_client import CallContext

_KIND = "Response"
_TRUE = ("true", "1")
_ORCHESTRATOR_TIMEOUT_S = 30.0
_MOST_DIGITS = 9


class StoredResponsesRoutes:
    def __init__(
        self,
        responses: ResponseStore,
        history: ResponseHistory,
        background: BackgroundResponses,
        *,
        clock: Clock,
        heartbeat_s: float,
    ) -> None:
        self._responses = responses
        self._history = history
        self._background = background
        self._clock = clock
        self._pace = StreamPace(clock, 0.0, heartbeat_s)

    async def retrieve(self, exchange: Exchange) -> None:
        """The response as its client got it, byte for byte.

        Raises:
            NotFoundError: there is none, it was not to be stored, or it is another team's.
            InvalidRequestError: its stream is asked for, and it has none that is kept.
        """
        stored = await self._stored(exchange)
        query = dict(query_pairs(exchange))
        if query.get("stream", "").lower() in _TRUE:
            await self._stream(exchange, stored, _starting_after(query))
            return
        async with cancel_on_disconnect(exchange.receive):
            stored = await self._background.refreshed(stored, self._context(exchange))
            await exchange.respond(stored.body)

    async def _stream(self, exchange: Exchange, stored: StoredResponse, after: int) -> None:
        if not (stored.background and stored.streamed):
            raise InvalidRequestError(
                "Only responses created with 'background' and 'stream' can be streamed again.",
                param="stream",
            )
        async with cancel_on_disconnect(exchange.receive):
            await stream_background(exchange, self._background, stored, self._pace, after=after)

    async def delete(self, exchange: Exchange) -> None:
        """Forget a response; what continues it can no longer be continued.

        Raises:
            NotFoundError: there is none.
        """
        response_id = exchange.params["response"]
        await self._stop(exchange)
        if not await self._responses.delete(exchange.tenant_id, response_id):
            raise no_such(_KIND, response_id)
        await exchange.respond(
            b'{"id":%b,"object":"response","deleted":true}' % bytes(json_members.text(response_id))
        )

    async def _stop(self, exchange: Exchange) -> None:
        """What is deleted while it is made need not be made."""
        stored = await self._stored(exchange)
        if stored.background and stored.status in RUNNING:
            await self._background.cancel(stored, self._context(exchange))

    async def cancel(self, exchange: Exchange) -> None:
        """Only background responses can be cancelled: of the others the client holds the stream.

        Raises:
            NotFoundError: there is none.
            InvalidRequestError: it was made in the foreground.
        """
        stored = await self._stored(exchange)
        if not stored.background:
            raise InvalidRequestError(
                "Cannot cancel a synchronous response: only what was created with 'background' "
                "runs on its own, anything else cannot be cancelled."
            )
        ended = await self._background.cancel(stored, self._context(exchange))
        await exchange.respond(ended.body)

    def _context(self, exchange: Exchange) -> CallContext:
        deadline = Deadline.after(_ORCHESTRATOR_TIMEOUT_S, now_s=self._clock.monotonic_s())
        return context_of(exchange, deadline)

    async def input_items(self, exchange: Exchange) -> None:
        """A page of what the response was given, that of its chain included.

        Raises:
            NotFoundError: there is no such response.
            InvalidRequestError: the page asked for is none.
        """
        page = page_request(exchange, order="desc")
        response_id = exchange.params["response"]
        found = await self._history.input_items(exchange.tenant_id, response_id, page)
        await exchange.respond(encode_page(found))

    async def _stored(self, exchange: Exchange) -> StoredResponse:
        response_id = exchange.params["response"]
        stored = await self._responses.get(exchange.tenant_id, response_id)
        if stored is None:
            raise no_such(_KIND, response_id)
        return stored


def _starting_after(query: dict[str, str]) -> int:
    """The sequence number to go on after; -1: from the beginning."""
    text = query.get("starting_after", "")
    if not text:
        return -1
    if not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise InvalidRequestError(
            "'starting_after' must be the sequence number of an event.", param="starting_after"
        )
    return int(text)
