"""Responses that are kept: GET and DELETE /v1/responses/{id}, its cancel and its input_items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_gateway.dialects import json_members
from api_gateway.routes.listing import encode_page, page_request, query_pairs
from api_gateway.stores.errors import no_such
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from api_gateway.routes.exchange import Exchange
    from api_gateway.stores.protocols import ResponseHistory, ResponseStore
    from api_gateway.stores.records import StoredResponse

_KIND = "Response"
_TRUE = ("true", "1")


class StoredResponsesRoutes:
    def __init__(self, responses: ResponseStore, history: ResponseHistory) -> None:
        self._responses = responses
        self._history = history

    async def retrieve(self, exchange: Exchange) -> None:
        """The response as its client got it, byte for byte.

        Raises:
            NotFoundError: there is none, it was not to be stored, or it is another team's.
            InvalidRequestError: its stream is asked for, and it has none that is kept.
        """
        stored = await self._stored(exchange)
        if dict(query_pairs(exchange)).get("stream", "").lower() in _TRUE:
            raise InvalidRequestError(
                "Only responses created with 'background' and 'stream' can be streamed again.",
                param="stream",
            )
        await exchange.respond(stored.body)

    async def delete(self, exchange: Exchange) -> None:
        """Forget a response; what continues it can no longer be continued.

        Raises:
            NotFoundError: there is none.
        """
        response_id = exchange.params["response"]
        if not await self._responses.delete(exchange.tenant_id, response_id):
            raise no_such(_KIND, response_id)
        await exchange.respond(
            b'{"id":%b,"object":"response","deleted":true}' % bytes(json_members.text(response_id))
        )

    async def cancel(self, exchange: Exchange) -> None:
        """Only background responses can be cancelled: of the others the client holds the stream.

        Raises:
            NotFoundError: there is none.
            InvalidRequestError: it was made in the foreground.
        """
        await self._stored(exchange)
        raise InvalidRequestError("Cannot cancel a synchronous response.")

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
