"""Stored chat completions in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, func, insert, select, update

from api_gateway.dialects import json_members
from api_gateway.stores.errors import UnknownCursorError, no_such
from api_gateway.stores.paging import Line, cut, read_page
from api_gateway.stores.records import Page, StoredItem
from api_gateway.stores.tables import (
    stored_completion_messages,
    stored_completion_metadata,
    stored_completions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from api_gateway.stores.database import Database
    from api_gateway.stores.records import CompletionFilter, NewCompletion, PageRequest

_encode = msgspec.json.Encoder().encode


class SqlCompletions:
    """`StoredCompletionStore` and `StoredCompletionLists` of `stores.protocols`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, completion: NewCompletion) -> None:
        """Keep a completion with its messages and metadata."""
        async with self._database.writing() as connection:
            await connection.execute(
                insert(stored_completions).values(
                    completion_id=completion.completion_id,
                    tenant_id=completion.tenant_id,
                    created_unix_s=completion.created_unix_s,
                    model=completion.model,
                    body=completion.body,
                    metadata=_encode(completion.metadata),
                )
            )
            if completion.messages:
                await connection.execute(
                    insert(stored_completion_messages), _message_rows(completion)
                )
            await _insert_pairs(
                connection, completion.tenant_id, completion.completion_id, completion.metadata
            )

    async def get(self, tenant_id: str, completion_id: str) -> bytes | None:
        async with self._database.reading() as connection:
            return await _body(connection, tenant_id, completion_id)

    async def set_metadata(
        self, tenant_id: str, completion_id: str, metadata: Mapping[str, str]
    ) -> bytes | None:
        async with self._database.writing() as connection:
            changed = await connection.execute(
                update(stored_completions)
                .where(_of(tenant_id, completion_id))
                .values(metadata=_encode(metadata))
            )
            if not changed.rowcount:
                return None
            await connection.execute(
                delete(stored_completion_metadata).where(
                    stored_completion_metadata.c.tenant_id == tenant_id,
                    stored_completion_metadata.c.completion_id == completion_id,
                )
            )
            await _insert_pairs(connection, tenant_id, completion_id, metadata)
            return await _body(connection, tenant_id, completion_id)

    async def delete(self, tenant_id: str, completion_id: str) -> bool:
        async with self._database.writing() as connection:
            deleted = await connection.execute(
                delete(stored_completions).where(_of(tenant_id, completion_id))
            )
        return deleted.rowcount > 0

    async def completions(
        self, tenant_id: str, wanted: CompletionFilter, page: PageRequest
    ) -> Page:
        c = stored_completions.c
        ascending = page.order == "asc"
        query = select(c.sequence, c.completion_id, func.length(c.body)).where(
            *_wanted(tenant_id, wanted)
        )
        async with self._database.reading() as connection:
            if page.after is not None:
                cursor = await _cursor(connection, tenant_id, page.after)
                query = query.where(c.sequence > cursor if ascending else c.sequence < cursor)
            query = query.order_by(c.sequence if ascending else c.sequence.desc())
            rows = await connection.execute(query.limit(page.limit + 1))
            kept, has_more = cut([Line(*row) for row in rows], page.limit)
            return Page(await _bodies(connection, tenant_id, kept), has_more)

    async def messages(self, tenant_id: str, completion_id: str, page: PageRequest) -> Page:
        owned = (
            stored_completion_messages.c.tenant_id == tenant_id,
            stored_completion_messages.c.completion_id == completion_id,
        )
        async with self._database.reading() as connection:
            if await _body(connection, tenant_id, completion_id) is None:
                raise no_such("Chat completion", completion_id)
            return await read_page(connection, stored_completion_messages, owned, page)


def _of(tenant_id: str, completion_id: str) -> ColumnElement[bool]:
    return (stored_completions.c.tenant_id == tenant_id) & (
        stored_completions.c.completion_id == completion_id
    )


def _wanted(tenant_id: str, wanted: CompletionFilter) -> list[ColumnElement[bool]]:
    pairs = stored_completion_metadata.c
    conditions = [stored_completions.c.tenant_id == tenant_id]
    if wanted.model is not None:
        conditions.append(stored_completions.c.model == wanted.model)
    conditions += [
        stored_completions.c.completion_id.in_(
            select(pairs.completion_id).where(
                pairs.tenant_id == tenant_id, pairs.key == key, pairs.value == value
            )
        )
        for key, value in wanted.metadata.items()
    ]
    return conditions


async def _cursor(connection: AsyncConnection, tenant_id: str, after: str) -> int:
    """It need not be one of the wanted: its metadata may have changed since it was listed."""
    found = await connection.execute(
        select(stored_completions.c.sequence).where(_of(tenant_id, after))
    )
    sequence: int | None = found.scalar()
    if sequence is None:
        raise UnknownCursorError(after)
    return sequence


async def _bodies(
    connection: AsyncConnection, tenant_id: str, lines: Sequence[Line]
) -> tuple[StoredItem, ...]:
    c = stored_completions.c
    rows = await connection.execute(
        select(c.sequence, c.body, c.metadata).where(
            c.tenant_id == tenant_id, c.sequence.in_([line.position for line in lines])
        )
    )
    bodies = {row.sequence: _with_metadata(row.body, row.metadata) for row in rows}
    return tuple(
        StoredItem(line.item_id, bodies[line.position]) for line in lines if line.position in bodies
    )


async def _body(connection: AsyncConnection, tenant_id: str, completion_id: str) -> bytes | None:
    found = await connection.execute(
        select(stored_completions.c.body, stored_completions.c.metadata).where(
            _of(tenant_id, completion_id)
        )
    )
    row = found.one_or_none()
    return _with_metadata(row.body, row.metadata) if row is not None else None


def _with_metadata(body: bytes, metadata: bytes) -> bytes:
    members = json_members.split(bytes(body))
    members["metadata"] = msgspec.Raw(bytes(metadata))
    return json_members.join(members)


async def _insert_pairs(
    connection: AsyncConnection, tenant_id: str, completion_id: str, metadata: Mapping[str, str]
) -> None:
    if metadata:
        await connection.execute(
            insert(stored_completion_metadata),
            [
                {
                    "completion_id": completion_id,
                    "tenant_id": tenant_id,
                    "key": key,
                    "value": value,
                }
                for key, value in metadata.items()
            ],
        )


def _message_rows(completion: NewCompletion) -> list[dict[str, str | int | bytes]]:
    return [
        {
            "completion_id": completion.completion_id,
            "tenant_id": completion.tenant_id,
            "position": position,
            "item_id": message.item_id,
            "payload": message.payload,
        }
        for position, message in enumerate(completion.messages)
    ]
