import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from cli.tests.doubles import MakePlan, Screen
from conclave_cli.backoff import Backoff
from conclave_cli.errors import ServiceFailedError
from conclave_cli.health import ReadinessProbe
from conclave_cli.supervised_service import ServicePlan, SupervisedService


def service(plan: ServicePlan, screen: Screen, probe: ReadinessProbe) -> SupervisedService:
    backoff = Backoff(first_s=0.01, longest_s=0.02, stable_s=60)
    return SupervisedService(
        plan, console=screen.console, probe=probe, backoff=backoff, stop_grace_s=2
    )


@asynccontextmanager
async def kept_running(kept: SupervisedService) -> AsyncGenerator[None]:
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(kept.keep_running())
        yield
        kept.stop()


async def crash(kept: SupervisedService) -> None:
    url = kept.plan.ready_url.replace("/readyz", "/crash")
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(url)


@pytest.mark.requirement("cli:restart")
async def test_a_crashed_service_is_started_again_and_it_is_said(
    make_plan: MakePlan, screen: Screen, probe: ReadinessProbe
):
    kept = service(make_plan("compactor"), screen, probe)
    async with kept_running(kept):
        await kept.ready.wait()
        first_pid = kept.pid
        kept.ready.clear()

        await crash(kept)

        await kept.ready.wait()
        assert kept.pid != first_pid
    text = screen.text()
    assert "compactor exited with status 7 after 0 s; starting it again in 0.01 s" in text
    assert "compactor is ready again after" in text


async def test_a_service_that_ends_before_it_was_ready_is_not_tried_again(
    make_plan: MakePlan, screen: Screen, probe: ReadinessProbe
):
    kept = service(make_plan("gateway", "say:no such file", "exit:5"), screen, probe)

    with pytest.raises(ServiceFailedError) as failed:
        await kept.keep_running()

    assert failed.value.message == (
        "gateway exited with status 5 while starting; its last lines:\n    no such file"
    )
    assert kept.ended.is_set()


async def test_stopping_ends_the_process_and_keeps_it_ended(
    make_plan: MakePlan, screen: Screen, probe: ReadinessProbe
):
    kept = service(make_plan("orchestrator"), screen, probe)

    async with kept_running(kept):
        await kept.ready.wait()
        kept.stop()
        await kept.ended.wait()

    assert not (await probe.ask(kept.plan.ready_url)).ready
    assert "starting it again" not in screen.text()


async def test_killing_does_not_wait_for_a_deaf_service(
    make_plan: MakePlan, screen: Screen, probe: ReadinessProbe
):
    kept = service(make_plan("gateway", "deaf"), screen, probe)

    async with kept_running(kept):
        await kept.ready.wait()
        started_s = asyncio.get_running_loop().time()
        kept.kill()
        await kept.ended.wait()
        took_s = asyncio.get_running_loop().time() - started_s

    assert took_s < 1  # its grace would be 2 s


async def test_its_output_is_shown_under_its_name(
    make_plan: MakePlan, screen: Screen, probe: ReadinessProbe
):
    kept = service(make_plan("orchestrator", "say:hello"), screen, probe)

    async with kept_running(kept):
        await kept.ready.wait()

    assert "orchestrator | hello" in screen.text()
