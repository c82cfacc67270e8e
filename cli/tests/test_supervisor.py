import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cli.tests.doubles import MakePlan, Screen
from conclave_cli.errors import ServiceFailedError
from conclave_cli.health import ReadinessProbe
from conclave_cli.supervisor import Supervisor, Timing, stages_by_need

TIMING = Timing(start_timeout_s=10, stop_grace_s=1, first_restart_delay_s=0.01)


@asynccontextmanager
async def running(supervisor: Supervisor) -> AsyncGenerator[None]:
    """Entered when all are ready; left when all have ended."""
    announced = asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(supervisor.run(announced.set))
        await announced.wait()
        yield
        task.cancel()


def test_stages_follow_need(make_plan: MakePlan):
    orchestrator, compactor = make_plan("orchestrator"), make_plan("compactor")
    gateway = make_plan("gateway", needs=frozenset({"orchestrator", "compactor"}))

    assert stages_by_need([gateway, orchestrator, compactor]) == [
        [orchestrator, compactor], [gateway]
    ]  # fmt: skip


def test_a_circle_of_needs_is_an_error(make_plan: MakePlan):
    egg = make_plan("egg", needs=frozenset({"hen"}))
    hen = make_plan("hen", needs=frozenset({"egg"}))

    with pytest.raises(ValueError, match=r"cannot order \['egg', 'hen'\]"):
        stages_by_need([egg, hen])


async def test_everything_is_ready_before_it_is_announced(
    make_plan: MakePlan, screen: Screen, probe: ReadinessProbe
):
    plans = [
        make_plan("compactor"),
        make_plan("gateway", needs=frozenset({"compactor"})),
    ]

    async with running(Supervisor(plans, console=screen.console, probe=probe, timing=TIMING)):
        ready = [(await probe.ask(plan.ready_url)).ready for plan in plans]

    assert ready == [True, True]
    assert [(await probe.ask(plan.ready_url)).ready for plan in plans] == [False, False]


@pytest.mark.requirement("cli:health-gated")
async def test_a_service_waits_for_those_it_needs(
    make_plan: MakePlan, screen: Screen, probe: ReadinessProbe
):
    plans = [
        make_plan("compactor", "unready"),
        make_plan("gateway", "say:I was started", needs=frozenset({"compactor"})),
    ]
    timing = Timing(start_timeout_s=1, stop_grace_s=1)
    supervisor = Supervisor(plans, console=screen.console, probe=probe, timing=timing)

    with pytest.raises(ServiceFailedError) as failed:
        await supervisor.run(lambda: pytest.fail("announced"))

    assert "compactor was not ready within 1 s" in failed.value.message
    assert "HTTP 503 as scripted" in failed.value.message
    assert "I was started" not in screen.text()


async def test_one_that_fails_to_start_ends_the_others_and_is_named(
    make_plan: MakePlan, screen: Screen, probe: ReadinessProbe
):
    plans = [make_plan("compactor"), make_plan("orchestrator", "say:no room", "exit:3")]
    supervisor = Supervisor(plans, console=screen.console, probe=probe, timing=TIMING)

    with pytest.raises(ServiceFailedError, match="orchestrator exited with status 3") as failed:
        await supervisor.run(lambda: pytest.fail("announced"))

    assert failed.value.tail == ("no room",)
    assert not (await probe.ask(plans[0].ready_url)).ready


async def test_the_needing_ends_before_the_needed(
    make_plan: MakePlan, screen: Screen, probe: ReadinessProbe, tmp_path: Path
):
    plans = [
        make_plan("orchestrator", f"record-term:{tmp_path / 'orchestrator'}"),
        make_plan(
            "gateway", f"record-term:{tmp_path / 'gateway'}", needs=frozenset({"orchestrator"})
        ),
    ]

    async with running(Supervisor(plans, console=screen.console, probe=probe, timing=TIMING)):
        pass

    told_s = {name: float((tmp_path / name).read_text()) for name in ("gateway", "orchestrator")}
    assert told_s["gateway"] < told_s["orchestrator"]


@pytest.mark.slow
@pytest.mark.requirement("cli:stop-within-5s")
async def test_deaf_services_of_every_stage_are_gone_within_five_seconds(
    make_plan: MakePlan, screen: Screen, probe: ReadinessProbe
):
    plans = [
        make_plan("orchestrator", "deaf", "spawn"),
        make_plan("gateway", "deaf", "spawn", needs=frozenset({"orchestrator"})),
    ]
    loop = asyncio.get_running_loop()

    async with running(Supervisor(plans, console=screen.console, probe=probe, timing=Timing())):
        asked_s = loop.time()

    assert loop.time() - asked_s < 5


async def test_migrations_come_first_and_a_failed_one_starts_nothing(
    make_plan: MakePlan, screen: Screen, probe: ReadinessProbe
):
    plans = [
        make_plan("orchestrator", "say:served", migrate=("say:disk full", "exit:4")),
        make_plan("gateway", "say:served", migrate=("exit:0",)),
    ]
    supervisor = Supervisor(plans, console=screen.console, probe=probe, timing=TIMING)

    with pytest.raises(ServiceFailedError) as failed:
        await supervisor.run(lambda: pytest.fail("announced"))

    assert failed.value.message == (
        "migrating the database of orchestrator: it exited with status 4; its last lines:\n"
        "    disk full"
    )
    assert "served" not in screen.text()


async def test_killing_ends_everything_at_once(
    make_plan: MakePlan, screen: Screen, probe: ReadinessProbe
):
    plans = [make_plan("orchestrator", "deaf"), make_plan("gateway", "deaf")]
    supervisor = Supervisor(plans, console=screen.console, probe=probe, timing=TIMING)

    async with running(supervisor):
        supervisor.kill()
        async with asyncio.timeout(5):
            for service in supervisor.services:
                await service.ended.wait()

    assert not any([(await probe.ask(plan.ready_url)).ready for plan in plans])
