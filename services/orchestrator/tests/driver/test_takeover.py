"""Two processes on one database: what one begins, the other can tell, end, and go on with."""

import asyncio
import json
from contextlib import aclosing
from pathlib import Path

import pytest

from orchestrator.coordination.events import AnswerAccepted
from orchestrator.coordination.replay import decode_log
from orchestrator.driver.takeover import ProcessName
from orchestrator.store.reader import StoreReader
from service_kit.internal_client import InternalClient
from service_kit.sql import create_engine
from services.orchestrator.tests.replicas import replica
from services.orchestrator.tests.running import (
    TENANT,
    Orchestrator,
    ended,
    model,
    orchestrator,
    panel,
    start_run,
    text_of,
)
from tests.scenes.waiting import until_async
from wire.coordination import (
    CancelRun,
    RunCancellation,
    RunEnded,
    RunEvent,
    RunRecord,
    RunStarted,
    StartRun,
)
from wire.endpoints import CANCEL_RUN, GET_RUN, RUN_EVENTS, START_RUN
from wire.specs import AgentSpec, PanelSpec

LEASE_S = 0.6
ECHO = "Reply with exactly this text and nothing else: pong"
SKY = "Why is the sky blue?"


async def record_of(service: Orchestrator, start: StartRun) -> RunRecord:
    return await service.client.call(
        GET_RUN, None, service.context(), run_id=start.run_id, answers="1"
    )


async def follow(
    client: InternalClient, service: Orchestrator, start: StartRun, after: int = 0
) -> list[RunEvent]:
    stream = client.stream(RUN_EVENTS, None, service.context(), run_id=start.run_id, after=after)
    async with aclosing(stream) as events:
        return [event async for event in events]


async def first(
    client: InternalClient, service: Orchestrator, start: StartRun, count: int
) -> list[RunEvent]:
    """Start a run; its first events."""
    told: list[RunEvent] = []
    async with aclosing(client.stream(START_RUN, start, service.context())) as events:
        async for event in events:
            told.append(event)
            if len(told) == count:
                return told
    return told


async def hang_once(service: Orchestrator, persona: str) -> None:
    """The first call of this agent never comes back; later ones do."""
    await service.sim.add_rules(
        {"match": {"persona_regex": persona}, "profile": {"fault": "hang"}, "times": 1}
    )


async def answered(service: Orchestrator, start: StartRun, agents: int) -> None:
    """Until the store has so many answers."""
    engine = create_engine(f"sqlite:///{service.database}", read_only=True)
    reader = StoreReader(engine)

    async def are_there() -> bool:
        log = decode_log(await reader.log(TENANT, start.run_id))
        return sum(isinstance(entry, AnswerAccepted) for entry in log) >= agents

    await until_async(are_there, within_s=10)
    await engine.dispose()


async def called(service: Orchestrator, start: StartRun, calls: int) -> None:
    """Until so many calls are in the journal; those of an attached run are told nowhere else."""

    async def are_there() -> bool:
        return len((await record_of(service, start)).calls) >= calls

    await until_async(are_there, within_s=10)


def single(service: Orchestrator, profile: str = "") -> PanelSpec:
    agent = AgentSpec(agent_id="m", model=model(service.sim, "sim", profile))
    return PanelSpec(name="m", agents=(agent,), kind="model")


@pytest.mark.slow
@pytest.mark.requirement("orchestrator:runs:taken-over")
async def test_after_sigkill_another_process_makes_only_the_calls_that_were_under_way(
    tmp_path: Path,
) -> None:
    async with orchestrator(tmp_path, lease_s=LEASE_S) as survivor, replica(survivor) as owner:
        await hang_once(survivor, "bob")
        start = start_run(panel(survivor.sim, quorum=3), ECHO, detached=True)
        heard = await first(owner.client, survivor, start, 2)
        await answered(survivor, start, 2)
        await owner.kill()

        whole = await follow(survivor.client, survivor, start)
        record = await record_of(survivor, start)
        sent = await survivor.sim.record()

    assert whole[: len(heard)] == heard
    assert (ended(whole).status, text_of(whole)) == ("completed", "pong")
    assert sorted(call.agent_id for call in record.calls) == ["ada", "bob", "bob", "cyd"]
    assert [call.basis for call in record.calls if call.status == "failed"] == ["interrupted"]
    assert len(sent) == 4
    assert [json.loads(bytes(line))["type"] for line in record.log].count("run_resumed") == 1


@pytest.mark.slow
@pytest.mark.requirement("orchestrator:runs:replay")
async def test_events_are_the_same_from_any_process_before_and_after_a_takeover(
    tmp_path: Path,
) -> None:
    async with orchestrator(tmp_path, lease_s=LEASE_S) as survivor, replica(survivor) as owner:
        start = start_run(single(survivor, "itl=20"), SKY, detached=True)
        heard = await first(owner.client, survivor, start, 12)
        await owner.kill()

        whole = await follow(survivor.client, survivor, start)
        again = await follow(survivor.client, survivor, start, after=12)

    assert whole[:12] == heard
    assert whole[12:] == again
    assert ended(whole).status == "completed"
    assert [type(event) for event in whole].count(RunStarted) == 1


@pytest.mark.slow
@pytest.mark.requirement("orchestrator:runs:replay")
async def test_an_answer_that_goes_differently_the_second_time_ends_the_run(
    tmp_path: Path,
) -> None:
    async with orchestrator(tmp_path, lease_s=LEASE_S) as survivor, replica(survivor) as owner:
        start = start_run(single(survivor, "itl=20"), SKY, detached=True)
        heard = await first(owner.client, survivor, start, 8)
        await owner.kill()
        await survivor.sim.add_rules({"match": {}, "profile": {"reply": "Something else."}})

        whole = await follow(survivor.client, survivor, start)

    end = ended(whole)
    assert end.error is not None
    assert (end.status, end.error.code) == ("failed", "platform_interrupted")
    assert whole[: len(heard)] == heard
    assert "Something else" not in text_of(whole)


@pytest.mark.slow
@pytest.mark.requirement("orchestrator:runs:taken-over")
async def test_a_run_that_took_two_processes_with_it_takes_no_third(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        orchestrator(tmp_path, lease_s=LEASE_S) as survivor,
        replica(survivor) as first_owner,
        replica(survivor, lease_s=LEASE_S) as second_owner,
    ):
        # Without room it takes no run over, but closes one that nobody may take any more.
        monkeypatch.setattr(survivor.app.supervisor, "_max_concurrent_runs", 0)
        slow = model(survivor.sim, "sim", "ttft=60000")
        council = panel(survivor.sim, AgentSpec(agent_id="ada", model=slow))
        start = start_run(council, ECHO, detached=True)
        await first(first_owner.client, survivor, start, 1)
        await survivor.sim.count("active")
        await first_owner.kill()
        await survivor.sim.count("idle")
        await _until_calls(survivor, start, 2)
        # The journal knows a call before the vendor does.
        await survivor.sim.count("active")
        await second_owner.kill()

        whole = await follow(survivor.client, survivor, start)
        sent = await survivor.sim.record()

    end = ended(whole)
    assert end.error is not None
    assert (end.status, end.error.code) == ("failed", "platform_interrupted")
    assert [call.basis for call in end.calls] == ["interrupted", "interrupted"]
    assert len(sent) == 2


async def _until_calls(service: Orchestrator, start: StartRun, count: int) -> None:
    """Until so many attempts stand in the journal, ended or not."""

    async def are_there() -> bool:
        record = await record_of(service, start)
        return len(record.calls) + record.calls_in_flight >= count

    await until_async(are_there, within_s=10)


@pytest.mark.requirement("orchestrator:runs:cancel")
async def test_a_run_is_cancelled_within_a_second_through_any_process(tmp_path: Path) -> None:
    async with orchestrator(tmp_path) as one, orchestrator(tmp_path) as other:
        slow = model(one.sim, "sim", "ttft=60000")
        start = start_run(panel(one.sim, AgentSpec(agent_id="a", model=slow)), detached=True)
        await first(one.client, one, start, 1)
        await one.sim.count("active")

        async with asyncio.timeout(1):
            reply = await _cancel(other, start)

        assert reply.status == "cancelled"
        assert (await one.sim.count("idle"))["active"] == 0
        assert await _cancel(other, start) == reply
        assert isinstance((await follow(other.client, other, start))[-1], RunEnded)


@pytest.mark.slow
@pytest.mark.requirement("orchestrator:runs:cancel")
async def test_a_run_whose_process_is_dead_is_cancelled_too(tmp_path: Path) -> None:
    async with orchestrator(tmp_path) as survivor, replica(survivor) as owner:
        slow = model(survivor.sim, "sim", "ttft=60000")
        start = start_run(panel(survivor.sim, AgentSpec(agent_id="a", model=slow)), detached=True)
        await first(owner.client, survivor, start, 1)
        await owner.kill()

        async with asyncio.timeout(5):
            reply = await _cancel(survivor, start)
        events = await follow(survivor.client, survivor, start)

    assert reply.status == ended(events).status == "cancelled"


async def _cancel(service: Orchestrator, start: StartRun) -> RunCancellation:
    return await service.client.call(
        CANCEL_RUN, CancelRun("by a test"), service.context(), run_id=start.run_id
    )


@pytest.mark.requirement("orchestrator:runs:taken-over")
async def test_a_process_that_shuts_down_hands_its_detached_runs_over(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, lease_s=1.0) as survivor, replica(survivor) as owner:
        await hang_once(survivor, "bob")
        start = start_run(panel(survivor.sim, quorum=3), ECHO, detached=True)
        await first(owner.client, survivor, start, 2)
        await answered(survivor, start, 2)
        await owner.stop()

        whole = await follow(survivor.client, survivor, start)

    end = ended(whole)
    assert (end.status, text_of(whole)) == ("completed", "pong")
    assert sorted(call.status for call in end.calls) == [
        "cancelled",
        "completed",
        "completed",
        "completed",
    ]


@pytest.mark.requirement("orchestrator:runs:taken-over")
async def test_an_attached_run_of_a_dead_process_is_failed_and_not_resumed(
    tmp_path: Path,
) -> None:
    async with orchestrator(tmp_path, lease_s=LEASE_S) as survivor, replica(survivor) as owner:
        await hang_once(survivor, "bob")
        start = start_run(panel(survivor.sim, quorum=3), ECHO)
        stream = owner.client.stream(START_RUN, start, survivor.context())
        async with aclosing(stream) as events:
            await anext(events)
            await survivor.sim.count("active")
            await called(survivor, start, 2)
            await owner.kill()
        await _until_closed(survivor, start)
        record = await record_of(survivor, start)
        sent = await survivor.sim.record()

    assert record.status == "failed"
    assert record.error is not None
    assert record.error.code == "platform_interrupted"
    assert len(sent) == len(record.calls) == 3


async def _until_closed(service: Orchestrator, start: StartRun) -> None:
    async def is_closed() -> bool:
        return (await record_of(service, start)).status != "in_progress"

    await until_async(is_closed, within_s=10)


async def test_a_process_is_known_by_its_place() -> None:
    old, new = ProcessName("host:1", "a"), ProcessName("host:1", "b")

    assert new.is_earlier_life(old.text)
    assert not new.is_earlier_life(new.text)
    assert not new.is_earlier_life(ProcessName("host:10", "a").text)
    assert not ProcessName("", "b").is_earlier_life(ProcessName("", "a").text)
