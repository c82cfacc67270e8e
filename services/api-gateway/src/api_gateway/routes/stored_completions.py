"""Chat completions that are kept: /v1/chat/completions, to list, read, change and forget them.

Source: OpenAI wire contract, section 1.7.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from api_gateway.dialects import json_members
from api_gateway.dialects.metadata import decode_metadata
from api_gateway.routes.listing import encode_page, page_request, query_pairs
from api_gateway.stores.errors import no_such
from api_gateway.stores.records import CompletionFilter

if TYPE_CHECKING:
    from api_gateway.routes.exchange import Exchange
    from api_gateway.stores.protocols import StoredCompletionLists, StoredCompletionStore

_KIND = "Chat completion"
_METADATA_KEY = re.compile(r"metadata\[(?P<key>.*)\]", re.DOTALL)


class StoredCompletionsRoutes:
    def __init__(self, completions: StoredCompletionStore, lists: StoredCompletionLists) -> None:
        self._completions = completions
        self._lists = lists

    async def list_all(self, exchange: Exchange) -> None:
        """A page of the team's completions, of one model or with some metadata if asked for."""
        query = query_pairs(exchange)
        pairs = {
            found["key"]: value
            for name, value in query
            if (found := _METADATA_KEY.fullmatch(name)) is not None
        }
        wanted = CompletionFilter(model=dict(query).get("model") or None, metadata=pairs)
        page = page_request(exchange, order="asc")
        found = await self._lists.completions(exchange.tenant_id, wanted, page)
        await exchange.respond(encode_page(found))

    async def retrieve(self, exchange: Exchange) -> None:
        """One completion, how it was asked for, and its metadata.

        Raises:
            NotFoundError: there is none, it was not to be kept, or it is another team's.
        """
        completion_id = exchange.params["completion"]
        found = await self._completions.get(exchange.tenant_id, completion_id)
        await exchange.respond(_required(found, completion_id))

    async def update(self, exchange: Exchange) -> None:
        """Replace the metadata.

        Raises:
            NotFoundError: there is none.
            InvalidRequestError: the metadata is missing or out of bounds.
        """
        completion_id = exchange.params["completion"]
        metadata = decode_metadata(await exchange.body())
        changed = await self._completions.set_metadata(exchange.tenant_id, completion_id, metadata)
        await exchange.respond(_required(changed, completion_id))

    async def delete(self, exchange: Exchange) -> None:
        """Forget a completion with its messages.

        Raises:
            NotFoundError: there is none.
        """
        completion_id = exchange.params["completion"]
        if not await self._completions.delete(exchange.tenant_id, completion_id):
            raise no_such(_KIND, completion_id)
        await exchange.respond(
            b'{"object":"chat.completion.deleted","id":%b,"deleted":true}'
            % bytes(json_members.text(completion_id))
        )

    async def messages(self, exchange: Exchange) -> None:
        """A page of the messages it answers.

        Raises:
            NotFoundError: there is none.
        """
        page = page_request(exchange, order="asc")
        completion_id = exchange.params["completion"]
        found = await self._lists.messages(exchange.tenant_id, completion_id, page)
        await exchange.respond(encode_page(found))


def _required(found: bytes | None, completion_id: str) -> bytes:
    if found is None:
        raise no_such(_KIND, completion_id)
    return found
