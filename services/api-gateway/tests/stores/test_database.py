"""A database that fails is one typed error, in time, and serves again afterwards."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from api_gateway.stores.database import Database
from api_gateway.stores.errors import StoreUnavailableError
from tests.postgresql import running_server
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

WAIT_S = 5.0


async def read(database: Database) -> int:
    async with database.reading() as connection:
        return (await connection.execute(text("SELECT 1"))).scalar_one()


async def run(block: AbstractAsyncContextManager[AsyncConnection], statement: str) -> None:
    async with block as connection:
        await connection.execute(text(statement))


async def wait_in(block: AbstractAsyncContextManager[AsyncConnection]) -> None:
    async with block:
        await asyncio.Event().wait()


async def write(database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(text("DELETE FROM api_keys WHERE key_id = 'none'"))


@pytest.mark.requirement("stores:failure")
async def test_a_failed_statement_is_a_typed_error(database: Database) -> None:
    for block in (database.reading(), database.writing()):
        with pytest.raises(StoreUnavailableError) as failed:
            await run(block, "SELECT * FROM no_such_table")
        assert (failed.value.status, failed.value.error_type) == (503, "platform_store")

    assert await read(database) == 1
    await write(database)


async def test_an_error_of_ours_undoes_the_transaction_and_stays_what_it_is(
    database: Database,
) -> None:
    async def change_our_mind() -> None:
        async with database.writing() as connection:
            await connection.execute(text("DROP TABLE api_keys"))
            raise InvalidRequestError("no")

    with pytest.raises(InvalidRequestError):
        await change_our_mind()

    await write(database)


@pytest.mark.requirement("stores:failure")
async def test_a_transaction_that_takes_too_long_is_cut(database_url: str) -> None:
    database = Database(database_url, timeout_s=0.1)

    for block in (database.reading(), database.writing()):
        with pytest.raises(StoreUnavailableError):
            await wait_in(block)

    database._timeout_s = WAIT_S
    assert await read(database) == 1
    await database.dispose()


@pytest.mark.requirement("stores:failure")
async def test_a_writer_locked_out_gives_up_in_time_while_others_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'locked.sqlite3'}"
    holder, waiter = Database(url, timeout_s=WAIT_S), Database(url, timeout_s=0.2)

    async with holder.writing():
        with pytest.raises(StoreUnavailableError):
            await write(waiter)
        assert await read(waiter) == 1

    await holder.dispose()
    await waiter.dispose()


@pytest.mark.postgres
@pytest.mark.requirement("stores:failure")
async def test_a_server_that_died_is_a_typed_error_until_it_is_back() -> None:
    with running_server() as server:
        database = Database(await server.new_database(), timeout_s=WAIT_S)
        assert await read(database) == 1

        server.stop()
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                await read(database)
        server.start()

        assert await read(database) == 1
        await database.dispose()
