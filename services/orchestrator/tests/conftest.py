"""A running orchestrator per test, on the event loop of production."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import uvloop

from services.orchestrator.tests.running import Orchestrator, orchestrator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


def pytest_asyncio_loop_factories() -> dict[str, object]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[Orchestrator]:
    async with orchestrator(tmp_path) as running:
        yield running
