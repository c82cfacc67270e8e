"""The legacy Completions wire."""

import pytest
from openai import AsyncOpenAI, BadRequestError

from provider_sim.testing import SimulatorClient

ASK = "Reply with exactly this text and nothing else: PONG-1"


async def test_a_prompt_is_answered_whole_and_streamed(sdk: AsyncOpenAI) -> None:
    answer = await sdk.completions.create(model="sim", prompt=ASK, n=2)
    stream = await sdk.completions.create(
        model="sim", prompt=[ASK], stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    assert [choice.text for choice in answer.choices] == ["PONG-1", "PONG-1"]
    assert "".join(c.choices[0].text for c in chunks if c.choices) == "PONG-1"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None


async def test_answers_are_short_by_default_and_may_repeat_the_prompt(sdk: AsyncOpenAI) -> None:
    answer = await sdk.completions.create(model="sim", prompt="Why so?", echo=True)

    assert answer.choices[0].text.startswith("Why so?")
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 16


async def test_several_prompts_are_refused(sdk: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError, match="one prompt"):
        await sdk.completions.create(model="sim", prompt=["a", "b"])


async def test_the_record_calls_it_a_completion(sim: SimulatorClient) -> None:
    await sim.post("/v1/completions", {"model": "sim", "prompt": ASK})

    assert [line["kind"] for line in await sim.record()] == ["completion"]
