"""The caller's own doors."""

import asyncio

import pytest

from provider_sim.json_types import JsonObject
from provider_sim.settings import Settings
from provider_sim.testing import SimulatorClient, running_client

CHAT = "/v1/chat/completions"
BODY: JsonObject = {"model": "sim", "messages": [{"role": "user", "content": "x"}]}


async def test_health_needs_no_key() -> None:
    async with running_client(Settings(port=0, api_key="k")) as sim:
        assert await sim.get("/healthz") == {"status": "ok"}


@pytest.mark.requirement("provider-sim:record")
async def test_counts_follow_requests_and_connections(sim: SimulatorClient) -> None:
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(5):
        hanging = tasks.create_task(sim.text(CHAT, {**BODY, "model": "sim@hang"}))
        counts = await sim.count("active")
        hanging.cancel()
    await sim.text(CHAT, BODY)
    await sim.record()
    later = await sim.count()

    assert counts == {
        "active": 1,
        "total": 1,
        "completed": 0,
        "aborted": 0,
        "connections_open": 1,
    }
    assert (later["active"], later["completed"], later["aborted"]) == (0, 1, 1)


async def test_waiting_for_idle_has_its_limit(sim: SimulatorClient) -> None:
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(5):
        hanging = tasks.create_task(sim.text(CHAT, {**BODY, "model": "sim@hang"}))
        await sim.count("active")
        counts = await sim.get("/_count?idle_within_s=0.05")
        hanging.cancel()

    assert isinstance(counts, dict)
    assert counts["active"] == 1


async def test_the_record_is_filtered_and_cleared(sim: SimulatorClient) -> None:
    for model in ("a", "b", "a"):
        await sim.text(CHAT, {**BODY, "model": model})

    assert [line["sequence"] for line in await sim.record("?since=1&model=a")] == [3]
    await sim.clear()
    assert await sim.record() == []


async def test_bodies_are_returned_when_kept() -> None:
    async with running_client(Settings(port=0, keep_bodies=True)) as sim:
        await sim.text(CHAT, BODY)

        assert (await sim.record("?bodies=true"))[0]["body"] == BODY
        assert "body" not in (await sim.record())[0]


async def test_rules_are_listed_and_cleared(sim: SimulatorClient) -> None:
    await sim.add_rules({"profile": {"fault": 500}})

    assert await sim.get("/_rules") == {
        "rules": [{"profile": {"fault": 500}, "matched": 0, "applied": 0}]
    }
    await sim.clear()
    assert await sim.get("/_rules") == {"rules": []}


async def test_bad_questions_are_refused(sim: SimulatorClient) -> None:
    for path in (
        "/_record?since=x",
        "/_record/nobody",
        "/_count?idle_within_s=x",
        "/_count?active_within_s=x",
    ):
        assert "error" in str(await sim.get(path))
    with pytest.raises(ValueError, match="profile"):
        await sim.add_rules({"nothing": 1})
