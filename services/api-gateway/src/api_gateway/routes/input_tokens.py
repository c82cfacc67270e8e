"""POST /v1/responses/input_tokens: how many tokens a request would put before the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api_gateway.dialects.responses.head import decode_input_tokens_head
from api_gateway.lanes.choice import panel_of
from api_gateway.lanes.compaction import opened_tokens
from api_gateway.routes.listing import MAX_LIMIT
from api_gateway.routes.responses_plan import History, history_of, read_body
from api_gateway.stores.records import PageRequest
from model_providers.token_estimate import estimate_request
from service_kit.call_context import CallContext
from service_kit.http import cancel_on_disconnect
from wire.conversation import CompactionItem
from wire.deadline import Deadline
from wire.errors import ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from api_gateway.dialects.responses.head import ResponsesHead
    from api_gateway.routes.exchange import Exchange
    from api_gateway.stores.protocols import ConversationItems, ResponseHistory
    from api_gateway.stores.records import StoredItem
    from catalogue import Catalogue, Entry
    from service_kit.clock import Clock
    from service_kit.internal_client import InternalClient
    from wire.conversation import GenerationRequest


# Opening a long history takes some seconds the first time.
_OPENING_TIMEOUT_S = 30.0


class InputTokensRoute:
    """Counts with the estimator that limits and compaction use; no vendor is asked.

    Sealed items count as what they open to for the model that is named. Only the compactor can
    open them; without a model they count as what they say of themselves.
    """

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        history: ResponseHistory,
        conversations: ConversationItems,
        compactor: InternalClient,
        clock: Clock,
    ) -> None:
        self._catalogue = catalogue
        self._history = history
        self._conversations = conversations
        self._compactor = compactor
        self._clock = clock

    async def count(self, exchange: Exchange) -> None:
        """Answer one request.

        Raises:
            InvalidRequestError: it is wrong, what it continues is not there, or a sealed item
                cannot be opened.
            NotFoundError: no such model or conversation.
        """
        head = decode_input_tokens_head(await exchange.body())
        entry = self._entry(exchange, head.parameters.model)
        body = await read_body(head, self._history, exchange.tenant_id)
        history = await self._history_of(exchange, head)
        request = body.unchecked_request(history.decoded())
        tokens = await self._tokens(exchange, entry, request)
        await exchange.respond(b'{"object":"response.input_tokens","input_tokens":%d}' % tokens)

    def _entry(self, exchange: Exchange, model: str) -> Entry | None:
        """The estimate is the same for most, but a wrong name is worth telling."""
        if not model:
            return None
        entry = self._catalogue().resolve(model)
        if entry is None:
            raise ModelNotFoundError(model)
        exchange.model = model
        return entry

    async def _tokens(
        self, exchange: Exchange, entry: Entry | None, request: GenerationRequest
    ) -> int:
        sealed = any(isinstance(item, CompactionItem) for item in request.items)
        if entry is None or not sealed:
            return estimate_request(request)
        deadline = Deadline.after(_OPENING_TIMEOUT_S, now_s=self._clock.monotonic_s())
        context = CallContext(
            exchange.tenant_id, exchange.request_id, deadline, exchange.traceparent
        )
        async with cancel_on_disconnect(exchange.receive):
            opened = await opened_tokens(self._compactor, panel_of(entry), request.items, context)
        return opened + estimate_request(msgspec.structs.replace(request, items=()))

    async def _history_of(self, exchange: Exchange, head: ResponsesHead) -> History:
        previous_id = head.parameters.previous_response_id
        if previous_id is not None:
            items = await self._history.chain(exchange.tenant_id, previous_id)
            return history_of(items, "previous_response_id")
        if head.conversation_id is not None:
            return history_of(await self._items(exchange, head.conversation_id), "conversation")
        return History()

    async def _items(self, exchange: Exchange, conversation_id: str) -> list[StoredItem]:
        """All items of a conversation, which somebody else may be continuing meanwhile."""
        items: list[StoredItem] = []
        wanted = PageRequest(limit=MAX_LIMIT, order="asc")
        while True:
            page = await self._conversations.items(exchange.tenant_id, conversation_id, wanted)
            items += page.items
            if not page.has_more:
                return items
            wanted = PageRequest(limit=MAX_LIMIT, order="asc", after=page.items[-1].item_id)
