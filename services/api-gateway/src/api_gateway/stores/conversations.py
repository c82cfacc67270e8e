"""Conversations in SQL: the objects, their items, and whose turn it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, func, insert, select, update

from api_gateway.stores import conversation_rows
from api_gateway.stores.errors import (
    ConversationLockedError,
    HistoryTooLargeError,
    no_such,
)
from api_gateway.stores.paging import read_page
from api_gateway.stores.records import Conversation, StoredItem
from api_gateway.stores.tables import conversation_items, conversations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from api_gateway.stores.database import Database
    from api_gateway.stores.records import Page, PageRequest
    from service_kit.clock import Clock
    from wire.errors import PlatformError

# As JSON in memory. 40 screenshots of 2 MB, and far more text than any model reads.
MAX_HISTORY_BYTES = 128 * 1024 * 1024

_encode = msgspec.json.Encoder().encode
_METADATA = msgspec.json.Decoder(dict[str, str])


class SqlConversations:
    """`ConversationStore`, `ConversationItems` and `ConversationTurns` of `stores.protocols`."""

    def __init__(
        self, database: Database, clock: Clock, *, max_history_bytes: int = MAX_HISTORY_BYTES
    ) -> None:
        self._database = database
        self._clock = clock
        self._max_history_bytes = max_history_bytes

    # ---------------------------------------------------------------------------------- objects

    async def create(self, conversation: Conversation, items: Sequence[StoredItem]) -> None:
        """Keep a new conversation with its first items."""
        which = conversation_rows.of(conversation.tenant_id, conversation.conversation_id)
        async with self._database.writing() as connection:
            await connection.execute(
                insert(conversations).values(
                    conversation_id=conversation.conversation_id,
                    tenant_id=conversation.tenant_id,
                    created_unix_s=conversation.created_unix_s,
                    used_unix_s=conversation.created_unix_s,
                    metadata=_encode(conversation.metadata),
                    next_position=0,
                )
            )
            await conversation_rows.append(connection, which, items, now_unix_s=self._now())

    async def get(self, tenant_id: str, conversation_id: str) -> Conversation | None:
        async with self._database.reading() as connection:
            return await _conversation(connection, tenant_id, conversation_id)

    async def set_metadata(
        self, tenant_id: str, conversation_id: str, metadata: Mapping[str, str]
    ) -> Conversation | None:
        async with self._database.writing() as connection:
            await connection.execute(
                update(conversations)
                .where(conversation_rows.of(tenant_id, conversation_id))
                .values(metadata=_encode(metadata), used_unix_s=int(self._now()))
            )
            return await _conversation(connection, tenant_id, conversation_id)

    async def delete(self, tenant_id: str, conversation_id: str) -> bool:
        """With all its items, also while a response continues it."""
        async with self._database.writing() as connection:
            deleted = await connection.execute(
                delete(conversations).where(conversation_rows.of(tenant_id, conversation_id))
            )
        return deleted.rowcount > 0

    # ------------------------------------------------------------------------------------ items

    async def items(self, tenant_id: str, conversation_id: str, page: PageRequest) -> Page:
        owned = (
            conversation_items.c.tenant_id == tenant_id,
            conversation_items.c.conversation_id == conversation_id,
        )
        async with self._database.reading() as connection:
            await _require(connection, tenant_id, conversation_id)
            return await read_page(connection, conversation_items, owned, page)

    async def item(self, tenant_id: str, conversation_id: str, item_id: str) -> StoredItem:
        """Of several with this id the newest."""
        query = (
            select(conversation_items.c.item_id, conversation_items.c.payload)
            .where(
                conversation_items.c.tenant_id == tenant_id,
                conversation_items.c.conversation_id == conversation_id,
                conversation_items.c.item_id == item_id,
            )
            .order_by(conversation_items.c.position.desc())
            .limit(1)
        )
        async with self._database.reading() as connection:
            await _require(connection, tenant_id, conversation_id)
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise no_such("Item", item_id)
        return StoredItem(row.item_id, bytes(row.payload))

    async def append(
        self, tenant_id: str, conversation_id: str, items: Sequence[StoredItem]
    ) -> None:
        now = self._now()
        which = conversation_rows.of(tenant_id, conversation_id) & conversation_rows.free(now)
        async with self._database.writing() as connection:
            if not await conversation_rows.append(connection, which, items, now_unix_s=now):
                raise await _refusal(connection, tenant_id, conversation_id)

    async def remove(self, tenant_id: str, conversation_id: str, item_id: str) -> Conversation:
        now = self._now()
        which = conversation_rows.of(tenant_id, conversation_id) & conversation_rows.free(now)
        async with self._database.writing() as connection:
            if not await conversation_rows.append(connection, which, (), now_unix_s=now):
                raise await _refusal(connection, tenant_id, conversation_id)
            removed = await connection.execute(
                delete(conversation_items).where(
                    conversation_items.c.tenant_id == tenant_id,
                    conversation_items.c.conversation_id == conversation_id,
                    conversation_items.c.item_id == item_id,
                )
            )
            if not removed.rowcount:
                raise no_such("Item", item_id)
            return await _require(connection, tenant_id, conversation_id)

    # ------------------------------------------------------------------------------------ turns

    async def claim(
        self, tenant_id: str, conversation_id: str, holder: str, *, lease_s: float
    ) -> list[StoredItem]:
        """Make `holder` the one that continues the conversation, and give it all items.

        Raises:
            NotFoundError: no such conversation.
            ConversationLockedError: another holder has it.
            HistoryTooLargeError: it has grown beyond what is put together.
        """
        async with self._database.writing() as connection:
            await self._take(connection, tenant_id, conversation_id, holder, lease_s)
            owned = (
                conversation_items.c.tenant_id == tenant_id,
                conversation_items.c.conversation_id == conversation_id,
            )
            sizes = select(func.sum(func.length(conversation_items.c.payload))).where(*owned)
            if ((await connection.execute(sizes)).scalar() or 0) > self._max_history_bytes:
                raise HistoryTooLargeError("conversation", self._max_history_bytes)
            rows = await connection.execute(
                select(conversation_items.c.item_id, conversation_items.c.payload)
                .where(*owned)
                .order_by(conversation_items.c.position)
            )
            return [StoredItem(row.item_id, bytes(row.payload)) for row in rows]

    async def extend(
        self, tenant_id: str, conversation_id: str, holder: str, *, lease_s: float
    ) -> None:
        """Prolong a claim.

        Raises:
            NotFoundError: the conversation was deleted.
            ConversationLockedError: the lease was over, and another holder has it.
        """
        async with self._database.writing() as connection:
            await self._take(connection, tenant_id, conversation_id, holder, lease_s)

    async def release(self, tenant_id: str, conversation_id: str, holder: str) -> None:
        async with self._database.writing() as connection:
            await conversation_rows.release(connection, tenant_id, conversation_id, holder)

    async def append_turn(
        self, tenant_id: str, conversation_id: str, holder: str, items: Sequence[StoredItem]
    ) -> bool:
        which = conversation_rows.of(tenant_id, conversation_id)
        async with self._database.writing() as connection:
            await conversation_rows.release(connection, tenant_id, conversation_id, holder)
            return await conversation_rows.append(connection, which, items, now_unix_s=self._now())

    async def _take(
        self,
        connection: AsyncConnection,
        tenant_id: str,
        conversation_id: str,
        holder: str,
        lease_s: float,
    ) -> None:
        now = self._now()
        taken = await connection.execute(
            update(conversations)
            .where(
                conversation_rows.of(tenant_id, conversation_id),
                conversation_rows.free(now) | (conversations.c.holder == holder),
            )
            .values(holder=holder, held_until_unix_s=now + lease_s, used_unix_s=int(now))
        )
        if not taken.rowcount:
            raise await _refusal(connection, tenant_id, conversation_id)

    def _now(self) -> float:
        return self._clock.unix_s()


async def _conversation(
    connection: AsyncConnection, tenant_id: str, conversation_id: str
) -> Conversation | None:
    found = await connection.execute(
        select(conversations).where(conversation_rows.of(tenant_id, conversation_id))
    )
    row = found.one_or_none()
    return _read(row) if row is not None else None


async def _require(
    connection: AsyncConnection, tenant_id: str, conversation_id: str
) -> Conversation:
    conversation = await _conversation(connection, tenant_id, conversation_id)
    if conversation is None:
        raise no_such("Conversation", conversation_id)
    return conversation


async def _refusal(
    connection: AsyncConnection, tenant_id: str, conversation_id: str
) -> PlatformError:
    """Why nothing could be changed: it is not there, or somebody holds it."""
    if await _conversation(connection, tenant_id, conversation_id) is None:
        return no_such("Conversation", conversation_id)
    return ConversationLockedError(conversation_id)


def _read(row: Row[tuple[object, ...]]) -> Conversation:
    return Conversation(
        conversation_id=row.conversation_id,
        tenant_id=row.tenant_id,
        created_unix_s=row.created_unix_s,
        metadata=_METADATA.decode(bytes(row.metadata)),
    )
