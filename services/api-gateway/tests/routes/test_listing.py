from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from api_gateway.routes.listing import encode_all, encode_page, page_request, query_pairs
from api_gateway.stores.records import Page, PageRequest, StoredItem
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from api_gateway.routes.exchange import Exchange

ITEMS = (StoredItem('a"', b'{"id":1}'), StoredItem("b", b"{}"))


def asking(query: bytes) -> Exchange:
    return cast("Exchange", SimpleNamespace(scope={"query_string": query}))


@pytest.mark.parametrize(
    ("query", "page"),
    [
        (b"", PageRequest(limit=20, order="desc", after=None)),
        (b"limit=&order=&after=", PageRequest(limit=20, order="desc", after=None)),
        (b"limit=1&order=asc&after=a%2Fb", PageRequest(limit=1, order="asc", after="a/b")),
        (b"include[]=x&limit=100", PageRequest(limit=100, order="desc", after=None)),
        (b"limit=5&limit=7", PageRequest(limit=7, order="desc", after=None)),
        (b"after=\xff%ff", PageRequest(after="\xff\ufffd")),
    ],
)
@pytest.mark.requirement("stores:cursor")
def test_a_page_is_what_is_asked_for(query: bytes, page: PageRequest) -> None:
    assert page_request(asking(query), order="desc") == page


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        (b"limit=0", "limit", "integer_below_min_value"),
        (b"limit=-1", "limit", "integer_below_min_value"),
        (b"limit=101", "limit", "integer_above_max_value"),
        (b"limit=99999999999999999999", "limit", "invalid_type"),
        (b"limit=%C2%B2", "limit", "invalid_type"),
        (b"order=newest", "order", "invalid_value"),
    ],
)
@pytest.mark.requirement("stores:cursor")
def test_what_is_no_page_is_refused(query: bytes, param: str, code: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        page_request(asking(query), order="asc")

    assert (refused.value.param, refused.value.code) == (param, code)


def test_pairs_of_a_query_keep_their_order_and_repeats() -> None:
    assert query_pairs(asking(b"metadata%5Ba%5D=1&b=&b=2")) == [
        ("metadata[a]", "1"),
        ("b", ""),
        ("b", "2"),
    ]


def test_a_list_tells_its_first_and_last_id() -> None:
    assert json.loads(encode_page(Page(ITEMS, has_more=True))) == {
        "object": "list",
        "data": [{"id": 1}, {}],
        "first_id": 'a"',
        "last_id": "b",
        "has_more": True,
    }
    assert json.loads(encode_all(())) == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }
