"""The Conversations API: /v1/conversations and what is below.

Source: OpenAI wire contract, section 4.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from api_gateway.dialects.metadata import check_metadata, decode_metadata
from api_gateway.dialects.stored_items import listed_items, reference_of
from api_gateway.routes.listing import encode_all, encode_page, page_request
from api_gateway.stores.errors import no_such
from api_gateway.stores.records import Conversation, StoredItem
from wire.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api_gateway.routes.exchange import Exchange
    from api_gateway.stores.protocols import (
        ConversationItems,
        ConversationStore,
        ResponseHistory,
    )
    from service_kit.clock import Clock

BodyT = TypeVar("BodyT")

MAX_ITEMS = 20
_KIND = "Conversation"
_encode = msgspec.json.Encoder().encode


class _NewConversation(msgspec.Struct):
    items: list[msgspec.Raw] | None = None
    metadata: dict[str, str] | None = None


class _NewItems(msgspec.Struct):
    items: list[msgspec.Raw]


class _Shown(msgspec.Struct):
    id: str
    object: str
    created_at: int
    metadata: dict[str, str]


_NEW_CONVERSATION = msgspec.json.Decoder(_NewConversation)
_NEW_ITEMS = msgspec.json.Decoder(_NewItems)


class ConversationsRoutes:
    def __init__(
        self,
        conversations: ConversationStore,
        items: ConversationItems,
        history: ResponseHistory,
        clock: Clock,
    ) -> None:
        self._conversations = conversations
        self._items = items
        self._history = history
        self._clock = clock

    async def create(self, exchange: Exchange) -> None:
        """A new conversation, with its first items if there are some.

        Raises:
            InvalidRequestError: an item or the metadata is not as it must be.
            NotFoundError: an item refers to one that is not there.
        """
        body = await exchange.body()
        asked = _decode(_NEW_CONVERSATION, body) if body.strip() else _NewConversation()
        metadata = asked.metadata or {}
        check_metadata(metadata)
        items = await self._own_items(exchange, asked.items or ())
        conversation = Conversation(
            conversation_id=new_id("conv_"),
            tenant_id=exchange.tenant_id,
            created_unix_s=int(self._clock.unix_s()),
            metadata=metadata,
        )
        await self._conversations.create(conversation, items)
        await exchange.respond(_shown(conversation))

    async def retrieve(self, exchange: Exchange) -> None:
        """One conversation, without its items.

        Raises:
            NotFoundError: there is none, or it is another team's.
        """
        conversation_id = exchange.params["conversation"]
        found = await self._conversations.get(exchange.tenant_id, conversation_id)
        await exchange.respond(_shown(_required(found, conversation_id)))

    async def update(self, exchange: Exchange) -> None:
        """Replace the metadata.

        Raises:
            NotFoundError: there is none.
            InvalidRequestError: the metadata is missing or out of bounds.
        """
        conversation_id = exchange.params["conversation"]
        metadata = decode_metadata(await exchange.body())
        changed = await self._conversations.set_metadata(
            exchange.tenant_id, conversation_id, metadata
        )
        await exchange.respond(_shown(_required(changed, conversation_id)))

    async def delete(self, exchange: Exchange) -> None:
        """Forget a conversation with all its items.

        Raises:
            NotFoundError: there is none.
        """
        conversation_id = exchange.params["conversation"]
        if not await self._conversations.delete(exchange.tenant_id, conversation_id):
            raise no_such(_KIND, conversation_id)
        await exchange.respond(
            b'{"id":%b,"object":"conversation.deleted","deleted":true}'
            % bytes(json_members.text(conversation_id))
        )

    async def list_items(self, exchange: Exchange) -> None:
        """A page of the items.

        Raises:
            NotFoundError: there is no such conversation.
            InvalidRequestError: the page asked for is none.
        """
        page = page_request(exchange, order="desc")
        conversation_id = exchange.params["conversation"]
        found = await self._items.items(exchange.tenant_id, conversation_id, page)
        await exchange.respond(encode_page(found))

    async def add_items(self, exchange: Exchange) -> None:
        """Append items; they are answered as they are kept.

        Raises:
            NotFoundError: there is no such conversation, or an item refers to nothing.
            ConversationLockedError: a response is under way.
            InvalidRequestError: an item is not as it must be.
        """
        asked = _decode(_NEW_ITEMS, await exchange.body()).items
        if not asked:
            raise openai_errors.empty_array("items")
        items = await self._own_items(exchange, asked)
        conversation_id = exchange.params["conversation"]
        await self._items.append(exchange.tenant_id, conversation_id, items)
        await exchange.respond(encode_all(items))

    async def retrieve_item(self, exchange: Exchange) -> None:
        """One item.

        Raises:
            NotFoundError: there is no such item, or no such conversation.
        """
        conversation_id, item_id = exchange.params["conversation"], exchange.params["item"]
        found = await self._items.item(exchange.tenant_id, conversation_id, item_id)
        await exchange.respond(found.payload)

    async def delete_item(self, exchange: Exchange) -> None:
        """Forget one item; answers with the conversation.

        Raises:
            NotFoundError: there is no such item, or no such conversation.
            ConversationLockedError: a response is under way.
        """
        conversation_id, item_id = exchange.params["conversation"], exchange.params["item"]
        left = await self._items.remove(exchange.tenant_id, conversation_id, item_id)
        await exchange.respond(_shown(left))

    async def _own_items(
        self, exchange: Exchange, asked: Sequence[msgspec.Raw]
    ) -> tuple[StoredItem, ...]:
        """The client's items as they are kept; what refers to a kept item becomes that item."""
        if len(asked) > MAX_ITEMS:
            raise openai_errors.array_too_long("items", MAX_ITEMS, len(asked))
        resolved = [await self._resolved(exchange.tenant_id, raw) for raw in asked]
        listed = listed_items(resolved, exchange.request_id, "items")
        return tuple(StoredItem(item.item_id, item.payload) for item in listed)

    async def _resolved(self, tenant_id: str, raw: msgspec.Raw) -> msgspec.Raw:
        item_id = reference_of(raw)
        if item_id is None:
            return raw
        found = await self._history.item(tenant_id, item_id)
        if found is None:
            raise no_such("Item", item_id)
        return msgspec.Raw(found.payload)


def _decode(decoder: msgspec.json.Decoder[BodyT], body: bytes) -> BodyT:
    try:
        return decoder.decode(body)
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem) from None


def _required(found: Conversation | None, conversation_id: str) -> Conversation:
    if found is None:
        raise no_such(_KIND, conversation_id)
    return found


def _shown(conversation: Conversation) -> bytes:
    return _encode(
        _Shown(
            id=conversation.conversation_id,
            object="conversation",
            created_at=conversation.created_unix_s,
            metadata=dict(conversation.metadata),
        )
    )
