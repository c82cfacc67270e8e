"""A conversation is held while a response is made, and free whatever became of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from api_gateway.stores.conversation_claims import held
from api_gateway.stores.errors import ConversationLockedError, StoreUnavailableError
from api_gateway.stores.records import StoredItem
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

WAIT_S = 5.0


class Turns:
    """`ConversationTurns` that remembers who holds the conversation."""

    def __init__(self) -> None:
        self.holder: str | None = None
        self.extended = asyncio.Semaphore(0)
        self.broken = False

    async def claim(
        self, tenant_id: str, conversation_id: str, holder: str, *, lease_s: float
    ) -> list[StoredItem]:
        del tenant_id, lease_s
        if self.holder is not None:
            raise ConversationLockedError(conversation_id)
        self.holder = holder
        return [StoredItem("a", b"{}")]

    async def extend(
        self, tenant_id: str, conversation_id: str, holder: str, *, lease_s: float
    ) -> None:
        del tenant_id, conversation_id, holder, lease_s
        self.extended.release()
        if self.broken:
            raise StoreUnavailableError

    async def release(self, tenant_id: str, conversation_id: str, holder: str) -> None:
        del tenant_id, conversation_id
        if self.broken:
            raise StoreUnavailableError
        if self.holder == holder:
            self.holder = None

    async def append_turn(
        self, tenant_id: str, conversation_id: str, holder: str, items: Sequence[StoredItem]
    ) -> bool:
        raise NotImplementedError


async def test_it_is_held_inside_and_free_afterwards() -> None:
    turns = Turns()

    async with held(turns, "team", "conv_1", "resp_1") as items:
        assert items == [StoredItem("a", b"{}")]
        with pytest.raises(ConversationLockedError):
            async with held(turns, "team", "conv_1", "resp_2"):
                pass
        assert turns.holder == "resp_1"

    assert turns.holder is None


async def test_the_claim_is_prolonged_also_after_the_store_failed() -> None:
    turns = Turns()

    async with asyncio.timeout(WAIT_S), held(turns, "t", "c", "resp_1", lease_s=0.003):
        await turns.extended.acquire()
        turns.broken = True
        await turns.extended.acquire()
        await turns.extended.acquire()
        turns.broken = False

    assert turns.holder is None


async def test_what_the_body_raises_comes_out_as_it_is() -> None:
    turns = Turns()

    with pytest.raises(InvalidRequestError):
        async with held(turns, "t", "c", "resp_1"):
            raise InvalidRequestError("no")

    assert turns.holder is None


@pytest.mark.requirement("conversations:locked")
async def test_a_cancelled_response_gives_it_back() -> None:
    turns, inside = Turns(), asyncio.Event()

    async def work() -> None:
        async with held(turns, "t", "c", "resp_1"):
            inside.set()
            await asyncio.Event().wait()

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        task = group.create_task(work())
        await inside.wait()
        task.cancel()

    assert task.cancelled()
    assert turns.holder is None


async def test_a_claim_that_cannot_be_given_back_is_no_error_of_the_response() -> None:
    turns = Turns()

    async with held(turns, "t", "c", "resp_1"):
        turns.broken = True

    assert turns.holder == "resp_1"
