"""The compaction endpoint, read by the official SDK."""

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, BadRequestError

from provider_sim.json_types import Json, JsonObject
from provider_sim.settings import Settings
from provider_sim.testing import SimulatorClient, running_client

COMPACT = "/v1/responses/compact"
TALK: Json = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": "Look up BOX-3."},
    {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
    {
        "type": "function_call_output",
        "call_id": "c1",
        "output": "BOX-3 is K7QX. " + "filler " * 500,
    },
    {"role": "assistant", "content": "Done with it."},
    {"role": "user", "content": [{"type": "input_text", "text": "Thanks."}]},
]
QUESTION: JsonObject = {
    "role": "user",
    "content": "What is the value of BOX-3? Answer only from this conversation.",
}


def output_of(answer: JsonObject) -> list[JsonObject]:
    listed = answer["output"]
    assert isinstance(listed, list)
    return [item for item in listed if isinstance(item, dict)]


@pytest.mark.requirement("provider-sim:native-compaction")
async def test_messages_stay_and_the_rest_becomes_one_item(
    sdk: AsyncOpenAI, sim: SimulatorClient
) -> None:
    answer = await sdk.responses.compact(
        model="sim",
        input=TALK,  # pyright: ignore[reportArgumentType]
    )
    [record] = await sim.record()
    output = output_of((await sim.post(COMPACT, {"model": "sim", "input": TALK}))[1])

    kinds = [item.type for item in answer.output]
    assert answer.object == "response.compaction"
    assert kinds == ["message", "message", "message", "compaction"]
    assert [item["role"] for item in output[:3]] == ["developer", "user", "user"]
    assert output[2]["content"] == [{"type": "input_text", "text": "Thanks."}]
    assert "K7QX" not in str(output)
    assert answer.usage.input_tokens == record["prompt_tokens"]
    assert (record["kind"], record["completion_tokens"]) == ("compact", answer.usage.output_tokens)


@pytest.mark.requirement("provider-sim:native-compaction")
async def test_an_item_goes_on_being_known(sim: SimulatorClient) -> None:
    _, first = await sim.post(COMPACT, {"model": "sim", "input": TALK})
    _, second = await sim.post(COMPACT, {"model": "sim", "input": [*output_of(first)]})
    asked: list[Json] = [*output_of(second), QUESTION]

    _, answer = await sim.post("/v1/responses", {"model": "sim", "input": asked})
    _, counted = await sim.post("/v1/responses/input_tokens", {"model": "sim", "input": asked})
    _, before = await sim.post("/v1/responses/input_tokens", {"model": "sim", "input": TALK})

    assert [item["type"] for item in output_of(second)].count("compaction") == 1
    assert "K7QX" in str(output_of(answer))
    assert isinstance(counted["input_tokens"], int)
    assert isinstance(before["input_tokens"], int)
    assert counted["input_tokens"] < before["input_tokens"] / 4


async def test_another_organisation_cannot_open_it(sim: SimulatorClient) -> None:
    _, compacted = await sim.post(COMPACT, {"model": "sim", "input": TALK})

    async with running_client(Settings(port=0, seed=1)) as elsewhere:
        body: JsonObject = {"model": "sim", "input": [*output_of(compacted), QUESTION]}
        status, answer = await elsewhere.post("/v1/responses", body)

    assert status == 400
    assert "invalid_encrypted_content" in str(answer)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"input": TALK}, "missing_required_parameter"),
        ({"model": "sim"}, "missing_required_parameter"),
        ({"model": "sim", "previous_response_id": "resp_1"}, "previous_response_not_found"),
        ({"model": "sim@window=50", "input": "word " * 90}, "context_length_exceeded"),
    ],
)
async def test_what_the_vendor_refuses_is_refused(
    sdk: AsyncOpenAI, body: JsonObject, code: str
) -> None:
    with pytest.raises(BadRequestError) as caught:
        await sdk.post("/responses/compact", body=body, cast_to=object)

    assert caught.value.code == code


@pytest.mark.requirement("provider-sim:faults")
async def test_a_rule_takes_the_feature_away(sim: SimulatorClient) -> None:
    await sim.add_rules({"match": {"kind": "compact"}, "profile": {"fault": 404}})

    status, _ = await sim.post(COMPACT, {"model": "sim", "input": TALK})
    other, _ = await sim.post("/v1/responses", {"model": "sim", "input": "hi"})

    assert (status, other) == (404, 200)


async def test_azure_has_the_door_too(sim: SimulatorClient) -> None:
    async with AsyncAzureOpenAI(
        azure_endpoint=sim.url, api_key="k", api_version="2025-04-01-preview", max_retries=0
    ) as azure:
        answer = await azure.responses.compact(model="my-gpt", input="Hello.")

    assert [item.type for item in answer.output] == ["message", "compaction"]
