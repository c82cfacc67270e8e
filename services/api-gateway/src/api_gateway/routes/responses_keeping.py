"""What is kept of a response once it has ended: itself, and its turn of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_gateway.dialects.stored_items import listed_items, listed_text
from api_gateway.stores.errors import StoreUnavailableError
from api_gateway.stores.records import NewResponse, StoredItem
from service_kit.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api_gateway.dialects.responses.output_items import OutputItem
    from api_gateway.dialects.responses.response_object import FinalResponse
    from api_gateway.routes.responses_plan import ResponsePlan
    from api_gateway.stores.protocols import ConversationTurns, ResponseStore

# What a conversation goes on with: an answer, whole or cut.
_SAID = ("completed", "incomplete")

log = get_logger(__name__)


class ResponseKeeper:
    def __init__(self, responses: ResponseStore, turns: ConversationTurns) -> None:
        self._responses = responses
        self._turns = turns

    async def keep(
        self, plan: ResponsePlan, final: FinalResponse, output: Sequence[OutputItem]
    ) -> bool:
        """Commit what the client asked to have kept; False: the store failed."""
        try:
            if plan.echo.stores:
                await self._responses.save(_new_response(plan, final, output))
            elif plan.echo.conversation_id is not None and final.status in _SAID:
                await self._append(plan, plan.echo.conversation_id, output)
        except StoreUnavailableError as error:
            log.warning("response_not_kept", response_id=plan.echo.response_id, error=error)
            return False
        return True

    async def _append(
        self, plan: ResponsePlan, conversation_id: str, output: Sequence[OutputItem]
    ) -> None:
        items = [*own_items(plan), *kept_items(output)]
        await self._turns.append_turn(plan.tenant_id, conversation_id, plan.echo.response_id, items)


def own_items(plan: ResponsePlan) -> tuple[StoredItem, ...]:
    """The request's own items as they are listed."""
    owner_id = f"{plan.echo.response_id}/input"  # apart from the output's ids
    own = plan.body.raw_input
    if isinstance(own, str):
        listed = [listed_text(own, owner_id)]
    else:
        listed = listed_items(own, owner_id, "input")
    return tuple(StoredItem(item.item_id, item.payload) for item in listed)


def kept_items(output: Sequence[OutputItem]) -> tuple[StoredItem, ...]:
    """The answer's items as the next turn is given them."""
    return tuple(StoredItem(item.item_id, item.kept) for item in output)


def _new_response(
    plan: ResponsePlan, final: FinalResponse, output: Sequence[OutputItem]
) -> NewResponse:
    echo = plan.echo
    return NewResponse(
        response_id=echo.response_id,
        tenant_id=plan.tenant_id,
        created_unix_s=echo.created_unix_s,
        model=echo.model,
        status=final.status,
        body=final.body,
        input=own_items(plan),
        output=kept_items(output),
        previous_response_id=echo.previous_response_id,
        conversation_id=echo.conversation_id,
        begins_chain=any(item.is_compaction for item in output),
    )
