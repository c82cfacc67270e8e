"""GET /v1/conclave/runs/{id}."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wire.coordination import RunRecord

if TYPE_CHECKING:
    from tests.scenes.gateway import GatewayScene


async def a_run(
    scene: GatewayScene, *, tenant_id: str | None = None, key_id: str | None = None
) -> str:
    """Run a panel; its record becomes known, changed as told. Returns the request's id."""
    reply = await scene.chat("council")
    start = scene.orchestrator.started[-1]
    scene.orchestrator.records[start.run_id] = RunRecord(
        run_id=start.run_id,
        request_id=start.request_id,
        public_model="council",
        panel="council",
        status="completed",
        created_unix_s=1.0,
        tenant_id=tenant_id or start.tenant_id,
        key_id=key_id or start.key_id,
    )
    return reply.headers["x-request-id"]


@pytest.mark.parametrize("prefix", ["req_", "run_", "chatcmpl-"])
@pytest.mark.requirement("runs:by-any-id")
async def test_a_run_is_found_by_each_id_its_client_knows(scene: GatewayScene, prefix: str) -> None:
    request_id = await a_run(scene)

    reply = await scene.send("GET", "/v1/conclave/runs/" + request_id.replace("req_", prefix))

    assert (reply.status, reply.json["request_id"]) == (200, request_id)
    assert not scene.orchestrator.asked_for_answers


async def test_answers_are_told_only_when_asked_for(scene: GatewayScene) -> None:
    request_id = await a_run(scene)

    await scene.send("GET", f"/v1/conclave/runs/{request_id}?answers=1")

    assert scene.orchestrator.asked_for_answers


@pytest.mark.parametrize("changes", [{"tenant_id": "other"}, {"key_id": "key_other"}])
@pytest.mark.requirement("runs:owner-only")
async def test_another_keys_run_does_not_exist(
    scene: GatewayScene, changes: dict[str, str]
) -> None:
    request_id = await a_run(scene, **changes)

    foreign = await scene.send("GET", f"/v1/conclave/runs/{request_id}")
    unknown = await scene.send("GET", "/v1/conclave/runs/req_nope")

    assert (foreign.status, unknown.status) == (404, 404)
    assert foreign.error["message"].replace(request_id, "X") == unknown.error["message"].replace(
        "req_nope", "X"
    )


@pytest.mark.requirement("runs:score")
async def test_a_score_reaches_the_run_it_is_of(scene: GatewayScene) -> None:
    request_id = await a_run(scene)

    reply = await scene.send(
        "POST", f"/v1/conclave/runs/{request_id}/score", b'{"score":0.5,"agents":{"ada":1}}'
    )

    (run_id,) = scene.orchestrator.records
    assert (reply.status, scene.orchestrator.scored) == (200, {run_id: 0.5})
    assert reply.json["weights"][0]["model"] == "sim"


@pytest.mark.requirement("runs:score")
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"score":"good"}'])
async def test_what_is_no_score_is_refused(scene: GatewayScene, body: bytes) -> None:
    request_id = await a_run(scene)

    reply = await scene.send("POST", f"/v1/conclave/runs/{request_id}/score", body)

    assert (reply.status, reply.error["param"]) == (400, "score")


@pytest.mark.requirement("runs:owner-only")
async def test_another_keys_run_cannot_be_scored(scene: GatewayScene) -> None:
    request_id = await a_run(scene, key_id="key_other")

    reply = await scene.send("POST", f"/v1/conclave/runs/{request_id}/score", b'{"score":1}')

    assert (reply.status, scene.orchestrator.scored) == (404, {})


@pytest.mark.requirement("coordination:weights:learnt")
async def test_what_was_learnt_can_be_looked_at(scene: GatewayScene) -> None:
    reply = await scene.send("GET", "/v1/conclave/weights")

    assert reply.json["weights"] == [
        {"model": "sim", "task_class": "exact", "right": 3.0, "wrong": 1.0, "weight": 1.2}
    ]
