"""What models were given before, put together from stored responses.

Each response keeps only its own input and output; what it continues is found by following
`previous_response_id`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, bindparam, func, literal, not_, or_, select

from api_gateway.stores.conversations import MAX_HISTORY_BYTES
from api_gateway.stores.errors import (
    ChainTooLongError,
    HistoryTooLargeError,
    PreviousResponseNotFoundError,
    PreviousResponseUnfinishedError,
    UnknownCursorError,
    no_such,
)
from api_gateway.stores.paging import Line, cut
from api_gateway.stores.records import Page, StoredItem
from api_gateway.stores.responses import RUNNING
from api_gateway.stores.tables import conversation_items, conversations, response_items, responses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from api_gateway.stores.database import Database
    from api_gateway.stores.records import PageRequest

MAX_CHAIN_RESPONSES = 2000


@dataclass(frozen=True, slots=True)
class _Link:
    response_id: str
    previous_response_id: str | None
    begins_chain: bool
    status: str
    given_bytes: int


@dataclass(frozen=True, slots=True)
class _Place:
    response_id: str
    position: int


class SqlHistory:
    """`ResponseHistory` of `stores.protocols`."""

    def __init__(
        self,
        database: Database,
        *,
        max_history_bytes: int = MAX_HISTORY_BYTES,
        max_chain_responses: int = MAX_CHAIN_RESPONSES,
    ) -> None:
        self._database = database
        self._max_history_bytes = max_history_bytes
        self._max_chain_responses = max_chain_responses

    async def chain(self, tenant_id: str, response_id: str) -> list[StoredItem]:
        """All items up to and with this response's output, oldest first.

        Raises:
            PreviousResponseNotFoundError: a response of the chain is not there.
            PreviousResponseUnfinishedError: the response runs.
            ChainTooLongError, HistoryTooLargeError: more than is put together.
        """
        async with self._database.reading() as connection:
            links = await self._links(connection, tenant_id, response_id)
            if not links:
                raise PreviousResponseNotFoundError(response_id)
            if links[0].status in RUNNING:
                raise PreviousResponseUnfinishedError(response_id)
            self._require_whole(links)
            if sum(link.given_bytes for link in links) > self._max_history_bytes:
                raise HistoryTooLargeError("previous_response_id", self._max_history_bytes)
            return await _items(connection, tenant_id, links)

    async def input_items(self, tenant_id: str, response_id: str, page: PageRequest) -> Page:
        """What is left of the chain before it, and its own input."""
        async with self._database.reading() as connection:
            own = await _walk(connection, tenant_id, response_id, 1)
            if not own:
                raise no_such("Response", response_id)
            previous_id = own[0].previous_response_id
            before = await self._links(connection, tenant_id, previous_id) if previous_id else []
            places, lines = await _lines(connection, tenant_id, own[0], before)
            kept, has_more = cut(_after(lines, page), page.limit)
            wanted = [places[line.position] for line in kept]
            payloads = await _payloads(connection, tenant_id, wanted)
        items = [StoredItem(line.item_id, payloads[places[line.position]]) for line in kept]
        return Page(tuple(items), has_more)

    async def item(self, tenant_id: str, item_id: str) -> StoredItem | None:
        """The newest of this id: of a response, or else of a conversation."""
        of_response = (
            select(response_items.c.item_id, response_items.c.payload)
            .join(responses)
            .where(response_items.c.tenant_id == tenant_id, response_items.c.item_id == item_id)
            .order_by(responses.c.created_unix_s.desc())
        )
        of_conversation = (
            select(conversation_items.c.item_id, conversation_items.c.payload)
            .join(conversations)
            .where(
                conversation_items.c.tenant_id == tenant_id,
                conversation_items.c.item_id == item_id,
            )
            .order_by(conversations.c.used_unix_s.desc())
        )
        async with self._database.reading() as connection:
            for query in (of_response, of_conversation):
                row = (await connection.execute(query.limit(1))).one_or_none()
                if row is not None:
                    return StoredItem(row.item_id, bytes(row.payload))
        return None

    async def _links(
        self, connection: AsyncConnection, tenant_id: str, response_id: str
    ) -> list[_Link]:
        """One too many if there are more than are followed."""
        return await _walk(connection, tenant_id, response_id, self._max_chain_responses + 1)

    def _require_whole(self, links: Sequence[_Link]) -> None:
        if len(links) > self._max_chain_responses:
            raise ChainTooLongError(self._max_chain_responses)
        oldest = links[-1]
        if oldest.previous_response_id is not None and not oldest.begins_chain:
            raise PreviousResponseNotFoundError(oldest.previous_response_id)


def _columns(depth: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    c = responses.c
    return select(
        c.response_id, c.previous_response_id, c.begins_chain, c.status, depth.label("depth")
    )


def _walk_query() -> Select[*tuple[Any, ...]]:
    """A response and those it continues, newest first, up to one that begins its chain."""
    tenant_id, items = bindparam("tenant", type_=Text), response_items.c
    walked = (
        _columns(literal(1))
        .where(responses.c.tenant_id == tenant_id, responses.c.response_id == bindparam("response"))
        .cte("walked", recursive=True)
    )
    walked = walked.union_all(
        _columns(walked.c.depth + 1).where(
            responses.c.tenant_id == tenant_id,
            responses.c.response_id == walked.c.previous_response_id,
            not_(walked.c.begins_chain),
            walked.c.depth < bindparam("max_links"),
        )
    )
    given = select(func.coalesce(func.sum(func.length(items.payload)), 0)).where(
        items.response_id == walked.c.response_id, items.is_output | not_(walked.c.begins_chain)
    )
    return select(
        walked.c.response_id,
        walked.c.previous_response_id,
        walked.c.begins_chain,
        walked.c.status,
        given.scalar_subquery(),
    ).order_by(walked.c.depth)


# What a model is given when the first of some links is continued; of a link that begins its chain
# only what was said. Statements are built once: building costs more than running them.
_GIVEN = (
    (response_items.c.tenant_id == bindparam("tenant"))
    & response_items.c.response_id.in_(bindparam("links", expanding=True))
    & or_(
        response_items.c.is_output,
        response_items.c.response_id.not_in(bindparam("beginning", expanding=True)),
    )
)
_WALK = _walk_query()
_ITEMS = select(
    response_items.c.response_id,
    response_items.c.position,
    response_items.c.item_id,
    response_items.c.payload,
).where(_GIVEN)


async def _walk(
    connection: AsyncConnection, tenant_id: str, response_id: str, max_links: int
) -> list[_Link]:
    rows = await connection.execute(
        _WALK, {"tenant": tenant_id, "response": response_id, "max_links": max_links}
    )
    return [_Link(*row) for row in rows]


def _parameters(tenant_id: str, links: Sequence[_Link]) -> dict[str, str | list[str]]:
    return {
        "tenant": tenant_id,
        "links": [link.response_id for link in links],
        "beginning": [link.response_id for link in links if link.begins_chain],
    }


async def _items(
    connection: AsyncConnection, tenant_id: str, links: Sequence[_Link]
) -> list[StoredItem]:
    rows = await connection.execute(_ITEMS, _parameters(tenant_id, links))
    age = {link.response_id: -depth for depth, link in enumerate(links)}
    ordered = sorted(rows, key=lambda row: (age[row.response_id], row.position))
    return [StoredItem(row.item_id, bytes(row.payload)) for row in ordered]


async def _lines(
    connection: AsyncConnection, tenant_id: str, own: _Link, before: Sequence[_Link]
) -> tuple[list[_Place], list[Line]]:
    """The places of what was given and asked, oldest first; a line for each, by its index."""
    c = response_items.c
    asked = (c.response_id == own.response_id) & not_(c.is_output)
    query = select(c.response_id, c.position, c.item_id, func.length(c.payload)).where(
        c.tenant_id == tenant_id, or_(_GIVEN, asked)
    )
    rows = (await connection.execute(query, _parameters(tenant_id, before))).all()
    age = {link.response_id: -depth for depth, link in enumerate([own, *before])}
    ordered = sorted(rows, key=lambda row: (age[row[0]], row[1]))
    places = [_Place(row[0], row[1]) for row in ordered]
    return places, [Line(index, row[2], row[3]) for index, row in enumerate(ordered)]


def _after(lines: list[Line], page: PageRequest) -> list[Line]:
    """What follows the cursor; of several items of its id, the one that is farthest on."""
    ordered = lines if page.order == "asc" else lines[::-1]
    if page.after is None:
        return ordered
    found = [index for index, line in enumerate(ordered) if line.item_id == page.after]
    if not found:
        raise UnknownCursorError(page.after)
    return ordered[found[-1] + 1 :]


async def _payloads(
    connection: AsyncConnection, tenant_id: str, places: Sequence[_Place]
) -> dict[_Place, bytes]:
    c = response_items.c
    responses_of_page = {place.response_id for place in places}
    rows = await connection.execute(
        select(c.response_id, c.position, c.payload).where(
            c.tenant_id == tenant_id,
            c.response_id.in_(responses_of_page),
            c.position.in_({place.position for place in places}),
        )
    )
    return {_Place(row.response_id, row.position): bytes(row.payload) for row in rows}
