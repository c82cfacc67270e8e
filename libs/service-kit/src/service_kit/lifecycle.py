"""The life of a process: starting, started, draining, and who tidies up.

A composition root registers what its service needs; the server runs it. Resources are released in
reverse order of their acquisition, after the last request has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TypeVar

from service_kit.logging import get_logger

ResourceT = TypeVar("ResourceT")
Hook = Callable[[], Awaitable[None]]
Check = Callable[[], Awaitable[str | None]]

STARTUP_TIMEOUT_S = 60.0
SHUTDOWN_TIMEOUT_S = 10.0

log = get_logger(__name__)


class StartupError(Exception):
    """The process cannot start; the message says why and what to do."""


class BackgroundFailedError(Exception):
    """A task that should live as long as the process ended with an error."""

    def __init__(self, name: str) -> None:
        super().__init__(f"background task {name!r} failed; the process stops")


class Lifecycle:
    """Startup hooks, background tasks, resources and readiness checks of one process."""

    def __init__(self) -> None:
        self.started = False
        self.draining = False
        self.failure: BackgroundFailedError | None = None
        self._checks: dict[str, Check] = {}
        self._startup: list[Hook] = []
        self._background: list[tuple[str, Hook]] = []
        self._stack = AsyncExitStack()
        self._on_failure: Callable[[], None] | None = None

    @property
    def ready(self) -> bool:
        """Whether the process wants traffic, apart from its checks."""
        return self.started and not self.draining

    def add_check(self, name: str, check: Check) -> None:
        """`check` returns what is wrong, or None. Only what this process cannot work without."""
        self._checks[name] = check

    def on_startup(self, hook: Hook) -> None:
        """Runs before the first request, in order of registration."""
        self._startup.append(hook)

    def on_shutdown(self, hook: Hook) -> None:
        """Runs after the last request; last registered runs first."""
        self._stack.push_async_callback(hook)

    def add_background(self, name: str, run: Hook) -> None:
        """`run` lives from the end of startup to shutdown, when it is cancelled.

        Returning is fine; raising stops the process, because nothing else would notice.
        """
        self._background.append((name, run))

    async def enter(self, resource: AbstractAsyncContextManager[ResourceT]) -> ResourceT:
        """Open a resource now (usually in a startup hook) and close it at shutdown."""
        return await self._stack.enter_async_context(resource)

    def when_failed(self, stop: Callable[[], None]) -> None:
        self._on_failure = stop

    async def problems(self, *, timeout_s: float) -> dict[str, str]:
        """What the checks complain about, by name; a check that takes too long counts as one."""
        async with asyncio.TaskGroup() as group:
            running = {
                name: group.create_task(self._run_check(check, timeout_s))
                for name, check in self._checks.items()
            }
        return {name: problem for name, task in running.items() if (problem := task.result())}

    async def _run_check(self, check: Check, timeout_s: float) -> str | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await check()
        except TimeoutError:
            return f"no answer within {timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 - a check that breaks is a failed check
            return type(error).__name__

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Startup hooks, then the body with the background tasks beside it, then shutdown."""
        try:
            await self._start()
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._run_background(name, run), name=name)
                    for name, run in self._background
                ]
                self.started = True
                try:
                    yield
                finally:
                    for task in tasks:
                        task.cancel()
        finally:
            self.draining = True
            await self._tidy_up()

    async def _start(self) -> None:
        try:
            async with asyncio.timeout(STARTUP_TIMEOUT_S):
                for hook in self._startup:
                    await hook()
        except TimeoutError as error:
            raise StartupError(
                f"Startup did not finish within {STARTUP_TIMEOUT_S:g} s: is the database reachable?"
            ) from error

    async def _tidy_up(self) -> None:
        try:
            async with asyncio.timeout(SHUTDOWN_TIMEOUT_S):
                await self._stack.aclose()
        except TimeoutError:
            log.warning("shutdown_incomplete", timeout_s=SHUTDOWN_TIMEOUT_S)

    async def _run_background(self, name: str, run: Hook) -> None:
        try:
            await run()
        except Exception:
            log.exception("background_failed", task=name)
            self.failure = BackgroundFailedError(name)
            if self._on_failure is not None:
                self._on_failure()
