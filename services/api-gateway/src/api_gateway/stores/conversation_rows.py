"""What happens to a conversation's rows within somebody else's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, or_, update

from api_gateway.stores.tables import conversation_items, conversations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from api_gateway.stores.records import StoredItem


def of(tenant_id: str, conversation_id: str) -> ColumnElement[bool]:
    """The row of a team's conversation."""
    return (conversations.c.conversation_id == conversation_id) & (
        conversations.c.tenant_id == tenant_id
    )


def free(now_unix_s: float) -> ColumnElement[bool]:
    """Nobody holds it, or no longer."""
    return or_(conversations.c.holder.is_(None), conversations.c.held_until_unix_s <= now_unix_s)


async def append(
    connection: AsyncConnection,
    which: ColumnElement[bool],
    items: Sequence[StoredItem],
    *,
    now_unix_s: float,
) -> bool:
    """Put items behind those that are there. False: no row is `which`.

    The row is locked until the transaction ends, so what others append cannot come in between.
    """
    moved = await connection.execute(
        update(conversations)
        .where(which)
        .values(
            next_position=conversations.c.next_position + len(items),
            used_unix_s=int(now_unix_s),
        )
        .returning(
            conversations.c.conversation_id,
            conversations.c.tenant_id,
            conversations.c.next_position,
        )
    )
    row = moved.one_or_none()
    if row is None:
        return False
    first = row.next_position - len(items)
    if items:
        await connection.execute(
            insert(conversation_items),
            [
                {
                    "conversation_id": row.conversation_id,
                    "tenant_id": row.tenant_id,
                    "position": first + index,
                    "item_id": item.item_id,
                    "payload": item.payload,
                }
                for index, item in enumerate(items)
            ],
        )
    return True


async def release(
    connection: AsyncConnection, tenant_id: str, conversation_id: str, holder: str
) -> None:
    """Give a claim back, unless somebody else has it by now."""
    await connection.execute(
        update(conversations)
        .where(of(tenant_id, conversation_id), conversations.c.holder == holder)
        .values(holder=None, held_until_unix_s=None)
    )
