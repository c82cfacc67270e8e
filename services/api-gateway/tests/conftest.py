"""A running gateway per test, on the event loop of production."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import uvloop

from tests.scenes.gateway import GatewayScene, gateway

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


def pytest_asyncio_loop_factories() -> dict[str, object]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncGenerator[GatewayScene]:
    async with gateway(tmp_path) as running:
        yield running
