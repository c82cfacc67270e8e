"""What is too old goes with everything of its; what is in use stays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from api_gateway.stores import retention
from api_gateway.stores.completions import SqlCompletions
from api_gateway.stores.conversations import SqlConversations
from api_gateway.stores.records import Conversation, NewCompletion, NewResponse, StoredItem
from api_gateway.stores.responses import SqlResponses
from api_gateway.stores.retention import RetentionSweep
from api_gateway.stores.tables import api_keys, idempotency_keys, metadata

if TYPE_CHECKING:
    from api_gateway.stores.database import Database
    from service_kit.testing import FakeClock

DAY_S = 86_400
ITEM = (StoredItem("i", b"{}"),)


async def keep_all(database: Database, clock: FakeClock, name: str) -> None:
    """One object of each kind, of now."""
    now = int(clock.unix_s())
    await SqlResponses(database, clock).save(
        NewResponse(
            response_id=name,
            tenant_id="t",
            created_unix_s=now,
            model="m",
            status="completed",
            body=b"{}",
            input=ITEM,
        )
    )
    await SqlCompletions(database).save(
        NewCompletion(
            completion_id=name,
            tenant_id="t",
            created_unix_s=now,
            model="m",
            body=b"{}",
            messages=ITEM,
            metadata={"k": "v"},
        )
    )
    await SqlConversations(database, clock).create(
        Conversation(conversation_id=name, tenant_id="t", created_unix_s=now, metadata={}), ITEM
    )


async def counts(database: Database) -> set[int]:
    async with database.reading() as connection:
        return {
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in metadata.sorted_tables
            if table not in (api_keys, idempotency_keys)
        }


@pytest.mark.requirement("stores:retention")
async def test_what_is_too_old_goes_with_everything_of_its(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_BATCH", 2)
    for name in ("a", "b", "c"):
        await keep_all(database, clock, name)
    clock.advance(29 * DAY_S)
    await keep_all(database, clock, "fresh")
    sweep = RetentionSweep(database, clock, retention_days=30)

    assert await sweep.sweep() == 0
    clock.advance(2 * DAY_S)
    deleted = await asyncio.gather(sweep.sweep(), sweep.sweep())

    assert sum(deleted) == 9
    assert await counts(database) == {1}


@pytest.mark.requirement("stores:retention")
async def test_a_conversation_lives_from_its_last_use(database: Database, clock: FakeClock) -> None:
    conversations = SqlConversations(database, clock)
    await keep_all(database, clock, "a")
    clock.advance(20 * DAY_S)
    await conversations.append("t", "a", ITEM)
    clock.advance(20 * DAY_S)

    await RetentionSweep(database, clock, retention_days=30).sweep()

    assert await conversations.get("t", "a") is not None
    assert await SqlResponses(database, clock).get("t", "a") is None
