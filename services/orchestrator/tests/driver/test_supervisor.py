"""Admission, joining, ending with the process."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest

from services.orchestrator.tests.running import (
    Orchestrator,
    ended,
    model,
    orchestrator,
    panel,
    start_run,
    text_of,
)
from wire.coordination import RunEvent, RunStarted, StartRun
from wire.endpoints import START_RUN
from wire.errors import RemoteError
from wire.specs import AgentSpec, PanelSpec


def slow_panel(service: Orchestrator, **options: object) -> PanelSpec:
    spec = model(service.sim, "sim", "ttft=60000")
    return panel(service.sim, AgentSpec(agent_id="ada", model=spec), **options)


async def first_event(service: Orchestrator, start: StartRun) -> RunEvent:
    """Start a run and leave after its first event."""
    context = service.context()
    async with aclosing(service.client.stream(START_RUN, start, context)) as events:
        return await anext(events)


async def end_of(service: Orchestrator, start: StartRun) -> str:
    run = service.app.supervisor.find(start.tenant_id, start.run_id)
    assert run is not None
    async with asyncio.timeout(5):
        await run.ended.wait()
    return run.status


@pytest.mark.requirement("orchestrator:runs:idempotent")
async def test_the_same_id_joins_the_run_under_way(service: Orchestrator) -> None:
    start = start_run(panel(service.sim), "Why is the sky blue?")

    first, second = await asyncio.gather(service.run(start), service.run(start))

    assert text_of(first) == text_of(second) != ""
    assert ended(first) == ended(second)
    assert len(await service.sim.record()) == len(ended(first).calls)


@pytest.mark.requirement("orchestrator:runs:idempotent")
async def test_a_run_that_has_just_ended_is_told_again(service: Orchestrator) -> None:
    start = start_run(panel(service.sim))
    first = await service.run(start)

    again = await service.run(start)

    assert text_of(again) == text_of(first)
    assert len(await service.sim.record()) == 3


@pytest.mark.requirement("orchestrator:runs:idempotent")
async def test_an_id_of_an_earlier_life_is_refused_and_nothing_leaves(tmp_path: Path) -> None:
    async with orchestrator(tmp_path) as service:
        start = start_run(panel(service.sim))
        await service.run(start)
    async with orchestrator(tmp_path) as service:
        end = ended(await service.run(start))

        assert await service.sim.record() == []
    assert end.error is not None
    assert (end.error.status, end.error.code) == (409, "run_conflict")


@pytest.mark.requirement("orchestrator:records:tenant")
async def test_another_teams_id_is_refused(service: Orchestrator) -> None:
    start = start_run(slow_panel(service))
    foreign = msgspec.structs.replace(start, tenant_id="team-b")

    async with aclosing(service.client.stream(START_RUN, start, service.context())) as events:
        await anext(events)
        with pytest.raises(RemoteError) as raised:
            await service.run(foreign)

    assert raised.value.status == 409


@pytest.mark.requirement("orchestrator:runs:hang-up")
async def test_an_attached_run_ends_with_its_last_reader_only(service: Orchestrator) -> None:
    start = start_run(slow_panel(service))
    async with aclosing(service.client.stream(START_RUN, start, service.context())) as events:
        await anext(events)
        assert isinstance(await first_event(service, start), RunStarted)
        run = service.app.supervisor.find(start.tenant_id, start.run_id)
        assert run is not None
        async with asyncio.timeout(5):
            while run.output.readers > 1:  # noqa: ASYNC110 - a hang-up has no event of its own
                await asyncio.sleep(0)
        assert run.status == "in_progress"

    assert await end_of(service, start) == "cancelled"


@pytest.mark.requirement("orchestrator:runs:detached")
async def test_a_detached_run_goes_on_without_its_client(service: Orchestrator) -> None:
    spec = model(service.sim, "sim", "ttft=200")
    start = start_run(panel(service.sim, AgentSpec(agent_id="ada", model=spec)), detached=True)

    await first_event(service, start)

    assert await end_of(service, start) == "completed"


@pytest.mark.requirement("orchestrator:runs:bounded")
async def test_more_runs_than_allowed_are_refused(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, max_concurrent_runs=1) as service:
        running = start_run(slow_panel(service))
        async with aclosing(service.client.stream(START_RUN, running, service.context())) as events:
            await anext(events)
            with pytest.raises(RemoteError) as raised:
                await service.run(start_run(panel(service.sim)))

        await end_of(service, running)
        assert ended(await service.run(start_run(panel(service.sim)))).status == "completed"
    assert (raised.value.status, raised.value.code) == (503, "server_is_overloaded")
    assert raised.value.retry_after_s is not None


@pytest.mark.requirement("orchestrator:runs:bounded")
async def test_a_draining_process_starts_nothing(service: Orchestrator) -> None:
    service.app.lifecycle.draining = True

    with pytest.raises(RemoteError) as raised:
        await service.run(start_run(panel(service.sim)))

    assert (raised.value.status, raised.value.code) == (503, "not_started")
    assert await service.sim.record() == []
