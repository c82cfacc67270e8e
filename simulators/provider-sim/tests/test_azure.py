"""Azure's doors, read by the official SDK."""

from collections.abc import AsyncGenerator

import pytest
from openai import (
    AsyncAzureOpenAI,
    AsyncOpenAI,
    BadRequestError,
    NotFoundError,
    RateLimitError,
)

from provider_sim.json_types import JsonObject, object_at
from provider_sim.testing import SimulatorClient

ASK = "Reply with exactly this text and nothing else: PONG-1"
VERSION = "2024-10-21"


@pytest.fixture
async def azure(sim: SimulatorClient) -> AsyncGenerator[AsyncAzureOpenAI]:
    async with AsyncAzureOpenAI(
        azure_endpoint=sim.url, api_key="k", api_version=VERSION, max_retries=0
    ) as client:
        yield client


@pytest.mark.requirement("provider-sim:azure-wire")
async def test_the_path_names_the_deployment(azure: AsyncAzureOpenAI, sim: SimulatorClient) -> None:
    answer = await azure.chat.completions.create(
        model="my-gpt", messages=[{"role": "user", "content": ASK}]
    )
    vectors = await azure.embeddings.create(model="my-embed", input="hello")
    records = await sim.record()

    assert answer.choices[0].message.content == "PONG-1"
    assert answer.model == "my-gpt"
    assert "prompt_filter_results" in answer.to_dict()
    assert vectors.data
    assert [(record["model"], record["dialect"]) for record in records] == [
        ("my-gpt", "azure_chat"),
        ("my-embed", "openai_embeddings"),
    ]
    assert str(records[0]["path"]).endswith("/openai/deployments/my-gpt/chat/completions")


@pytest.mark.requirement("provider-sim:azure-wire")
async def test_a_stream_opens_with_the_filters_verdict(azure: AsyncAzureOpenAI) -> None:
    stream = await azure.chat.completions.create(
        model="my-gpt",
        messages=[{"role": "user", "content": ASK}],
        stream=True,
        stream_options={"include_usage": True},
    )

    chunks = [chunk async for chunk in stream]

    assert (chunks[0].id, chunks[0].choices) == ("", [])
    text = "".join(c.delta.content or "" for chunk in chunks for c in chunk.choices)
    assert text == "PONG-1"
    assert chunks[-1].usage is not None


async def test_the_v1_doors_need_no_version(sim: SimulatorClient) -> None:
    async with AsyncOpenAI(
        base_url=f"{sim.url}/p/ttft=1/openai/v1", api_key="k", max_retries=0
    ) as sdk:
        answer = await sdk.responses.create(model="my-gpt", input=ASK)
        models = [model.id async for model in sdk.models.list()]

    assert answer.output_text == "PONG-1"
    assert "sim" in models


async def test_a_dated_door_needs_its_version(sim: SimulatorClient) -> None:
    path = "/openai/deployments/d/chat/completions"
    body: JsonObject = {"messages": [{"role": "user", "content": "x"}]}

    missing, answer = await sim.post(path, body)
    wrong, _ = await sim.post(f"{path}?api-version=yesterday", body)
    right, _ = await sim.post(f"{path}?api-version={VERSION}", body)

    assert (missing, wrong, right) == (404, 404, 200)
    assert object_at(answer, "error") == {"code": "404", "message": "Resource not found"}


@pytest.mark.requirement("provider-sim:faults")
async def test_faults_have_azures_words(azure: AsyncAzureOpenAI) -> None:
    async def fail(fault: str) -> object:
        await azure.chat.completions.create(
            model=f"gpt@fault={fault}", messages=[{"role": "user", "content": "x"}]
        )

    with pytest.raises(RateLimitError) as limited:
        await fail("429")
    with pytest.raises(NotFoundError) as unknown:
        await fail("404")
    with pytest.raises(BadRequestError) as filtered:
        await fail("content_filter_400")
    with pytest.raises(BadRequestError) as overflow:
        await fail("context_overflow")

    assert (limited.value.code, unknown.value.code) == ("429", "DeploymentNotFound")
    assert (filtered.value.code, filtered.value.param) == ("content_filter", "prompt")
    assert overflow.value.code == "context_length_exceeded"
