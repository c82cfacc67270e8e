"""Stored responses: kept byte for byte, ended once, nobody else's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select

from api_gateway.stores.conversations import SqlConversations
from api_gateway.stores.records import (
    Conversation,
    NewResponse,
    PageRequest,
    ResponseEnd,
    StoredItem,
    StoredResponse,
)
from api_gateway.stores.responses import SqlResponses
from api_gateway.stores.tables import response_items

if TYPE_CHECKING:
    from api_gateway.stores.database import Database
    from service_kit.testing import FakeClock

TEAM, CONVERSATION = "team", "conv_1"
BODY = '{"id": "resp_1",  "text":"ü\\u0000 \\ud83d"}'.encode()


def items(*names: str) -> tuple[StoredItem, ...]:
    return tuple(StoredItem(name, b'{"id":"%b"}' % name.encode()) for name in names)


def response(response_id: str = "resp_1", **changes: Any) -> NewResponse:  # noqa: ANN401
    kept = NewResponse(
        response_id=response_id,
        tenant_id=TEAM,
        created_unix_s=10,
        model="sim\x00",
        status="completed",
        body=BODY,
        input=items("in"),
        output=items("out"),
    )
    return replace(kept, **changes)


def end(*names: str, status: Any = "completed") -> ResponseEnd:  # noqa: ANN401
    return ResponseEnd(status=status, body=b"ended", output=items(*names))


@pytest.fixture
def store(database: Database, clock: FakeClock) -> SqlResponses:
    return SqlResponses(database, clock)


@pytest.fixture
async def conversations(database: Database, clock: FakeClock) -> SqlConversations:
    """With one, that holds `old`."""
    store = SqlConversations(database, clock)
    await store.create(
        Conversation(conversation_id=CONVERSATION, tenant_id=TEAM, created_unix_s=1, metadata={}),
        items("old"),
    )
    return store


async def said(conversations: SqlConversations) -> list[str]:
    page = await conversations.items(TEAM, CONVERSATION, PageRequest(order="asc", limit=100))
    return [item.item_id for item in page.items]


async def rows(database: Database) -> int:
    async with database.reading() as connection:
        counted = await connection.execute(select(func.count()).select_from(response_items))
        return counted.scalar_one()


@pytest.mark.requirement("responses:byte-equal")
async def test_a_response_is_read_byte_for_byte(store: SqlResponses) -> None:
    await store.save(
        response(
            background=True,
            streamed=True,
            run_id="run_1",
            request=b"request",
            previous_response_id="resp_0",
            conversation_id="conv_0",
        )
    )

    assert await store.get(TEAM, "resp_1") == StoredResponse(
        response_id="resp_1",
        tenant_id=TEAM,
        created_unix_s=10,
        model="sim\ufffd",
        status="completed",
        body=BODY,
        previous_response_id="resp_0",
        conversation_id="conv_0",
        background=True,
        streamed=True,
        run_id="run_1",
        request=b"request",
    )


async def test_deleting_takes_the_items_along(store: SqlResponses, database: Database) -> None:
    await store.save(response())

    assert await store.delete(TEAM, "resp_1")

    assert await store.get(TEAM, "resp_1") is None
    assert await rows(database) == 0
    assert not await store.delete(TEAM, "resp_1")


@pytest.mark.requirement("stores:tenant")
async def test_nothing_of_another_team_is_found_or_changed(store: SqlResponses) -> None:
    await store.save(response(status="in_progress"))

    assert await store.get("other", "resp_1") is None
    assert not await store.update("other", "resp_1", end("x"))
    assert not await store.delete("other", "resp_1")
    kept = await store.get(TEAM, "resp_1")
    assert kept is not None
    assert (kept.status, kept.body) == ("in_progress", BODY)


@pytest.mark.requirement("responses:ends-once")
async def test_of_several_who_end_a_response_one_does(
    store: SqlResponses, database: Database
) -> None:
    await store.save(response(status="queued", output=()))
    assert await store.update(TEAM, "resp_1", end("a", status="in_progress"))

    ended = await asyncio.gather(
        *(store.update(TEAM, "resp_1", end("a", "b")) for _ in range(5)),
        store.update(TEAM, "resp_1", end(status="cancelled")),
    )

    assert sorted(ended) == [False] * 5 + [True]
    kept = await store.get(TEAM, "resp_1")
    assert kept is not None
    assert await rows(database) == (3 if kept.status == "completed" else 1)


async def test_a_deleted_response_does_not_come_back_when_it_ends(store: SqlResponses) -> None:
    await store.save(response(status="in_progress"))
    await store.delete(TEAM, "resp_1")

    assert not await store.update(TEAM, "resp_1", end("a"))
    assert await store.get(TEAM, "resp_1") is None


@pytest.mark.parametrize("status", ["completed", "incomplete"])
@pytest.mark.requirement("conversations:atomic")
async def test_a_response_that_ended_continues_its_conversation_and_frees_it(
    store: SqlResponses, conversations: SqlConversations, status: str
) -> None:
    await conversations.claim(TEAM, CONVERSATION, "resp_1", lease_s=60)

    await store.save(response(conversation_id=CONVERSATION, status=status))

    assert await said(conversations) == ["old", "in", "out"]
    await conversations.claim(TEAM, CONVERSATION, "resp_2", lease_s=60)


@pytest.mark.parametrize("status", ["failed", "cancelled"])
@pytest.mark.requirement("conversations:atomic")
async def test_a_response_that_failed_leaves_nothing_in_its_conversation_and_frees_it(
    store: SqlResponses, conversations: SqlConversations, status: str
) -> None:
    await conversations.claim(TEAM, CONVERSATION, "resp_1", lease_s=60)

    await store.save(response(conversation_id=CONVERSATION, status=status))

    assert await said(conversations) == ["old"]
    await conversations.claim(TEAM, CONVERSATION, "resp_2", lease_s=60)


@pytest.mark.requirement("conversations:atomic")
async def test_a_response_kept_while_it_runs_continues_its_conversation_once(
    store: SqlResponses, conversations: SqlConversations
) -> None:
    await conversations.claim(TEAM, CONVERSATION, "resp_1", lease_s=60)
    await store.save(response(conversation_id=CONVERSATION, status="queued", output=()))
    assert await said(conversations) == ["old"]

    await asyncio.gather(*(store.update(TEAM, "resp_1", end("a", "b")) for _ in range(3)))

    assert await said(conversations) == ["old", "in", "a", "b"]
    await conversations.claim(TEAM, CONVERSATION, "resp_2", lease_s=60)


@pytest.mark.requirement("conversations:atomic")
async def test_a_response_that_cannot_be_kept_leaves_its_conversation_alone(
    store: SqlResponses, conversations: SqlConversations, database: Database
) -> None:
    await store.save(response())

    with pytest.raises(Exception, match="not available"):
        await store.save(response(conversation_id=CONVERSATION))

    assert await said(conversations) == ["old"]
    assert await rows(database) == 2


async def test_a_response_is_kept_although_its_conversation_is_gone(
    store: SqlResponses, conversations: SqlConversations
) -> None:
    await conversations.delete(TEAM, CONVERSATION)

    await store.save(response(conversation_id=CONVERSATION))

    assert await store.get(TEAM, "resp_1") is not None


@pytest.mark.requirement("stores:tenant")
async def test_a_response_does_not_reach_another_teams_conversation(
    store: SqlResponses, conversations: SqlConversations
) -> None:
    await store.save(response(tenant_id="other", conversation_id=CONVERSATION))

    assert await said(conversations) == ["old"]


@pytest.mark.requirement("background:unread")
async def test_what_runs_in_the_background_is_listed_for_all_teams_from_the_oldest_on(
    store: SqlResponses,
) -> None:
    for response_id, team, made in (("r2", "b", 5), ("r1", "a", 5), ("r0", "a", 4), ("r3", "a", 6)):
        kept = response(response_id, status="queued", background=True)
        await store.save(replace(kept, tenant_id=team, created_unix_s=made))
    await store.save(response("ended", background=True))
    await store.save(response("foreground", status="in_progress"))

    first = await store.running(after=None, limit=2)
    rest = await store.running(after=(5, "r1"), limit=9)

    assert [(each.response_id, each.tenant_id) for each in first] == [("r0", "a"), ("r1", "a")]
    assert [each.response_id for each in rest] == ["r2", "r3"]
