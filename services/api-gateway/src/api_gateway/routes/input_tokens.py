"""POST /v1/responses/input_tokens: how many tokens a request would put before the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_gateway.dialects.responses.head import decode_input_tokens_head
from api_gateway.routes.listing import MAX_LIMIT
from api_gateway.routes.responses_plan import History, history_of, read_body
from api_gateway.stores.records import PageRequest
from model_providers.token_estimate import estimate_request
from wire.errors import ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from api_gateway.dialects.responses.head import ResponsesHead
    from api_gateway.routes.exchange import Exchange
    from api_gateway.stores.protocols import ConversationItems, ResponseHistory
    from api_gateway.stores.records import StoredItem
    from catalogue import Catalogue


class InputTokensRoute:
    """Counts with the estimator that limits and compaction use; no vendor is asked."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        history: ResponseHistory,
        conversations: ConversationItems,
    ) -> None:
        self._catalogue = catalogue
        self._history = history
        self._conversations = conversations

    async def count(self, exchange: Exchange) -> None:
        """Answer one request.

        Raises:
            InvalidRequestError: it is wrong, or what it continues is not there.
            NotFoundError: no such model or conversation.
        """
        head = decode_input_tokens_head(await exchange.body())
        self._check_model(exchange, head.parameters.model)
        body = await read_body(head, self._history, exchange.tenant_id)
        history = await self._history_of(exchange, head)
        tokens = estimate_request(body.unchecked_request(history.decoded()))
        await exchange.respond(b'{"object":"response.input_tokens","input_tokens":%d}' % tokens)

    def _check_model(self, exchange: Exchange, model: str) -> None:
        """The estimate is the same for all, but a wrong name is worth telling."""
        if not model:
            return
        if self._catalogue().resolve(model) is None:
            raise ModelNotFoundError(model)
        exchange.model = model

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
