"""A request's own items, references replaced, and what comes before them."""

from __future__ import annotations

import json

import pytest

from api_gateway.dialects.responses.decode import decode_body
from api_gateway.dialects.responses.head import decode_head
from api_gateway.dialects.responses.items import split_input
from api_gateway.dialects.responses.response_object import echo_of
from api_gateway.routes.responses_plan import (
    ResponsePlan,
    history_of,
    read_body,
    without_sealed_reasoning,
)
from api_gateway.stores.records import Page, PageRequest, StoredItem
from wire.conversation import Message, TextPart, user_text
from wire.errors import NotFoundError

STORED = StoredItem(
    "msg_1", b'{"id":"msg_1","type":"message","status":"completed","role":"user","content":"old"}'
)


class OneItem:
    """A history in which one team has one item."""

    async def chain(self, tenant_id: str, response_id: str) -> list[StoredItem]:
        raise NotImplementedError

    async def input_items(self, tenant_id: str, response_id: str, page: PageRequest) -> Page:
        raise NotImplementedError

    async def item(self, tenant_id: str, item_id: str) -> StoredItem | None:
        return STORED if (tenant_id, item_id) == ("ours", "msg_1") else None


def body(value: object) -> bytes:
    return json.dumps({"model": "sim", "input": value}).encode()


@pytest.mark.requirement("responses:store:continued")
async def test_a_reference_becomes_what_it_refers_to() -> None:
    head = decode_head(body([{"id": "msg_1"}, {"role": "user", "content": "new"}]))

    read = await read_body(head, OneItem(), "ours")

    assert read.own.items == (Message("user", (TextPart("old"),), id="msg_1"), user_text("new"))
    assert bytes(read.raw_input[0]) == STORED.payload  # pyright: ignore[reportArgumentType]


@pytest.mark.requirement("responses:store:continued")
async def test_another_teams_item_is_not_there() -> None:
    head = decode_head(body([{"type": "item_reference", "id": "msg_1"}]))

    with pytest.raises(NotFoundError, match="msg_1"):
        await read_body(head, OneItem(), "theirs")


async def test_a_mere_string_needs_no_store() -> None:
    read = await read_body(decode_head(body("hi")), OneItem(), "ours")

    assert (read.raw_input, read.own.items) == ("hi", (user_text("hi"),))


def test_a_history_knows_its_size() -> None:
    history = history_of([STORED, STORED], "conversation")

    assert history.size_bytes == 2 * len(STORED.payload)
    assert len(history.decoded().items) == 2


def test_what_is_sealed_can_be_left_out_of_all_that_is_asked() -> None:
    sealed = {"type": "reasoning", "encrypted_content": "e"}
    text = {"role": "user", "content": 'about "reasoning"'}
    head = decode_head(body([sealed, text]))
    own = decode_body(head, split_input(head.parameters.input))
    history = history_of([STORED, StoredItem("rs_1", json.dumps(sealed).encode())], "x")
    echo = echo_of(own, response_id="resp_1", created_unix_s=7, shows_reasoning=False)
    plan = ResponsePlan(
        tenant_id="ours",
        body=own,
        echo=echo,
        history=history.items,
        request=own.request(history.decoded()),
    )

    lighter = without_sealed_reasoning(plan)

    assert lighter is not None
    assert [json.loads(bytes(raw))["role"] for raw in lighter.history] == ["user"]
    assert [json.loads(bytes(raw)) for raw in lighter.body.raw_input] == [text]  # pyright: ignore[reportArgumentType]
    assert len(lighter.request.items) == 2
    assert without_sealed_reasoning(lighter) is None
