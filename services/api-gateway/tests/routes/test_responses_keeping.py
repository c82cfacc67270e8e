"""What is kept of a response once it has ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from api_gateway.dialects.responses.decode import decode_body
from api_gateway.dialects.responses.head import decode_head
from api_gateway.dialects.responses.items import split_input
from api_gateway.dialects.responses.output_items import OutputItem
from api_gateway.dialects.responses.response_object import FinalResponse, Status, echo_of
from api_gateway.routes.responses_keeping import ResponseKeeper, own_items
from api_gateway.routes.responses_plan import ResponsePlan
from api_gateway.stores.errors import StoreUnavailableError
from wire.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api_gateway.stores.records import NewResponse, ResponseEnd, StoredItem, StoredResponse

OUTPUT = [OutputItem("msg_out", b'{"shown":1}', b'{"kept":1}')]


class Shelf:
    """A store that remembers, or fails."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.saved: list[NewResponse] = []
        self.appended: list[tuple[str, str, str, list[StoredItem]]] = []

    def _maybe_fail(self) -> None:
        if self.fails:
            raise StoreUnavailableError

    async def save(self, response: NewResponse) -> None:
        self._maybe_fail()
        self.saved.append(response)

    async def update(self, tenant_id: str, response_id: str, end: ResponseEnd) -> bool:
        raise NotImplementedError

    async def get(self, tenant_id: str, response_id: str) -> StoredResponse | None:
        raise NotImplementedError

    async def delete(self, tenant_id: str, response_id: str) -> bool:
        raise NotImplementedError

    async def claim(
        self, tenant_id: str, conversation_id: str, holder: str, *, lease_s: float
    ) -> list[StoredItem]:
        raise NotImplementedError

    async def extend(
        self, tenant_id: str, conversation_id: str, holder: str, *, lease_s: float
    ) -> None:
        raise NotImplementedError

    async def release(self, tenant_id: str, conversation_id: str, holder: str) -> None:
        raise NotImplementedError

    async def append_turn(
        self, tenant_id: str, conversation_id: str, holder: str, items: Sequence[StoredItem]
    ) -> bool:
        self._maybe_fail()
        self.appended.append((tenant_id, conversation_id, holder, list(items)))
        return True


def plan(**members: object) -> ResponsePlan:
    head = decode_head(json.dumps({"model": "sim", "input": "hi", **members}).encode())
    body = decode_body(head, split_input(head.parameters.input))
    echo = echo_of(body, response_id="resp_1", created_unix_s=7, shows_reasoning=False)
    return ResponsePlan(
        tenant_id="ours", body=body, echo=echo, history=(), request=body.unchecked_request()
    )


def ended(status: Status = "completed") -> FinalResponse:
    return FinalResponse(status, b'{"id":"resp_1"}', b"")


@pytest.mark.requirement("responses:store:default")
async def test_a_response_is_kept_with_its_input_and_output() -> None:
    shelf = Shelf()

    assert await ResponseKeeper(shelf, shelf).keep(plan(conversation="conv_1"), ended(), OUTPUT)

    (kept,) = shelf.saved
    assert (kept.tenant_id, kept.response_id, kept.model) == ("ours", "resp_1", "sim")
    assert (kept.status, kept.body, kept.conversation_id) == (
        "completed", b'{"id":"resp_1"}', "conv_1",
    )  # fmt: skip
    assert [(item.item_id, item.payload) for item in kept.output] == [("msg_out", b'{"kept":1}')]
    assert json.loads(kept.input[0].payload)["content"] == [{"type": "input_text", "text": "hi"}]
    assert shelf.appended == []


@pytest.mark.requirement("responses:store:continued")
async def test_a_conversation_goes_on_without_the_response() -> None:
    shelf = Shelf()
    unstored = plan(conversation="conv_1", store=False)

    assert await ResponseKeeper(shelf, shelf).keep(unstored, ended(), OUTPUT)

    ((tenant_id, conversation_id, holder, items),) = shelf.appended
    assert (tenant_id, conversation_id, holder) == ("ours", "conv_1", "resp_1")
    assert [json.loads(item.payload).get("kept") for item in items] == [None, 1]
    assert shelf.saved == []


@pytest.mark.parametrize("status", ["failed", "cancelled"])
async def test_what_was_not_said_does_not_continue_a_conversation(status: Status) -> None:
    shelf = Shelf()
    unstored = plan(conversation="conv_1", store=False)

    assert await ResponseKeeper(shelf, shelf).keep(unstored, ended(status), OUTPUT)

    assert shelf.appended == []


@pytest.mark.requirement("responses:store:default")
async def test_what_is_not_to_be_kept_is_not() -> None:
    shelf = Shelf()

    assert await ResponseKeeper(shelf, shelf).keep(plan(store=False), ended(), OUTPUT)

    assert (shelf.saved, shelf.appended) == ([], [])


@pytest.mark.parametrize("members", [{}, {"conversation": "conv_1", "store": False}])
@pytest.mark.requirement("responses:store:unavailable")
async def test_a_store_that_fails_is_told_and_nothing_else(members: dict[str, Any]) -> None:
    shelf = Shelf(fails=True)

    assert not await ResponseKeeper(shelf, shelf).keep(plan(**members), ended(), OUTPUT)


def test_own_items_never_share_an_id_with_the_output() -> None:
    (item,) = own_items(plan())

    assert item.item_id != derived_id("msg_", "resp_1", 0)
    assert own_items(plan(input=[{"role": "user", "content": "a", "id": "mine"}]))[0].item_id == (
        "mine"
    )
