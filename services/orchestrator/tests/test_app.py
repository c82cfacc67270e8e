"""The process put together."""

from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import text

from orchestrator.app import create_app
from orchestrator.settings import OrchestratorSettings
from service_kit.lifecycle import StartupError
from service_kit.sql import create_engine
from service_kit.testing import running_service
from services.orchestrator.tests.running import TOKEN, Orchestrator, orchestrator, panel, start_run
from tests.scenes.waiting import until_async
from wire.coordination import RunRecord
from wire.endpoints import GET_RUN


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_it_is_ready_and_its_figures_need_no_token(service: Orchestrator) -> None:
    await service.run(start_run(panel(service.sim)))

    assert (await get(f"{service.operations_url}/readyz"))[0] == 200
    status, page = await get(f"{service.operations_url}/metrics")

    assert status == 200
    assert 'conclave_orchestrator_runs_total{panel="council",status="completed"} 1.0' in page
    assert "conclave_orchestrator_runs_in_flight 0.0" in page


async def test_it_refuses_to_start_on_a_database_of_another_version(tmp_path: Path) -> None:
    settings = OrchestratorSettings.model_validate(
        {
            "port": 0,
            "metrics_port": 0,
            "database_url": f"sqlite:///{tmp_path / 'none.sqlite3'}",
            "installation_token": TOKEN,
        }
    )
    app = create_app(settings)

    with pytest.raises(StartupError, match="python -m orchestrator migrate"):
        async with running_service(listeners=app.listeners, lifecycle=app.lifecycle):
            pass


async def test_it_is_not_ready_without_its_tables(service: Orchestrator) -> None:
    engine = create_engine(f"sqlite:///{service.database}")
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE runs RENAME TO elsewhere"))
    await engine.dispose()

    status, page = await get(f"{service.operations_url}/readyz")

    assert status == 503
    assert "the database does not answer" in page


@pytest.mark.requirement("orchestrator:journal:interrupted")
async def test_a_run_of_a_dead_process_is_closed_as_interrupted(tmp_path: Path) -> None:
    async with orchestrator(tmp_path) as service:
        start = start_run(panel(service.sim))
        await service.run(start)
    engine = create_engine(f"sqlite:///{tmp_path / 'orchestrator.sqlite3'}")
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE runs SET status = 'in_progress', record = NULL"))
    await engine.dispose()

    async with orchestrator(tmp_path, lease_s=0.2) as service:

        async def record_of_run() -> RunRecord:
            return await service.client.call(GET_RUN, None, service.context(), run_id=start.run_id)

        async def is_closed() -> bool:
            return (await record_of_run()).status != "in_progress"

        await until_async(is_closed)
        record = await record_of_run()

    assert record.status == "failed"
    assert len(record.calls) == 3
    assert record.error is not None
    assert record.error.code == "platform_interrupted"
