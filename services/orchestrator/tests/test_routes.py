"""The internal endpoints besides starting a run."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import aiohttp
import pytest

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
from wire.coordination import CancelRun, RunEnded, RunEvent, ScoredRun, ScoreRun, StartRun
from wire.endpoints import (
    CANCEL_RUN,
    GET_RUN,
    GET_RUN_BY_REQUEST,
    LEARNT_WEIGHTS,
    RUN_EVENTS,
    SCORE_RUN,
    START_RUN,
)
from wire.errors import RemoteError
from wire.specs import AgentSpec, PanelSpec


def slow_panel(service: Orchestrator) -> PanelSpec:
    spec = model(service.sim, "sim", "ttft=60000")
    return panel(service.sim, *(AgentSpec(agent_id=name, model=spec) for name in ("ada", "bob")))


async def follow(service: Orchestrator, run_id: str, after: int = 0) -> list[RunEvent]:
    context = service.context()
    stream = service.client.stream(RUN_EVENTS, None, context, run_id=run_id, after=after)
    async with aclosing(stream) as events:
        return [event async for event in events]


async def cancel(service: Orchestrator, run_id: str, tenant: str = TENANT) -> str:
    reply = await service.client.call(
        CANCEL_RUN, CancelRun("by a test"), service.context(tenant=tenant), run_id=run_id
    )
    return reply.status


async def started(service: Orchestrator, start: StartRun) -> None:
    async with aclosing(service.client.stream(START_RUN, start, service.context())) as events:
        await anext(events)


@pytest.mark.requirement("orchestrator:runs:cancel")
async def test_a_run_is_cancelled_by_its_id_and_asking_again_changes_nothing(
    service: Orchestrator,
) -> None:
    start = start_run(slow_panel(service), detached=True)
    await started(service, start)
    await service.sim.count("active")

    async with asyncio.timeout(1):
        assert await cancel(service, start.run_id) == "cancelled"

    assert await cancel(service, start.run_id) == "cancelled"
    assert (await service.sim.count("idle"))["active"] == 0
    (end,) = [event for event in await follow(service, start.run_id) if isinstance(event, RunEnded)]
    assert end.error is not None
    assert "by a test" in end.error.message


@pytest.mark.requirement("orchestrator:runs:cancel")
async def test_cancelling_what_has_ended_says_what_became_of_it(tmp_path: Path) -> None:
    async with orchestrator(tmp_path) as service:
        start = start_run(panel(service.sim))
        await service.run(start)
        assert await cancel(service, start.run_id) == "completed"
    async with orchestrator(tmp_path) as service:
        assert await cancel(service, start.run_id) == "completed"


@pytest.mark.requirement("orchestrator:runs:detached")
async def test_a_detached_run_can_be_followed_from_any_event_on_also_in_a_later_life(
    tmp_path: Path,
) -> None:
    async with orchestrator(tmp_path) as service:
        start = start_run(panel(service.sim), "Why is the sky blue?", detached=True)
        whole = await service.run(start)
        live = [await follow(service, start.run_id, after) for after in (0, 3)]
    async with orchestrator(tmp_path) as service:
        stored = [await follow(service, start.run_id, after) for after in (0, 3)]

    assert live[0] == whole
    assert live[1] == whole[3:]
    assert [text_of(events) for events in stored] == [text_of(events) for events in live]
    assert ended(stored[0]).calls == ended(whole).calls
    assert len(stored[0]) == len(whole)


async def test_the_events_of_an_attached_run_are_not_kept(tmp_path: Path) -> None:
    async with orchestrator(tmp_path) as service:
        start = start_run(panel(service.sim))
        await service.run(start)
    async with orchestrator(tmp_path) as service:
        with pytest.raises(RemoteError) as raised:
            await follow(service, start.run_id)

    assert raised.value.status == 404


@pytest.mark.requirement("orchestrator:records:redacted")
async def test_a_record_shows_answers_only_where_they_are_asked_for(
    service: Orchestrator,
) -> None:
    start = start_run(panel(service.sim), "Why is the sky blue?")
    await service.run(start)

    plain = await service.client.call(GET_RUN, None, service.context(), run_id=start.run_id)
    full = await service.client.call(
        GET_RUN_BY_REQUEST, None, service.context(), request_id=start.request_id, answers="1"
    )

    assert {answer.text for answer in plain.answers} == {None}
    assert plain.log == ()
    assert all(answer.text for answer in full.answers)
    assert full.run_id == start.run_id
    assert plain.key_id == "key-1"


async def test_a_run_under_way_has_a_record_without_its_seed(service: Orchestrator) -> None:
    start = start_run(slow_panel(service), detached=True)
    await started(service, start)
    await service.sim.count("active")

    record = await service.client.call(GET_RUN, None, service.context(), run_id=start.run_id)

    assert (record.status, record.duration_ms, record.seed) == ("in_progress", None, None)
    assert record.calls_in_flight == 2
    await cancel(service, start.run_id)


@pytest.mark.requirement("orchestrator:records:tenant")
async def test_everything_of_a_run_is_another_teams_404(tmp_path: Path) -> None:
    async with orchestrator(tmp_path) as service:
        start = start_run(panel(service.sim), detached=True)
        await service.run(start)
        await is_foreign(service, start)
    async with orchestrator(tmp_path) as service:
        await is_foreign(service, start)


async def is_foreign(service: Orchestrator, start: StartRun) -> None:
    context = service.context(tenant="team-b")
    with pytest.raises(RemoteError) as record:
        await service.client.call(GET_RUN, None, context, run_id=start.run_id)
    with pytest.raises(RemoteError) as by_request:
        await service.client.call(GET_RUN_BY_REQUEST, None, context, request_id=start.request_id)
    with pytest.raises(RemoteError) as cancelled:
        await cancel(service, start.run_id, tenant="team-b")
    stream = service.client.stream(RUN_EVENTS, None, context, run_id=start.run_id)
    with pytest.raises(RemoteError) as events:
        await anext(stream)

    assert {e.value.status for e in (record, by_request, cancelled, events)} == {404}


async def test_a_tenant_that_is_not_the_callers_and_an_empty_panel_are_refused(
    service: Orchestrator,
) -> None:
    foreign = start_run(panel(service.sim))
    empty = start_run(PanelSpec(name="empty", agents=()))

    for start, context in ((foreign, service.context(tenant="b")), (empty, service.context())):
        with pytest.raises(RemoteError) as raised:
            async with aclosing(service.client.stream(START_RUN, start, context)) as events:
                await anext(events)
        assert raised.value.status == 400


async def test_without_the_installation_token_nothing_is_served(service: Orchestrator) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{service.base_url}/internal/v1/runs/x") as response,
    ):
        assert response.status == 401


async def test_what_a_run_took_does_not_grow_after_its_end(service: Orchestrator) -> None:
    start = start_run(panel(service.sim))
    await service.run(start)
    context = service.context()
    first = await service.client.call(GET_RUN, None, context, run_id=start.run_id)
    await service.run(start_run(panel(service.sim)))

    again = await service.client.call(GET_RUN, None, context, run_id=start.run_id)

    assert first.duration_ms is not None
    assert again.duration_ms == first.duration_ms


def at_odds(service: Orchestrator, **options: object) -> PanelSpec:
    """Two models that never agree; only their weights can decide."""
    return panel(
        service.sim,
        AgentSpec(agent_id="ada", model=model(service.sim, "sim-a"), persona="calm"),
        AgentSpec(agent_id="bob", model=model(service.sim, "sim-b"), persona="Always dissent."),
        max_rounds=0,
        **options,
    )


async def score(
    service: Orchestrator, start: StartRun, tenant: str = TENANT, key_id: str = "key-1", **of: float
) -> ScoredRun:
    return await service.client.call(
        SCORE_RUN,
        ScoreRun(max(of.values()), of),
        service.context(tenant=tenant),
        run_id=start.run_id,
        key_id=key_id,
    )


async def winner(service: Orchestrator, spec: PanelSpec) -> str | None:
    start = start_run(spec)
    await service.run(start)
    record = await service.client.call(GET_RUN, None, service.context(), run_id=start.run_id)
    assert record.details is not None
    return record.details.winner


@pytest.mark.requirement("coordination:weights:learnt")
async def test_a_score_changes_weights_and_weights_change_the_decision(
    service: Orchestrator,
) -> None:
    scored = start_run(at_odds(service))
    await service.run(scored)

    for_ada = await score(service, scored, ada=1.0, bob=0.0)
    chosen = await winner(service, at_odds(service))
    await score(service, scored, ada=0.0, bob=1.0)
    other = await winner(service, at_odds(service))

    assert (chosen, other) == ("ada", "bob")
    assert {weight.model: weight.right for weight in for_ada.weights} == {"sim-a": 1, "sim-b": 0}
    told = await service.client.call(LEARNT_WEIGHTS, None, service.context())
    assert {weight.model: weight.right for weight in told.weights} == {"sim-a": 0, "sim-b": 1}


@pytest.mark.requirement("coordination:weights:switch")
async def test_equal_weights_learn_nothing(service: Orchestrator) -> None:
    start = start_run(at_odds(service, weights="equal"))
    await service.run(start)
    await score(service, start, ada=1.0, bob=0.0)

    again = start_run(at_odds(service, weights="equal"))
    await service.run(again)

    record = await service.client.call(GET_RUN, None, service.context(), run_id=again.run_id)
    assert record.weights == {"ada": 1.0, "bob": 1.0}


@pytest.mark.requirement("orchestrator:records:tenant")
async def test_another_teams_or_keys_run_cannot_be_scored(service: Orchestrator) -> None:
    start = start_run(at_odds(service))
    await service.run(start)

    for whose in ({"tenant": "other"}, {"key_id": "other"}):
        with pytest.raises(RemoteError) as raised:
            await score(service, start, ada=1.0, **whose)  # type: ignore[arg-type]
        assert raised.value.status == 404


@pytest.mark.requirement("runs:answers")
async def test_answers_are_shown_to_nobody_where_the_operator_says_so(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, show_answers=False) as service:
        start = start_run(panel(service.sim))
        await service.run(start)
        with pytest.raises(RemoteError) as refused:
            await service.client.call(
                GET_RUN, None, service.context(), run_id=start.run_id, answers="1"
            )
        record = await service.client.call(GET_RUN, None, service.context(), run_id=start.run_id)

    assert refused.value.status == 403
    assert refused.value.param == "answers"
    assert len(record.answers) == 3
    assert all(answer.text is None for answer in record.answers)
