import asyncio
from collections.abc import AsyncIterator, Callable

import pytest_asyncio
from aiohttp import web

from conclave_cli.health import ReadinessProbe


class Probed:
    def __init__(self) -> None:
        self.status = 503
        self.asked = asyncio.Event()
        self.url = ""

    async def answer(self, _: web.Request) -> web.Response:
        self.asked.set()
        return web.Response(status=self.status, text="store: not migrated\n")


@pytest_asyncio.fixture
async def probed() -> AsyncIterator[Probed]:
    probed = Probed()
    app = web.Application()
    app.router.add_get("/readyz", probed.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    probed.url = f"http://127.0.0.1:{runner.addresses[0][1]}/readyz"
    yield probed
    await runner.cleanup()


async def test_what_a_service_says_when_it_is_not_ready_is_kept(
    probe: ReadinessProbe, probed: Probed
):
    readiness = await probe.ask(probed.url)

    assert not readiness.ready
    assert readiness.detail == "HTTP 503 store: not migrated"


async def test_waiting_ends_when_the_service_becomes_ready(probe: ReadinessProbe, probed: Probed):
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(probe.wait_ready(probed.url))
        await probed.asked.wait()
        assert not waiting.done()
        probed.status = 200

    assert waiting.done()


async def test_nobody_there_is_not_ready(probe: ReadinessProbe, free_port: Callable[[], int]):
    url = f"http://127.0.0.1:{free_port()}/readyz"

    readiness = await probe.ask(url)

    assert not readiness.ready
    assert "127.0.0.1" in readiness.detail
    assert probe.last_detail(url) == "not asked yet"
