"""Stored responses in SQL, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, tuple_, update

from api_gateway.stores import conversation_rows
from api_gateway.stores.records import StoredItem, StoredResponse
from api_gateway.stores.tables import response_items, responses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from api_gateway.stores.database import Database
    from api_gateway.stores.records import NewResponse, ResponseEnd, ResponseStatus
    from service_kit.clock import Clock

RUNNING = ("queued", "in_progress")
# What a conversation is continued with. A failed or cancelled response leaves nothing there.
_SAID = ("completed", "incomplete")


class SqlResponses:
    """`ResponseStore` of `stores.protocols`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def save(self, response: NewResponse) -> None:
        """Keep a response, and continue its conversation if it has ended."""
        tenant_id, response_id = response.tenant_id, response.response_id
        asked = _rows(response.input, tenant_id, response_id, is_output=False)
        said = _rows(response.output, tenant_id, response_id, is_output=True, first=len(asked))
        async with self._database.writing() as connection:
            await connection.execute(insert(responses).values(_row(response)))
            if asked or said:
                await connection.execute(insert(response_items), asked + said)
            await self._end_turn(
                connection, tenant_id, response_id, response.conversation_id, response.status
            )

    async def update(self, tenant_id: str, response_id: str, end: ResponseEnd) -> bool:
        """Only one that runs: of several who end it, the first to commit does."""
        async with self._database.writing() as connection:
            changed = await connection.execute(
                update(responses)
                .where(_of(tenant_id, response_id), responses.c.status.in_(RUNNING))
                .values(status=end.status, body=end.body)
                .returning(responses.c.conversation_id)
            )
            row = changed.one_or_none()
            if row is None:
                return False
            await _replace_output(connection, tenant_id, response_id, end.output)
            await self._end_turn(
                connection, tenant_id, response_id, row.conversation_id, end.status
            )
        return True

    async def get(self, tenant_id: str, response_id: str) -> StoredResponse | None:
        async with self._database.reading() as connection:
            found = await connection.execute(select(responses).where(_of(tenant_id, response_id)))
            row = found.one_or_none()
        return _read(row) if row is not None else None

    async def running(self, *, after: tuple[int, str] | None, limit: int) -> list[StoredResponse]:
        """All teams' background responses that have not ended, oldest first."""
        place = tuple_(responses.c.created_unix_s, responses.c.response_id)
        which = responses.c.background & responses.c.status.in_(RUNNING)
        if after is not None:
            which &= place > after
        query = select(responses).where(which).order_by(*place.clauses).limit(limit)
        async with self._database.reading() as connection:
            return [_read(row) for row in await connection.execute(query)]

    async def delete(self, tenant_id: str, response_id: str) -> bool:
        async with self._database.writing() as connection:
            deleted = await connection.execute(delete(responses).where(_of(tenant_id, response_id)))
        return deleted.rowcount > 0

    async def _end_turn(
        self,
        connection: AsyncConnection,
        tenant_id: str,
        response_id: str,
        conversation_id: str | None,
        status: ResponseStatus,
    ) -> None:
        if conversation_id is None or status in RUNNING:
            return
        await conversation_rows.release(connection, tenant_id, conversation_id, response_id)
        if status in _SAID:
            items = await _items(connection, tenant_id, response_id)
            which = conversation_rows.of(tenant_id, conversation_id)
            now_unix_s = self._clock.unix_s()
            await conversation_rows.append(connection, which, items, now_unix_s=now_unix_s)


def _of(tenant_id: str, response_id: str) -> ColumnElement[bool]:
    return (responses.c.tenant_id == tenant_id) & (responses.c.response_id == response_id)


def _items_of(tenant_id: str, response_id: str) -> ColumnElement[bool]:
    return (response_items.c.tenant_id == tenant_id) & (response_items.c.response_id == response_id)


async def _items(connection: AsyncConnection, tenant_id: str, response_id: str) -> list[StoredItem]:
    rows = await connection.execute(
        select(response_items.c.item_id, response_items.c.payload)
        .where(_items_of(tenant_id, response_id))
        .order_by(response_items.c.position)
    )
    return [StoredItem(row.item_id, bytes(row.payload)) for row in rows]


async def _replace_output(
    connection: AsyncConnection, tenant_id: str, response_id: str, output: Sequence[StoredItem]
) -> None:
    which = _items_of(tenant_id, response_id)
    await connection.execute(delete(response_items).where(which, response_items.c.is_output))
    if output:
        counted = select(func.count()).select_from(response_items).where(which)
        first = (await connection.execute(counted)).scalar_one()
        rows = _rows(output, tenant_id, response_id, is_output=True, first=first)
        await connection.execute(insert(response_items), rows)


def _rows(
    items: Sequence[StoredItem],
    tenant_id: str,
    response_id: str,
    *,
    is_output: bool,
    first: int = 0,
) -> list[dict[str, str | int | bytes]]:
    return [
        {
            "response_id": response_id,
            "tenant_id": tenant_id,
            "position": first + index,
            "is_output": is_output,
            "item_id": item.item_id,
            "payload": item.payload,
        }
        for index, item in enumerate(items)
    ]


def _row(response: NewResponse) -> dict[str, str | int | bytes | None]:
    return {
        "response_id": response.response_id,
        "tenant_id": response.tenant_id,
        "created_unix_s": response.created_unix_s,
        "model": response.model,
        "status": response.status,
        "previous_response_id": response.previous_response_id,
        "conversation_id": response.conversation_id,
        "background": response.background,
        "streamed": response.streamed,
        "begins_chain": response.begins_chain,
        "run_id": response.run_id,
        "request": response.request,
        "body": response.body,
    }


def _read(row: Row[tuple[object, ...]]) -> StoredResponse:
    return StoredResponse(
        response_id=row.response_id,
        tenant_id=row.tenant_id,
        created_unix_s=row.created_unix_s,
        model=row.model,
        status=row.status,
        body=bytes(row.body),
        previous_response_id=row.previous_response_id,
        conversation_id=row.conversation_id,
        background=row.background,
        streamed=row.streamed,
        run_id=row.run_id,
        request=bytes(row.request),
    )
