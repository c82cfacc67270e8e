"""The Responses wire, read by the official SDK."""

import json

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

from provider_sim.json_types import Json, JsonObject
from provider_sim.testing import SimulatorClient

ASK = "Reply with exactly this text and nothing else: PONG-1"
ERRAND = (
    'Call the tool named `get_weather` exactly once with these arguments: {"city":"Paris"} . '
    "After the tool result, reply with exactly: DONE-1"
)
CITY: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER: JsonObject = {"type": "function", "name": "get_weather", "parameters": CITY}
CALL: JsonObject = {
    "type": "function_call",
    "call_id": "c1",
    "name": "get_weather",
    "arguments": '{"city":"Paris"}',
}
ALWAYS_PRESENT = frozenset(
    {
        "id", "object", "created_at", "completed_at", "status", "incomplete_details", "model",
        "previous_response_id", "instructions", "output", "error", "tools", "tool_choice",
        "truncation", "parallel_tool_calls", "text", "top_p", "presence_penalty",
        "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage",
        "max_output_tokens", "max_tool_calls", "store", "background", "service_tier", "metadata",
        "safety_identifier", "prompt_cache_key",
    }
)  # fmt: skip


@pytest.mark.requirement("provider-sim:responses-wire")
async def test_a_plain_answer_has_every_key(sdk: AsyncOpenAI, sim: SimulatorClient) -> None:
    answer = await sdk.responses.create(model="sim", input=ASK, instructions="Be literal.")
    _, raw = await sim.post("/v1/responses", {"model": "sim", "input": ASK, "tools": [WEATHER]})

    assert answer.output_text == "PONG-1"
    assert answer.status == "completed"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert set(raw) >= ALWAYS_PRESENT
    assert raw["tools"] == [{"description": None, "strict": None, **WEATHER}]


async def test_items_of_every_usual_kind_are_read(sdk: AsyncOpenAI) -> None:
    answer = await sdk.responses.create(
        model="sim",
        input=[
            {"role": "developer", "content": "Be literal."},
            {"type": "message", "role": "user", "content": "BOX-3 is K7."},
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Noted.", "annotations": []}],
            },
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {
                "role": "user",
                "content": [
                    {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
                    {
                        "type": "input_text",
                        "text": "What is the value of BOX-3? Answer only from this conversation.",
                    },
                ],
            },
        ],
    )

    assert answer.output_text == "K7"


@pytest.mark.requirement("provider-sim:tool-errand")
async def test_the_stateless_tool_loop_ends_with_the_text(sdk: AsyncOpenAI) -> None:
    asked: JsonObject = {"role": "user", "content": ERRAND}

    called = await sdk.responses.create(
        model="sim",
        input=[asked],  # pyright: ignore[reportArgumentType]
        tools=[WEATHER, {"type": "web_search"}],  # pyright: ignore[reportArgumentType]
    )
    call = called.output[0]
    assert call.type == "function_call"
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "18C"}
    final = await sdk.responses.create(
        model="sim",
        input=[asked, call.to_dict(), result],  # pyright: ignore[reportArgumentType]
        tools=[WEATHER],  # pyright: ignore[reportArgumentType]
    )

    assert json.loads(call.arguments) == {"city": "Paris"}
    assert final.output_text == "DONE-1"


async def test_a_namespaced_tool_is_called_with_its_namespace(sim: SimulatorClient) -> None:
    tools: Json = [{"type": "namespace", "name": "weather", "description": "", "tools": [WEATHER]}]

    _, answer = await sim.post(
        "/v1/responses", {"model": "sim", "input": ERRAND, "tools": tools, "stream": False}
    )

    assert isinstance(answer["output"], list)
    call = answer["output"][0]
    assert isinstance(call, dict)
    assert (call["name"], call["namespace"]) == ("get_weather", "weather")


async def test_an_answer_fits_the_users_schema(sdk: AsyncOpenAI) -> None:
    answer = await sdk.responses.create(
        model="sim",
        input="Where?",
        text={
            "format": {
                "type": "json_schema",
                "name": "x",
                "schema": dict[str, object](CITY),
                "strict": True,
            }
        },
    )

    assert set(json.loads(answer.output_text)) == {"city"}


async def test_a_token_limit_leaves_the_answer_incomplete(sdk: AsyncOpenAI) -> None:
    answer = await sdk.responses.create(model="sim", input="Why so?", max_output_tokens=16)

    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


async def test_tokens_are_counted_without_an_answer(sdk: AsyncOpenAI) -> None:
    counted = await sdk.responses.input_tokens.count(model="sim", input=ASK)
    answer = await sdk.responses.create(model="sim", input=ASK)

    assert answer.usage is not None
    assert counted.input_tokens == answer.usage.input_tokens


async def test_nothing_is_stored(sdk: AsyncOpenAI) -> None:
    answer = await sdk.responses.create(model="sim", input=ASK)

    with pytest.raises(NotFoundError):
        await sdk.responses.retrieve(answer.id)


REFUSED: list[tuple[JsonObject, str | None, str | None]] = [
    ({"input": None}, "input", "missing_required_parameter"),
    ({"input": 5}, "input", "invalid_type"),
    ({"input": []}, "input", "empty_array"),
    ({"input": [{"role": "wizard", "content": "x"}]}, "input[0].role", "invalid_value"),
    (
        {"input": [{"role": "user", "content": [{"type": "smell"}]}]},
        "input[0].content[0].type",
        "invalid_value",
    ),
    (
        {"input": [{"type": "function_call_output", "call_id": "c9", "output": "x"}]},
        "input",
        None,
    ),
    ({"input": [CALL, {"type": "compaction_trigger"}]}, "input", None),
    (
        {"input": [{"type": "compaction", "encrypted_content": "x"}]},
        "input",
        "invalid_encrypted_content",
    ),
    ({"previous_response_id": "r"}, "previous_response_id", "previous_response_not_found"),
    ({"background": True}, "background", "unsupported_parameter"),
    ({"max_output_tokens": 2}, "max_output_tokens", "integer_below_min_value"),
    ({"text": {"format": {"type": "xml"}}}, "text.format.type", "invalid_value"),
    (
        {"tools": [{**WEATHER, "strict": True, "parameters": {"type": "object"}}]},
        "tools[0].parameters",
        "invalid_function_parameters",
    ),
]


@pytest.mark.requirement("provider-sim:strict")
@pytest.mark.parametrize(("change", "param", "code"), REFUSED)
async def test_what_a_vendor_refuses_is_refused(
    sdk: AsyncOpenAI, change: JsonObject, param: str | None, code: str | None
) -> None:
    body: JsonObject = {"model": "sim", "input": "x", **change}

    with pytest.raises(BadRequestError) as caught:
        await sdk.post("/responses", body=body, cast_to=object)

    assert (caught.value.param, caught.value.code) == (param, code)
