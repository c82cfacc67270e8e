"""A conversation held for as long as a response is made, and given back whatever happens."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from api_gateway.stores.errors import StoreUnavailableError
from service_kit.logging import get_logger
from wire.errors import CallerError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from api_gateway.stores.protocols import ConversationTurns
    from api_gateway.stores.records import StoredItem

# A process that dies leaves the conversation locked for so long.
LEASE_S = 30.0

log = get_logger(__name__)


@asynccontextmanager
async def held(
    turns: ConversationTurns,
    tenant_id: str,
    conversation_id: str,
    holder: str,
    *,
    lease_s: float = LEASE_S,
) -> AsyncGenerator[list[StoredItem]]:
    """All items of the conversation; nobody else continues it until the context is left.

    Raises:
        NotFoundError, ConversationLockedError, HistoryTooLargeError, StoreUnavailableError: on
            entering; see `ConversationTurns.claim`.
    """
    items = await turns.claim(tenant_id, conversation_id, holder, lease_s=lease_s)
    try:
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(
                _keep(turns, tenant_id, conversation_id, holder, lease_s=lease_s)
            )
            try:
                yield items
            finally:
                keeper.cancel()
    except BaseExceptionGroup as errors:
        if len(errors.exceptions) == 1:  # the body's own; the keeper raises nothing
            raise errors.exceptions[0] from None
        raise
    finally:
        await _give_back(turns, tenant_id, conversation_id, holder)


async def _keep(
    turns: ConversationTurns,
    tenant_id: str,
    conversation_id: str,
    holder: str,
    *,
    lease_s: float,
) -> None:
    """A claim that cannot be prolonged is no reason to end the answer: it is appended anyway."""
    while True:
        await asyncio.sleep(lease_s / 3)
        try:
            await turns.extend(tenant_id, conversation_id, holder, lease_s=lease_s)
        except (StoreUnavailableError, CallerError) as error:
            log.warning("conversation_claim_not_prolonged", error=error)


async def _give_back(
    turns: ConversationTurns, tenant_id: str, conversation_id: str, holder: str
) -> None:
    try:
        await turns.release(tenant_id, conversation_id, holder)
    except StoreUnavailableError as error:
        log.warning("conversation_claim_not_released", error=error)
