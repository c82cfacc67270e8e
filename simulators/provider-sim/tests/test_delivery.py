"""One answer over one connection: pace, faults, and a client that leaves."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest

from provider_sim.json_types import Json, JsonObject, dumps
from provider_sim.testing import SimulatorClient

LIMIT_S = 5.0
CHAT = "/v1/chat/completions"


def body_of(model: str = "sim", *, stream: bool = True, text: str = "Why so?") -> JsonObject:
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]}


@asynccontextmanager
async def opened(
    sim: SimulatorClient, body: Json, path: str = CHAT
) -> AsyncGenerator[aiohttp.ClientResponse]:
    response = await sim.session.post(f"{sim.url}{path}", data=dumps(body))
    try:
        yield response
    finally:
        response.close()


async def only_record(sim: SimulatorClient) -> JsonObject:
    (line,) = await sim.record()
    return line


def seconds(line: JsonObject, start: str, end: str) -> float:
    first, last = line[start], line[end]
    assert isinstance(first, float)
    assert isinstance(last, float)
    return last - first


@pytest.mark.requirement("provider-sim:latency-law")
@pytest.mark.parametrize("stream", [True, False])
async def test_a_call_takes_the_time_it_was_given(sim: SimulatorClient, *, stream: bool) -> None:
    await sim.text(CHAT, body_of("sim@ttft=50,call=250,tokens=40", stream=stream))

    line = await only_record(sim)
    first_s = seconds(line, "started_s", "first_byte_s")
    total_s = seconds(line, "started_s", "ended_s")
    assert (0.049 if stream else 0.249) <= first_s < 1
    assert 0.249 <= total_s < 1.5


@pytest.mark.requirement("provider-sim:latency-law")
async def test_without_latency_a_stream_leaves_at_once(sim: SimulatorClient) -> None:
    raw = await sim.text(CHAT, body_of())

    assert raw.endswith("data: [DONE]\n\n")
    assert seconds(await only_record(sim), "started_s", "ended_s") < 1


@pytest.mark.requirement("provider-sim:hang-up")
async def test_a_client_that_leaves_between_tokens_is_noticed_and_billed(
    sim: SimulatorClient,
) -> None:
    async with opened(sim, body_of("sim@stall_after=3")) as response:
        received = b""
        while received.count(b'"content"') < 4:  # the role's chunk has one too
            received += await asyncio.wait_for(response.content.readany(), LIMIT_S)
        left_s = asyncio.get_running_loop().time()

    line = await only_record(sim)
    assert line["outcome"] == "client_closed"
    assert line["completion_tokens"] == 3
    assert int(str(line["prompt_tokens"])) > 0
    assert isinstance(line["ended_s"], float)
    assert -0.01 < line["ended_s"] - left_s < 1
    assert line["finish_reason"] is None


@pytest.mark.requirement("provider-sim:hang-up")
@pytest.mark.parametrize(
    ("profile", "billed_prompt"), [("hang", False), ("hang_after_headers", True), ("ttft=60000",
                                                                                   True)]
)  # fmt: skip
@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_before_the_first_token_costs_no_completion(
    sim: SimulatorClient, profile: str, *, billed_prompt: bool, stream: bool
) -> None:
    body = dumps(body_of(f"sim@{profile}", stream=stream))
    timeout = aiohttp.ClientTimeout(total=0.2)

    async with aiohttp.ClientSession(timeout=timeout) as impatient:
        with suppress(TimeoutError):
            async with impatient.post(f"{sim.url}{CHAT}", data=body) as response:
                await response.read()

    line = await only_record(sim)
    assert (line["outcome"], line["completion_tokens"]) == ("client_closed", 0)
    assert bool(line["prompt_tokens"]) is billed_prompt
    assert line["close_detected_ms"] is not None


@pytest.mark.requirement("provider-sim:hang-up")
async def test_an_abandoned_whole_answer_is_billed_for_what_was_generated(
    sim: SimulatorClient,
) -> None:
    body = dumps(body_of("sim@ttft=0,itl=10,tokens=10000", stream=False))
    timeout = aiohttp.ClientTimeout(total=0.3)

    async with aiohttp.ClientSession(timeout=timeout) as impatient:
        with pytest.raises(TimeoutError):
            await impatient.post(f"{sim.url}{CHAT}", data=body)

    line = await only_record(sim)
    expected = seconds(line, "started_s", "ended_s") / 0.010
    assert line["outcome"] == "client_closed"
    assert abs(int(str(line["completion_tokens"])) - expected) <= 3


@pytest.mark.requirement("provider-sim:faults")
@pytest.mark.parametrize(
    ("profile", "error"),
    [
        ("reset", aiohttp.ClientError),
        ("reset_after=2", aiohttp.ClientError),
        ("close_after=2", aiohttp.ClientPayloadError),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_dropped_connection_is_an_error_to_the_client(
    sim: SimulatorClient, profile: str, error: type[Exception], *, stream: bool
) -> None:
    with pytest.raises(error):
        await sim.text(CHAT, body_of(f"sim@{profile}", stream=stream))

    assert (await only_record(sim))["outcome"] == "faulted"


@pytest.mark.requirement("provider-sim:faults")
@pytest.mark.parametrize("profile", ["cut_after=3", "truncated"])
async def test_a_cut_stream_ends_cleanly_without_its_terminator(
    sim: SimulatorClient, profile: str
) -> None:
    raw = await sim.text(CHAT, body_of(f"sim@{profile}"))

    assert "[DONE]" not in raw
    assert '"finish_reason":"stop"' not in raw
    assert (await only_record(sim))["outcome"] == "faulted"


async def test_a_cut_body_is_no_json(sim: SimulatorClient) -> None:
    raw = await sim.text(CHAT, body_of("sim@cut_after=2", stream=False))

    with pytest.raises(json.JSONDecodeError):
        json.loads(raw)


@pytest.mark.requirement("provider-sim:faults")
async def test_a_mid_stream_error_comes_after_its_tokens(sim: SimulatorClient) -> None:
    raw = await sim.text(CHAT, body_of("sim@mid_error_after=2"))

    events = raw.strip().split("\n\n")
    assert len(events) == 4
    assert events[-1].startswith('data: {"error":{"message"')


@pytest.mark.requirement("provider-sim:faults")
@pytest.mark.parametrize("fault", ["split", "utf8_split"])
@pytest.mark.parametrize("stream", [True, False])
async def test_pieces_add_up_to_the_same_answer(
    sim: SimulatorClient, fault: str, *, stream: bool
) -> None:
    text = "Reply with exactly this text and nothing else: naïve 🦊"
    sizes: list[int] = []
    received = b""

    async with opened(sim, body_of(f"sim@{fault}", stream=stream, text=text)) as response:
        async for piece, _ in response.content.iter_chunks():
            sizes.append(len(piece))
            received += piece

    assert "🦊".encode() in received
    assert len(sizes) > 20
    assert (await only_record(sim))["outcome"] == "completed"


@pytest.mark.requirement("provider-sim:faults")
async def test_a_trickle_is_one_byte_a_second(sim: SimulatorClient) -> None:
    async with opened(sim, body_of("sim@trickle")) as response:
        first = await asyncio.wait_for(response.content.readany(), LIMIT_S)

    assert first == b"d"
    assert (await only_record(sim))["outcome"] == "client_closed"


@pytest.mark.requirement("provider-sim:faults")
async def test_an_endless_stream_goes_on_until_the_client_leaves(sim: SimulatorClient) -> None:
    text = "Reply with exactly this text and nothing else: x"

    async with opened(sim, body_of("sim@endless", text=text)) as response:
        received = b""
        while received.count(b'"content":"x"') < 20:
            received += await asyncio.wait_for(response.content.readany(), LIMIT_S)

    line = await only_record(sim)
    assert line["outcome"] == "client_closed"
    assert int(str(line["completion_tokens"])) >= 20


@pytest.mark.requirement("provider-sim:faults")
async def test_a_huge_event_and_a_malformed_one_are_really_sent(sim: SimulatorClient) -> None:
    huge = await sim.text(CHAT, body_of("sim@huge_event"))
    broken = await sim.text(CHAT, body_of("sim@malformed"))

    assert len(huge) > 10_000_000
    assert 'data: {"id": "broken\n\n' in broken
    assert broken.endswith("[DONE]\n\n")


async def test_an_empty_answer_is_a_whole_stream_without_text(sim: SimulatorClient) -> None:
    raw = await sim.text(CHAT, body_of("sim@empty"))

    assert '"finish_reason":"stop"' in raw
    assert (await only_record(sim))["completion_tokens"] == 0
