"""Three probes with three meanings, and metrics, without a token."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from service_kit.lifecycle import Lifecycle
from service_kit.metrics import Metrics
from service_kit.probes import operations_app
from service_kit.testing import raw_client, running_service, within


class Probed:
    def __init__(self, lifecycle: Lifecycle) -> None:
        self.app = operations_app(lifecycle, Metrics().registry)

    async def statuses(self) -> dict[str, int]:
        async with running_service(self.app) as service, raw_client(service.port()) as client:
            result: dict[str, int] = {}
            for path in ("/startupz", "/readyz", "/livez"):
                await client.request("GET", path)
                result[path] = (await client.response()).status
        return result


@pytest.mark.requirement("service-kit:probes:three-meanings")
async def test_before_startup_only_liveness_holds() -> None:
    assert await Probed(Lifecycle()).statuses() == {"/startupz": 503, "/readyz": 503, "/livez": 200}


@pytest.mark.requirement("service-kit:probes:three-meanings")
async def test_a_drain_is_not_ready_and_alive() -> None:
    lifecycle = Lifecycle()
    lifecycle.started = lifecycle.draining = True

    assert await Probed(lifecycle).statuses() == {"/startupz": 200, "/readyz": 503, "/livez": 200}


@pytest.mark.requirement("service-kit:probes:three-meanings")
async def test_a_sick_dependency_is_not_ready_and_alive() -> None:
    lifecycle = Lifecycle()
    lifecycle.started = True

    async def database() -> str:
        return "cannot connect"

    lifecycle.add_check("database", database)

    assert await Probed(lifecycle).statuses() == {"/startupz": 200, "/readyz": 503, "/livez": 200}


async def test_the_reason_is_told() -> None:
    lifecycle = Lifecycle()
    lifecycle.started = True

    async def database() -> str:
        return "cannot connect"

    lifecycle.add_check("database", database)
    app = operations_app(lifecycle, Metrics().registry)
    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/readyz")
        response = await client.response()

    assert msgspec.json.decode(response.body) == {
        "ok": False,
        "problems": {"database": "cannot connect"},
    }


async def test_a_check_that_hangs_does_not_hang_the_other_probes() -> None:
    lifecycle = Lifecycle()
    lifecycle.started = True
    asked = asyncio.Event()

    async def database() -> str | None:
        asked.set()
        await asyncio.Event().wait()
        return None

    lifecycle.add_check("database", database)
    app = operations_app(lifecycle, Metrics().registry)
    async with (
        running_service(app) as service,
        raw_client(service.port()) as readiness,
        raw_client(service.port()) as liveness,
    ):
        await readiness.request("GET", "/readyz")
        await within(asked)
        await liveness.request("GET", "/livez")

        assert (await liveness.response()).status == 200
        assert (await readiness.response()).status == 503


async def test_metrics_are_prometheus_text() -> None:
    app = operations_app(Lifecycle(), Metrics().registry)
    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/metrics")
        response = await client.response()

    assert response.headers["content-type"].startswith("text/plain")
    assert b"process_resident_memory_bytes" in response.body
