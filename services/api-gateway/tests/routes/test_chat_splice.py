# ruff: noqa: E501  one case, one line
"""POST /v1/chat/completions for single models: passed through to the backend."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import openai
import pytest

from tests.scenes.gateway import KEY, WAIT_S, GatewayScene

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from openai.types.chat import ChatCompletionMessageParam

PING = "Reply with exactly this text and nothing else: PONG-1"
ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": PING}]
WEATHER: Any = {
    "name": "get_weather",
    "description": "Weather for a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
CALL = (
    'Call the tool named `get_weather` exactly once with these arguments: {"city":"Paris"} . '
    "After the tool result, reply with exactly: DONE-1"
)


@pytest.mark.requirement("splice:works")
async def test_an_answer_comes_under_the_name_that_was_asked_for(scene: GatewayScene) -> None:
    answer = await scene.sdk.chat.completions.create(model="vendor/gpt:4", messages=ASK)

    assert answer.choices[0].message.content == "PONG-1"
    assert (answer.model, answer.object) == ("vendor/gpt:4", "chat.completion")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    (record,) = await scene.sim.record()
    assert record["model"] == "sim"


@pytest.mark.requirement("splice:works")
async def test_a_stream_comes_under_the_name_that_was_asked_for(scene: GatewayScene) -> None:
    stream = await scene.sdk.chat.completions.create(model="gpt-sim", messages=ASK, stream=True)
    chunks = [chunk async for chunk in stream]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "PONG-1"
    assert {chunk.model for chunk in chunks} == {"gpt-sim"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


@pytest.mark.requirement("splice:metered")
async def test_every_stream_is_counted_whether_its_client_asked_or_not(
    scene: GatewayScene,
) -> None:
    silent = await scene.chat("gpt-sim", stream=True)
    asked = await scene.chat("gpt-sim", stream=True, stream_options={"include_usage": True})
    await scene.accounted()

    *_, usage_chunk, done = asked.events
    assert done == silent.events[-1] == "[DONE]"
    assert usage_chunk["choices"] == []
    assert all("usage" not in event for event in silent.events[:-1])
    counted = scene.metrics.registry.get_sample_value(
        "conclave_gateway_tokens_total",
        {"tenant": "default", "model": "gpt-sim", "kind": "output"},
    )
    assert counted == 2 * usage_chunk["usage"]["completion_tokens"]


async def test_what_the_backend_alone_understands_reaches_it(scene: GatewayScene) -> None:
    await scene.chat(top_k=5, reasoning_effort="high", metadata={"a": "b"}, user="u")

    (record,) = await scene.sim.record("?bodies=true")
    sent: Any = record["body"]
    assert (sent["top_k"], sent["metadata"], sent["user"]) == (5, {"a": "b"}, "u")
    assert "reasoning_effort" not in sent  # the model is not declared a reasoning one


@pytest.mark.requirement("chat:leniency:tools")
async def test_tools_of_unknown_kinds_do_not_reach_the_backend(scene: GatewayScene) -> None:
    hosted: Any = {"type": "web_search", "external_web_access": True}
    weather: Any = {"type": "function", "function": WEATHER}

    some = await scene.chat(tools=[hosted, weather], tool_choice="auto")
    none = await scene.chat(tools=[], tool_choice="auto")

    assert (some.status, none.status) == (200, 200)
    bodies: list[Any] = [each["body"] for each in await scene.sim.record("?bodies=true")]
    assert sorted(len(sent.get("tools", [])) for sent in bodies) == [0, 1]


async def test_tools_go_both_ways(scene: GatewayScene) -> None:
    tools: Any = [{"type": "function", "function": WEATHER}]
    messages: Any = [{"role": "user", "content": CALL}]
    first = await scene.sdk.chat.completions.create(model="sim", messages=messages, tools=tools)
    (call,) = first.choices[0].message.tool_calls or []
    messages += [
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "18C"},
    ]
    second = await scene.sdk.chat.completions.create(model="sim", messages=messages, tools=tools)

    assert first.choices[0].finish_reason == "tool_calls"
    assert json.loads(call.function.arguments) == {"city": "Paris"}  # type: ignore[union-attr]
    assert second.choices[0].message.content == "DONE-1"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("chat:choices")
async def test_several_choices_are_the_backends_own(scene: GatewayScene, *, stream: bool) -> None:
    reply = await scene.chat(text=PING, n=3, stream=stream)

    if stream:
        indices = {c["index"] for e in reply.events[:-1] for c in e["choices"]}
    else:
        indices = {choice["index"] for choice in reply.json["choices"]}
    assert indices == {0, 1, 2}
    assert len(await scene.sim.record()) == 1


@pytest.mark.requirement("splice:fallback")
async def test_a_fallback_model_answers_when_the_backend_is_gone(scene: GatewayScene) -> None:
    reply = await scene.chat("spare", PING)

    assert reply.json["choices"][0]["message"]["content"] == "PONG-1"
    assert reply.json["model"] == "spare"


# ------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "status", "error_type", "code"),
    [
        ("sim-400", 400, "invalid_request_error", None),
        ("sim-401", 502, "server_error", "upstream_credentials"),
        ("sim-404", 400, "invalid_request_error", "model_not_found"),
        ("sim-429", 429, "requests", "rate_limit_exceeded"),
        ("sim-quota", 429, "insufficient_quota", "insufficient_quota"),
        ("sim-500", 502, "server_error", "upstream_error"),
        ("sim-503", 503, "service_unavailable_error", "server_is_overloaded"),
        ("full", 400, "invalid_request_error", "context_length_exceeded"),
        ("sim-hang", 504, "server_error", "timeout"),
        ("sim-silent", 504, "server_error", "timeout"),
        ("sim-reset", 502, "server_error", "upstream_error"),
        ("gone", 502, "server_error", "upstream_error"),
    ],
)
@pytest.mark.requirement("splice:failures:status")
async def test_a_failing_backend_is_a_status_in_our_envelope(
    scene: GatewayScene, model: str, status: int, error_type: str, code: str | None, *, stream: bool
) -> None:
    reply = await scene.chat(model, stream=stream)

    assert (reply.status, reply.error["type"]) == (status, error_type)
    assert set(reply.error) == {"message", "type", "param", "code"}
    if code is not None:
        assert reply.error["code"] == code
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"].startswith("req_")


async def test_when_to_retry_is_told(scene: GatewayScene) -> None:
    limited = await scene.chat("sim-429")
    exhausted = await scene.chat("sim-quota")

    assert limited.headers["retry-after"] == "2"
    assert exhausted.headers["x-should-retry"] == "false"


@pytest.mark.requirement("splice:failures:status")
async def test_an_error_body_under_status_200_is_an_error(scene: GatewayScene) -> None:
    reply = await scene.chat("sim-error200")

    assert reply.status >= 400
    assert "error" in reply.json


@pytest.mark.parametrize(
    "model",
    ["sim-mid-error", "sim-mid-reset", "sim-mid-cut", "sim-mid-close", "sim-mid-stall", "sim-truncated"],
)  # fmt: skip
@pytest.mark.requirement("chat:stream:failure")
async def test_a_backend_that_breaks_in_the_middle_ends_in_an_error_event(
    scene: GatewayScene, model: str
) -> None:
    reply = await scene.chat(model, stream=True)

    assert reply.status == 200
    assert set(reply.events[-1]["error"]) == {"message", "type", "param", "code"}
    assert "[DONE]" not in reply.events
    assert not any(
        choice["finish_reason"] for event in reply.events[:-1] for choice in event["choices"]
    )


@pytest.mark.requirement("chat:stream:failure")
async def test_the_sdk_raises_what_broke_in_the_middle(scene: GatewayScene) -> None:
    stream = await scene.sdk.chat.completions.create(
        model="sim-mid-error", messages=ASK, stream=True
    )

    with pytest.raises(openai.APIError):
        async for _ in stream:
            pass


async def test_a_stream_in_odd_pieces_arrives_whole(scene: GatewayScene) -> None:
    odd = await scene.chat("sim-split", PING, stream=True)

    assert (odd.text, odd.events[-1]) == ("PONG-1", "[DONE]")


async def test_a_backend_that_counts_nothing_still_answers(scene: GatewayScene) -> None:
    options = {"include_usage": True}

    reply = await scene.chat("sim-no-usage", PING, stream=True, stream_options=options)

    assert (reply.text, reply.events[-1]) == ("PONG-1", "[DONE]")


# ------------------------------------------------------------------------------ what it can't do


@pytest.mark.parametrize(
    ("model", "members", "param"),
    [
        ("plain", {"tools": [{"type": "function", "function": WEATHER}]}, "tools"),
        ("plain", {"logprobs": True}, "logprobs"),
        ("sim-embed", {}, "model"),
    ],
)
async def test_what_a_model_cannot_do_is_refused_with_a_reason(
    scene: GatewayScene, model: str, members: dict[str, Any], param: str
) -> None:
    reply = await scene.chat(model, **members)

    assert (reply.status, reply.error["param"]) == (400, param)
    assert await scene.sim.record() == []


async def test_an_unknown_model_is_404(scene: GatewayScene) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        await scene.sdk.chat.completions.create(model="no-such-model", messages=ASK)

    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")


# --------------------------------------------------------------------------------------- hang-up


async def hang_up(scene: GatewayScene, model: str, *, stream: bool, after_bytes: int) -> None:
    """Leave once the backend works on it and so much of the answer is here."""
    body = {"model": model, "stream": stream, "messages": ASK}
    headers = {"authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession() as session:
        request = session.post(f"{scene.url}/v1/chat/completions", json=body, headers=headers)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(read(request, after_bytes))
            if after_bytes:
                await waiting
            else:
                await scene.sim.get(f"/_count?active_within_s={WAIT_S}")
                waiting.cancel()


async def read(
    request: AbstractAsyncContextManager[aiohttp.ClientResponse], after_bytes: int
) -> None:
    async with request as response:
        received = 0
        while received < after_bytes or not after_bytes:
            received += len(await response.content.readany())
        response.close()


@pytest.mark.parametrize(
    ("model", "stream", "after_bytes"),
    [("sim-slow", False, 0), ("sim-slow", True, 0), ("sim-long", True, 600), ("sim-long", False, 0)],
)  # fmt: skip
@pytest.mark.requirement("gateway:hang-up")
async def test_a_client_that_leaves_frees_the_backend(
    scene: GatewayScene, model: str, after_bytes: int, *, stream: bool
) -> None:
    await hang_up(scene, model, stream=stream, after_bytes=after_bytes)

    (record,) = await scene.sim.record()
    await scene.accounted()
    assert record["outcome"] == "client_closed"
    counted = scene.metrics.registry.get_sample_value(
        "conclave_gateway_requests_total",
        {"route": "/v1/chat/completions", "model": model, "lane": "splice", "status": "499"},
    )
    assert counted == 1


async def test_an_endless_backend_ends_with_its_client(scene: GatewayScene) -> None:
    await hang_up(scene, "sim-endless", stream=True, after_bytes=5000)

    (record,) = await scene.sim.record()
    assert record["outcome"] == "client_closed"
