"""Conversations: their items in order, one response at a time, nobody else's."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from api_gateway.dialects.stored_items import MAX_ID_CHARACTERS
from api_gateway.stores import paging
from api_gateway.stores.conversations import SqlConversations
from api_gateway.stores.errors import (
    ConversationLockedError,
    HistoryTooLargeError,
    UnknownCursorError,
)
from api_gateway.stores.records import Conversation, PageRequest, StoredItem
from wire.errors import NotFoundError

if TYPE_CHECKING:
    from api_gateway.stores.database import Database
    from service_kit.testing import FakeClock

TEAM, CONVERSATION = "team", "conv_1"


def item(name: str, size: int = 0) -> StoredItem:
    return StoredItem(name, b'{"id":"%b"%b}' % (name.encode(), b" " * size))


def items(*names: str) -> list[StoredItem]:
    return [item(name) for name in names]


@pytest.fixture
async def store(database: Database, clock: FakeClock) -> SqlConversations:
    return SqlConversations(database, clock, max_history_bytes=10_000)


@pytest.fixture
async def kept(store: SqlConversations) -> SqlConversations:
    """With a conversation of four items."""
    await store.create(conversation(), items("a", "b", "c", "d"))
    return store


def conversation(conversation_id: str = CONVERSATION, tenant_id: str = TEAM) -> Conversation:
    return Conversation(
        conversation_id=conversation_id,
        tenant_id=tenant_id,
        created_unix_s=10,
        metadata={"k": "v\x00w"},
    )


async def ids(store: SqlConversations, **page: Any) -> tuple[list[str], bool]:  # noqa: ANN401
    found = await store.items(TEAM, CONVERSATION, PageRequest(**page))
    return [each.item_id for each in found.items], found.has_more


async def test_a_conversation_is_read_as_it_was_kept(store: SqlConversations) -> None:
    await store.create(conversation(), items("a"))

    assert await store.get(TEAM, CONVERSATION) == conversation()
    assert await store.item(TEAM, CONVERSATION, "a") == item("a")


async def test_metadata_is_replaced_as_a_whole(kept: SqlConversations) -> None:
    changed = await kept.set_metadata(TEAM, CONVERSATION, {"other": "x"})

    assert changed is not None
    assert changed.metadata == {"other": "x"}
    assert await kept.get(TEAM, CONVERSATION) == changed
    assert await kept.set_metadata(TEAM, "conv_none", {}) is None


async def test_deleting_takes_the_items_along(kept: SqlConversations) -> None:
    assert await kept.delete(TEAM, CONVERSATION)

    assert not await kept.delete(TEAM, CONVERSATION)
    assert await kept.get(TEAM, CONVERSATION) is None
    await kept.create(conversation(), ())
    assert await ids(kept) == ([], False)


@pytest.mark.requirement("stores:cursor")
async def test_pages_follow_each_other_in_both_orders(kept: SqlConversations) -> None:
    assert await ids(kept, limit=3, order="asc") == (["a", "b", "c"], True)
    assert await ids(kept, limit=3, order="asc", after="c") == (["d"], False)
    assert await ids(kept, limit=2, order="desc") == (["d", "c"], True)
    assert await ids(kept, limit=2, order="desc", after="c") == (["b", "a"], False)
    assert await ids(kept, after="a", order="desc") == ([], False)
    with pytest.raises(UnknownCursorError):
        await ids(kept, after="nope")


@pytest.mark.requirement("stores:cursor")
async def test_paging_gets_on_although_ids_repeat(store: SqlConversations) -> None:
    await store.create(conversation(), items("a", "a", "b", "a"))

    seen: list[str] = []
    after = None
    while True:
        page, has_more = await ids(store, limit=1, order="asc", after=after)
        seen += page
        if not has_more:
            break
        after = page[-1]

    assert len(seen) <= 4
    assert set(seen) == {"a"} or set(seen) == {"a", "b"}


@pytest.mark.requirement("stores:bounded")
async def test_a_page_is_bounded_in_bytes(
    store: SqlConversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", 2500)
    large = [item(name, 1000) for name in "abcd"]
    await store.create(conversation(), large)

    assert await ids(store, order="asc") == (["a", "b"], True)
    assert await ids(store, order="asc", after="b") == (["c", "d"], False)


@pytest.mark.requirement("stores:bounded")
async def test_a_conversation_too_large_to_continue_is_refused_and_stays_free(
    store: SqlConversations,
) -> None:
    await store.create(conversation(), [item("a", 11_000)])

    with pytest.raises(HistoryTooLargeError) as refused:
        await store.claim(TEAM, CONVERSATION, "resp_1", lease_s=60)

    assert refused.value.code == "context_length_exceeded"
    await store.append(TEAM, CONVERSATION, items("b"))


async def test_items_are_appended_and_removed(kept: SqlConversations) -> None:
    await kept.append(TEAM, CONVERSATION, items("e", "f"))
    removed_from = await kept.remove(TEAM, CONVERSATION, "b")

    assert removed_from == conversation()
    assert await ids(kept, order="asc") == (["a", "c", "d", "e", "f"], False)
    with pytest.raises(NotFoundError):
        await kept.item(TEAM, CONVERSATION, "b")
    with pytest.raises(NotFoundError):
        await kept.remove(TEAM, CONVERSATION, "b")


@pytest.mark.requirement("stores:tenant")
async def test_nothing_of_another_team_is_found_or_changed(kept: SqlConversations) -> None:
    other = "other"

    assert await kept.get(other, CONVERSATION) is None
    assert await kept.set_metadata(other, CONVERSATION, {}) is None
    assert not await kept.delete(other, CONVERSATION)
    assert not await kept.append_turn(other, CONVERSATION, "resp_1", items("x"))
    await kept.release(other, CONVERSATION, "resp_1")
    for refused in (
        kept.items(other, CONVERSATION, PageRequest()),
        kept.item(other, CONVERSATION, "a"),
        kept.append(other, CONVERSATION, items("x")),
        kept.remove(other, CONVERSATION, "a"),
        kept.claim(other, CONVERSATION, "resp_1", lease_s=60),
        kept.extend(other, CONVERSATION, "resp_1", lease_s=60),
    ):
        with pytest.raises(NotFoundError):
            await refused
    assert await kept.get(TEAM, CONVERSATION) == conversation()
    assert await ids(kept, order="asc") == (["a", "b", "c", "d"], False)


@pytest.mark.requirement("conversations:locked")
async def test_while_one_response_continues_it_no_other_can_and_nothing_is_changed(
    kept: SqlConversations,
) -> None:
    given = await kept.claim(TEAM, CONVERSATION, "resp_1", lease_s=60)

    assert given == items("a", "b", "c", "d")
    for refused in (
        kept.claim(TEAM, CONVERSATION, "resp_2", lease_s=60),
        kept.append(TEAM, CONVERSATION, items("x")),
        kept.remove(TEAM, CONVERSATION, "a"),
    ):
        with pytest.raises(ConversationLockedError) as locked:
            await refused
        assert locked.value.info().should_retry is True
        assert (locked.value.status, locked.value.code) == (409, "conversation_locked")
    assert len(await kept.claim(TEAM, CONVERSATION, "resp_1", lease_s=60)) == 4


async def test_a_turn_is_appended_and_the_next_may_come(kept: SqlConversations) -> None:
    await kept.claim(TEAM, CONVERSATION, "resp_1", lease_s=60)

    assert await kept.append_turn(TEAM, CONVERSATION, "resp_1", items("e", "f"))

    assert await kept.claim(TEAM, CONVERSATION, "resp_2", lease_s=60) == items(*"abcdef")


async def test_a_claim_ends_with_its_release_or_its_lease(
    kept: SqlConversations, clock: FakeClock
) -> None:
    await kept.claim(TEAM, CONVERSATION, "resp_1", lease_s=60)
    await kept.release(TEAM, CONVERSATION, "resp_other")
    with pytest.raises(ConversationLockedError):
        await kept.claim(TEAM, CONVERSATION, "resp_2", lease_s=60)

    await kept.release(TEAM, CONVERSATION, "resp_1")
    await kept.claim(TEAM, CONVERSATION, "resp_2", lease_s=60)

    clock.advance(59)
    await kept.extend(TEAM, CONVERSATION, "resp_2", lease_s=60)
    clock.advance(59)
    with pytest.raises(ConversationLockedError):
        await kept.claim(TEAM, CONVERSATION, "resp_3", lease_s=60)
    clock.advance(1)
    await kept.claim(TEAM, CONVERSATION, "resp_3", lease_s=60)
    with pytest.raises(ConversationLockedError):
        await kept.extend(TEAM, CONVERSATION, "resp_2", lease_s=60)


@pytest.mark.requirement("conversations:locked")
async def test_of_many_claims_at_once_one_wins(kept: SqlConversations) -> None:
    claims = [kept.claim(TEAM, CONVERSATION, f"resp_{n}", lease_s=60) for n in range(8)]

    results = await asyncio.gather(*claims, return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == (
        ["ConversationLockedError"] * 7 + ["list"]
    )


@pytest.mark.requirement("conversations:atomic")
async def test_what_is_appended_at_once_is_not_mixed(kept: SqlConversations) -> None:
    turns = [items(*(f"{turn}-{n}" for n in range(5))) for turn in range(8)]

    await asyncio.gather(*(kept.append(TEAM, CONVERSATION, turn) for turn in turns))

    names, _ = await ids(kept, order="asc", limit=100)
    appended = [names[start : start + 5] for start in range(4, 44, 5)]
    assert sorted(appended) == [[each.item_id for each in turn] for turn in turns]


async def test_a_turn_of_a_deleted_conversation_goes_nowhere(kept: SqlConversations) -> None:
    await kept.claim(TEAM, CONVERSATION, "resp_1", lease_s=60)
    await kept.delete(TEAM, CONVERSATION)

    assert not await kept.append_turn(TEAM, CONVERSATION, "resp_1", items("e"))
    with pytest.raises(NotFoundError):
        await kept.extend(TEAM, CONVERSATION, "resp_1", lease_s=60)


@pytest.mark.requirement("stores:bounded")
async def test_the_longest_id_of_an_item_fits_the_index(store: SqlConversations) -> None:
    # Four bytes a character, and nothing an index could compress.
    longest = "".join(random.sample([chr(0x20000 + n) for n in range(0x6000)], MAX_ID_CHARACTERS))
    await store.create(conversation(), items(longest))

    assert (await store.item(TEAM, CONVERSATION, longest)).item_id == longest
