# ruff: noqa: E501  one case, one line
"""What every route has in common: who comes in, where it leads, what every answer carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenes.gateway import KEY, GatewayScene, gateway

if TYPE_CHECKING:
    from pathlib import Path

CHAT = "/v1/chat/completions"
ENVELOPE = {"message", "type", "param", "code"}


@pytest.mark.parametrize("path", ["/v1/models", CHAT, "/v1/embeddings", "/nope", "/v1/models/x"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.requirement("gateway:auth:first")
async def test_a_stranger_learns_nothing_from_any_path(
    scene: GatewayScene, method: str, path: str
) -> None:
    reply = await scene.send(method, path, b"not json", key=None)

    assert reply.status == 401
    assert set(reply.error) == ENVELOPE
    assert reply.error["code"] is None


@pytest.mark.parametrize("key", ["sk-wrong", "Bearer", "a b c", "sk-ä"])
@pytest.mark.requirement("gateway:auth:first")
async def test_a_wrong_key_is_refused_and_not_echoed(scene: GatewayScene, key: str) -> None:
    reply = await scene.send("POST", CHAT, b"not json", key=key)

    assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")
    assert key not in reply.body.decode()


@pytest.mark.parametrize("scheme", ["", "Basic dXNlcjpwYXNz", "Bearer ", "bearer"])
async def test_another_scheme_is_refused(scene: GatewayScene, scheme: str) -> None:
    reply = await scene.send("GET", "/v1/models", key=None, headers={"authorization": scheme})

    assert (reply.status, reply.error["code"]) == (401, None)


@pytest.mark.requirement("gateway:auth:no-key-no-entry")
async def test_without_any_key_nobody_gets_in(tmp_path: Path) -> None:
    async with gateway(tmp_path, bootstrap_key_file=None) as scene:
        reply = await scene.send("GET", "/v1/models")

    assert reply.status == 401


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, None),
        ("GET", "/v1", 404, None),
        ("POST", "/v1/nothing", 404, None),
        ("GET", "/v1/no/such/path", 404, None),
        ("GET", "/v1/embeddings", 405, "method_not_supported"),
        ("PUT", "/v1/models", 405, "method_not_supported"),
        ("DELETE", "/v1/models/sim", 405, "method_not_supported"),
    ],
)
@pytest.mark.requirement("gateway:envelope")
async def test_unknown_paths_and_methods_are_told_in_the_envelope(
    scene: GatewayScene, method: str, path: str, status: int, code: str | None
) -> None:
    reply = await scene.send(method, path)

    assert (reply.status, reply.error["code"]) == (status, code)
    assert set(reply.error) == ENVELOPE
    assert reply.error["type"] == "invalid_request_error"
    assert ("allow" in reply.headers) == (status == 405)


@pytest.mark.parametrize(
    "path",
    ["/v1/models/", "//v1/models", "/v1//models", "/v1/models//", "/v1/models/vendor/gpt:4", "/v1/models/vendor%2Fgpt%3A4", "/v1/models/sim/"],
)  # fmt: skip
@pytest.mark.requirement("gateway:paths:tolerant")
async def test_slashes_too_many_still_lead_there(scene: GatewayScene, path: str) -> None:
    reply = await scene.send("GET", path)

    assert reply.status == 200


async def test_options_and_head_are_answered(scene: GatewayScene) -> None:
    options = await scene.send("OPTIONS", CHAT, key=None)
    head = await scene.send("HEAD", "/v1/models")

    assert (options.status, options.headers["allow"], options.body) == (204, "GET, POST", b"")
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [("GET", "/v1/models", "good"), ("GET", "/nope", "good"), ("GET", "/v1/models", "bad")],
)
@pytest.mark.requirement("gateway:request-id")
async def test_every_answer_carries_a_request_id_of_its_own(
    scene: GatewayScene, method: str, path: str, key: str
) -> None:
    shown = "sk-bad" if key == "bad" else KEY

    replies = [await scene.send(method, path, key=shown) for _ in range(2)]

    ids = [reply.headers["x-request-id"] for reply in replies]
    assert all(each.startswith("req_") for each in ids)
    assert ids[0] != ids[1]
    assert replies[0].headers["openai-version"] == "2020-10-01"
    assert int(replies[0].headers["openai-processing-ms"]) >= 0
    assert len(replies[0].headers["x-conclave-config"]) == 12


@pytest.mark.requirement("gateway:body:bounded")
async def test_a_body_too_large_is_413(tmp_path: Path) -> None:
    async with gateway(tmp_path, max_body_bytes=2048) as scene:
        large = await scene.chat(text="x" * 3000)
        small = await scene.chat(text="x" * 100)

    assert (large.status, large.error["code"]) == (413, "request_too_large")
    assert small.status == 200


@pytest.mark.requirement("gateway:telemetry:no-content")
async def test_neither_log_nor_metrics_nor_spans_hold_content_or_keys(
    scene: GatewayScene, capsys: pytest.CaptureFixture[str]
) -> None:
    canary = "canary-4711"
    await scene.chat(text=canary)
    await scene.chat(text=canary, stream=True)
    await scene.chat("council", text=canary)
    await scene.chat("sim-500", text=canary)
    await scene.chat(text=canary, temperature=9)
    await scene.accounted()

    async with scene.http.get(f"{scene.operations_url}/metrics") as response:
        exposed = await response.text()
    sinks = [exposed, repr(scene.spans.spans), *capsys.readouterr()]

    assert "conclave_gateway_requests_total" in exposed
    assert all(canary not in sink and "kkkkk" not in sink for sink in sinks)


@pytest.mark.requirement("gateway:telemetry:metrics")
async def test_requests_and_their_tokens_are_counted(scene: GatewayScene) -> None:
    await scene.chat("gpt-sim")
    await scene.chat("council")
    await scene.chat("sim-500")
    await scene.chat("no-such-model")
    await scene.accounted()

    def value(name: str, **labels: str) -> float | None:
        return scene.metrics.registry.get_sample_value(name, labels)

    total = "conclave_gateway_requests_total"
    route = "/v1/chat/completions"
    assert value(total, route=route, model="gpt-sim", lane="splice", status="200") == 1
    assert value(total, route=route, model="council", lane="run", status="200") == 1
    assert value(total, route=route, model="sim-500", lane="splice", status="502") == 1
    assert value(total, route=route, model="none", lane="none", status="404") == 1
    assert value("conclave_gateway_errors_total", error_type="provider_error") == 1
    tokens = "conclave_gateway_tokens_total"
    assert value(tokens, tenant="default", model="council", kind="input") == 300
    assert value(tokens, tenant="default", model="council", kind="output") == 30
    assert value("conclave_gateway_requests_in_flight") == 0


@pytest.mark.requirement("gateway:telemetry:trace")
async def test_a_span_joins_the_callers_trace_and_heads_the_runs(scene: GatewayScene) -> None:
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

    reply = await scene.chat("council", headers={"traceparent": parent})

    (sent,) = [context.traceparent for context in scene.orchestrator.contexts]
    assert reply.headers["traceresponse"] == sent
    _, trace_id, span_id, flags = (sent or "").split("-")
    assert (trace_id, flags) == ("a" * 32, "01")
    assert span_id != "b" * 16
