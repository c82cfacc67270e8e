from collections.abc import AsyncGenerator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.store.reader import StoreReader
from orchestrator.store.schema import MIGRATIONS
from orchestrator.store.writer import StoreUnavailableError
from orchestrator.store.writes import OutputSaid
from service_kit.sql import create_engine, migrate
from services.orchestrator.tests.store.test_writer import closed, journalled, opened, writing


@pytest.fixture
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine]:
    await migrate(database_url, MIGRATIONS)
    engine = create_engine(database_url)
    async with writing(engine) as writer:
        await writer.commit(
            opened(),
            journalled(),
            OutputSaid(run_id="r1", tenant_id="t", seq=1, payload=b"one"),
            OutputSaid(run_id="r1", tenant_id="t", seq=2, payload=b"two"),
            closed(),
        )
    yield engine
    await engine.dispose()


@pytest.fixture
async def reader(engine: AsyncEngine) -> StoreReader:
    return StoreReader(engine)


async def test_a_run_is_found_by_its_id_and_by_its_request(reader: StoreReader) -> None:
    by_id = await reader.run("t", "r1")

    assert by_id is not None
    assert (by_id.status, by_id.record) == ("completed", b"record")
    assert await reader.run_of_request("t", "q") == by_id


@pytest.mark.requirement("orchestrator:records:tenant")
async def test_nothing_of_a_foreign_run_is_found(reader: StoreReader) -> None:
    assert await reader.run("other", "r1") is None
    assert await reader.run_of_request("other", "q") is None
    assert await reader.log("other", "r1") == []
    assert await reader.outputs("other", "r1", 0) == []
    assert await reader.calls_in_flight("other", "r1") == 0


async def test_log_output_and_open_calls_come_back_in_order(reader: StoreReader) -> None:
    assert len(await reader.log("t", "r1")) == 2
    assert await reader.outputs("t", "r1", 0) == [b"one", b"two"]
    assert await reader.outputs("t", "r1", 1) == [b"two"]
    assert await reader.calls_in_flight("t", "r1") == 1


async def test_a_database_without_tables_is_a_typed_error_and_a_failed_check(
    database_url: str,
) -> None:
    engine = create_engine(database_url)
    reader = StoreReader(engine)

    assert await reader.check() == "the database does not answer"
    with pytest.raises(StoreUnavailableError):
        await reader.run("t", "r")
    await engine.dispose()
