"""The event loop of production for every asynchronous test."""

from __future__ import annotations

import uvloop


def pytest_asyncio_loop_factories() -> dict[str, object]:
    return {"uvloop": uvloop.new_event_loop}
