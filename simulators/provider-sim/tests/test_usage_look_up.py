"""What a request cost, asked afterwards."""

import asyncio

import pytest

from provider_sim.json_types import JsonObject, object_at
from provider_sim.settings import Settings
from provider_sim.testing import SimulatorClient, running_client

pytestmark = pytest.mark.requirement("provider-sim:usage-look-up")

CHAT = "/v1/chat/completions"
BODY: JsonObject = {"model": "sim", "messages": [{"role": "user", "content": "x"}]}


async def code_of(sim: SimulatorClient, path: str) -> object:
    return object_at(await sim.get(path), "error").get("code")


async def test_a_whole_answer_cost_what_it_said(sim: SimulatorClient) -> None:
    _, answer = await sim.post(CHAT, BODY, {"x-request-id": "call-1.1"})

    told = await sim.get("/p/ttft=1/v1/usage/call-1.1")

    assert isinstance(told, dict)
    assert told["usage"] == answer["usage"]


async def test_a_request_that_was_cut_cost_what_the_record_says(sim: SimulatorClient) -> None:
    slow: JsonObject = {**BODY, "model": "sim@ttft=1,itl=5,tokens=500", "stream": True}
    headers = {"x-request-id": "call-2.1"}
    async with sim.session.post(f"{sim.url}{CHAT}", json=slow, headers=headers) as response:
        await response.content.readany()
        under_way = await code_of(sim, "/v1/usage/call-2.1")
        response.close()
    [line] = await sim.record()

    usage = object_at(await sim.get("/v1/usage/call-2.1"), "usage")

    assert under_way == "request_in_progress"
    assert line["outcome"] == "client_closed"
    assert usage["prompt_tokens"] == line["prompt_tokens"] != 0
    assert usage["completion_tokens"] == line["completion_tokens"]


async def test_nothing_is_told_of_a_request_that_never_came(sim: SimulatorClient) -> None:
    assert await code_of(sim, "/v1/usage/call-3.1") == "request_not_found"
    assert await sim.record() == []


async def test_it_takes_the_key() -> None:
    async with asyncio.timeout(5), running_client(Settings(port=0, api_key="k")) as sim:
        assert object_at(await sim.get("/v1/usage/a"), "error")["type"] == "invalid_request_error"
