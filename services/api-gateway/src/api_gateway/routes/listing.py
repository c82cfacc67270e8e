"""Lists with a cursor: what a client may ask for, and how a page is answered.

Source: OpenAI wire contract, sections 1.7, 2.9 and 4.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from api_gateway.stores.records import PageRequest

if TYPE_CHECKING:
    from api_gateway.routes.exchange import Exchange
    from api_gateway.stores.records import Order, Page, StoredItem

MAX_LIMIT = 100
DEFAULT_LIMIT = 20
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_ORDERS: dict[str, Literal["asc", "desc"]] = {"asc": "asc", "desc": "desc"}


def query_pairs(exchange: Exchange) -> list[tuple[str, str]]:
    """The query as it was written, decoded."""
    query = exchange.scope.get("query_string", b"").decode("latin-1")
    return parse_qsl(query, keep_blank_values=True)


def page_request(exchange: Exchange, *, order: Order) -> PageRequest:
    """`limit`, `order` and `after`, the given order unless the client wants the other one.

    Raises:
        InvalidRequestError: one of them is out of range or not of its kind.
    """
    query = dict(query_pairs(exchange))
    return PageRequest(
        limit=_limit(query.get("limit") or str(DEFAULT_LIMIT)),
        order=_order(query.get("order") or order),
        after=query.get("after") or None,
    )


def encode_page(page: Page) -> bytes:
    """`first_id` and `last_id` are null when there is nothing."""
    return _encode_list(page.items, has_more=page.has_more)


def encode_all(items: tuple[StoredItem, ...]) -> bytes:
    """A list that is no page of a longer one."""
    return _encode_list(items, has_more=False)


def _encode_list(items: tuple[StoredItem, ...], *, has_more: bool) -> bytes:
    ids = [b"null", b"null"]
    if items:
        ids = [_text(items[0].item_id), _text(items[-1].item_id)]
    return b'{"object":"list","data":[%b],"first_id":%b,"last_id":%b,"has_more":%b}' % (
        b",".join(item.payload for item in items),
        *ids,
        b"true" if has_more else b"false",
    )


def _limit(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise openai_errors.invalid_type("limit", "an integer", "a string")
    limit = int(text)
    if not 1 <= limit <= MAX_LIMIT:
        raise openai_errors.out_of_range(
            "limit", limit, minimum=1, maximum=MAX_LIMIT, kind="integer"
        )
    return limit


def _order(text: str) -> Order:
    order = _ORDERS.get(text)
    if order is None:
        raise openai_errors.invalid_value("order", repr(text), _ORDERS)
    return order


def _text(value: str) -> bytes:
    return bytes(json_members.text(value))
