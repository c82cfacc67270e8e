"""Starting, checking, failing, tidying up."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from service_kit import lifecycle as lifecycle_module
from service_kit.lifecycle import Lifecycle, StartupError
from service_kit.testing import WAIT_S, within

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


async def test_hooks_run_in_order_and_resources_close_in_reverse() -> None:
    seen: list[str] = []
    lifecycle = Lifecycle()

    @asynccontextmanager
    async def resource(name: str) -> AsyncGenerator[str]:
        seen.append(f"open {name}")
        yield name
        seen.append(f"close {name}")

    async def start() -> None:
        assert await lifecycle.enter(resource("database")) == "database"
        await lifecycle.enter(resource("client"))

    async def stop() -> None:
        seen.append("stop")

    lifecycle.on_startup(start)
    lifecycle.on_shutdown(stop)
    async with lifecycle.running():
        seen.append("serve")

    assert seen == [
        "open database", "open client", "serve", "close client", "close database", "stop",
    ]  # fmt: skip


async def test_a_process_wants_traffic_between_startup_and_drain_only() -> None:
    lifecycle = Lifecycle()
    ready = [lifecycle.ready]

    async with lifecycle.running():
        ready.append(lifecycle.ready)
        lifecycle.draining = True
        ready.append(lifecycle.ready)

    assert ready == [False, True, False]


async def test_what_startup_opened_is_closed_when_a_later_hook_fails() -> None:
    lifecycle = Lifecycle()
    closed = asyncio.Event()

    async def close() -> None:
        closed.set()

    async def open_database() -> None:
        lifecycle.on_shutdown(close)

    async def fail() -> None:
        raise StartupError("no database")

    lifecycle.on_startup(open_database)
    lifecycle.on_startup(fail)

    with pytest.raises(StartupError, match="no database"):
        await lifecycle.running().__aenter__()
    assert closed.is_set()
    assert not lifecycle.ready


async def test_background_tasks_live_as_long_as_the_process() -> None:
    lifecycle = Lifecycle()
    began = asyncio.Event()
    ended = asyncio.Event()

    async def watch() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    lifecycle.add_background("watch", watch)
    async with lifecycle.running():
        await within(began)
        assert not ended.is_set()

    assert ended.is_set()
    assert lifecycle.failure is None


@pytest.mark.requirement("service-kit:lifecycle:owned-tasks")
async def test_a_background_task_that_fails_is_reported_and_stops_the_process() -> None:
    lifecycle = Lifecycle()
    stopped = asyncio.Event()

    async def fail() -> None:
        raise ValueError

    lifecycle.add_background("sweeper", fail)
    lifecycle.when_failed(stopped.set)
    async with lifecycle.running():
        await within(stopped)

    assert "sweeper" in str(lifecycle.failure)


async def test_a_startup_without_end_says_what_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle_module, "STARTUP_TIMEOUT_S", 0.01)
    lifecycle = Lifecycle()

    async def wait() -> None:
        await asyncio.Event().wait()

    lifecycle.on_startup(wait)

    with pytest.raises(StartupError, match=r"did not finish within 0\.01 s"):
        await lifecycle.running().__aenter__()


async def test_a_resource_that_does_not_close_cannot_hold_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lifecycle_module, "SHUTDOWN_TIMEOUT_S", 0.01)
    lifecycle = Lifecycle()

    async def wait() -> None:
        await asyncio.Event().wait()

    lifecycle.on_shutdown(wait)

    async with asyncio.timeout(WAIT_S), lifecycle.running():
        lifecycle.draining = True


async def test_checks_report_what_is_wrong_and_nothing_else() -> None:
    lifecycle = Lifecycle()

    async def fine() -> None:
        return None

    async def sick() -> str:
        return "cannot connect"

    async def broken() -> str:
        raise ValueError("with a password in it")

    async def slow() -> str | None:
        await asyncio.sleep(WAIT_S)
        return None

    for name, check in {"fine": fine, "sick": sick, "broken": broken, "slow": slow}.items():
        lifecycle.add_check(name, check)

    assert await lifecycle.problems(timeout_s=0.05) == {
        "sick": "cannot connect",
        "broken": "ValueError",
        "slow": "no answer within 0.05 s",
    }
