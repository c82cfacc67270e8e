"""Which lines of a listing make a page: bounded in number and in bytes.

The bytes are bounded because a hundred items may hold a hundred images. So lines are listed with
their sizes first, and only a page's payloads are loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from api_gateway.stores.errors import UnknownCursorError
from api_gateway.stores.records import Page, StoredItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from api_gateway.stores.records import PageRequest

MAX_PAGE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """An item without its payload: where it is, what it is called, how large it is."""

    position: int
    item_id: str
    size_bytes: int


def cut(lines: Sequence[Line], limit: int) -> tuple[Sequence[Line], bool]:
    """The first lines that fit a page, at least one, and whether others follow."""
    total_bytes = 0
    for count, line in enumerate(lines):
        total_bytes += line.size_bytes
        if count == limit or (count and total_bytes > MAX_PAGE_BYTES):
            return lines[:count], True
    return lines, False


async def read_page(
    connection: AsyncConnection,
    table: Table,
    owned: Sequence[ColumnElement[bool]],
    page: PageRequest,
) -> Page:
    """A page of the rows of `table` that are `owned`, by their position.

    Raises:
        UnknownCursorError: `after` is none of them.
    """
    position = table.c.position
    wanted = select(position, table.c.item_id, func.length(table.c.payload)).where(*owned)
    if page.after is not None:
        cursor = await _cursor(connection, table, owned, page)
        wanted = wanted.where(position > cursor if page.order == "asc" else position < cursor)
    ordered = wanted.order_by(position.asc() if page.order == "asc" else position.desc())
    rows = await connection.execute(ordered.limit(page.limit + 1))
    kept, has_more = cut([Line(*row) for row in rows], page.limit)
    return Page(await _load(connection, table, owned, kept), has_more)


async def _cursor(
    connection: AsyncConnection,
    table: Table,
    owned: Sequence[ColumnElement[bool]],
    page: PageRequest,
) -> int:
    """Of several items with this id the farthest on, so that paging always gets on."""
    farthest = func.max if page.order == "asc" else func.min
    named = select(farthest(table.c.position)).where(*owned, table.c.item_id == page.after)
    found: int | None = (await connection.execute(named)).scalar()
    if found is None:
        raise UnknownCursorError(page.after or "")
    return found


async def _load(
    connection: AsyncConnection,
    table: Table,
    owned: Sequence[ColumnElement[bool]],
    lines: Sequence[Line],
) -> tuple[StoredItem, ...]:
    query = select(table.c.position, table.c.payload).where(
        *owned, table.c.position.in_([line.position for line in lines])
    )
    rows = await connection.execute(query)
    payloads: dict[int, Any] = {row.position: row.payload for row in rows}
    # A line deleted between the two statements is left out.
    return tuple(
        StoredItem(line.item_id, bytes(payloads[line.position]))
        for line in lines
        if line.position in payloads
    )
