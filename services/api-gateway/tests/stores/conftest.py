from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api_gateway.stores.database import Database
from api_gateway.stores.tables import MIGRATIONS
from service_kit.testing import FakeClock
from tests.scenes.databases import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    """The gateway's tables, on SQLite and on PostgreSQL."""
    await migrated(database_url, MIGRATIONS)
    database = Database(database_url, timeout_s=5.0)
    yield database
    await database.dispose()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
