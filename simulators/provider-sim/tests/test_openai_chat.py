"""The Chat Completions wire, read by the official SDK."""

import json

import pytest
from openai import AsyncOpenAI, BadRequestError
from openai.types.chat import ChatCompletionChunk

from provider_sim.json_types import Json, JsonObject, loads, object_at
from provider_sim.testing import SimulatorClient

ASK = "Reply with exactly this text and nothing else: PONG-1"
ERRAND = (
    'Call the tool named `get_weather` exactly once with these arguments: {"city":"Paris"} . '
    "After the tool result, reply with exactly: DONE-1"
)
USER: JsonObject = {"role": "user", "content": "x"}
CITY: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER: JsonObject = {"type": "function", "function": {"name": "get_weather", "parameters": CITY}}
CALL: JsonObject = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
        }
    ],
}


async def chunks_of(sdk: AsyncOpenAI, text: str, **rest: object) -> list[ChatCompletionChunk]:
    stream = await sdk.chat.completions.create(  # pyright: ignore[reportCallIssue, reportUnknownVariableType]
        model="sim",
        messages=[{"role": "user", "content": text}],
        stream=True,
        **rest,  # pyright: ignore[reportArgumentType]
    )
    return [chunk async for chunk in stream]  # pyright: ignore[reportUnknownVariableType]


@pytest.mark.requirement("provider-sim:chat-wire")
async def test_a_plain_answer_has_envelope_and_usage(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(
        model="sim",
        messages=[
            {"role": "developer", "content": "Be literal."},
            {"role": "user", "content": [{"type": "text", "text": ASK}]},
        ],
    )

    assert answer.choices[0].message.content == "PONG-1"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.id.startswith("chatcmpl-")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id is not None
    assert answer._request_id.startswith("req_sim_")


@pytest.mark.requirement("provider-sim:chat-wire")
async def test_a_stream_begins_with_the_role_and_ends_with_usage_if_asked(sdk: AsyncOpenAI) -> None:
    plain = await chunks_of(sdk, ASK)
    counted = await chunks_of(sdk, ASK, stream_options={"include_usage": True})

    assert plain[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in plain) == "PONG-1"
    assert plain[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in plain)
    assert len({chunk.id for chunk in plain}) == 1
    assert counted[-1].choices == []
    assert counted[-1].usage is not None
    assert all("usage" in chunk.model_fields_set for chunk in counted)


async def test_every_token_has_its_chunk_and_usage_counts_them(sdk: AsyncOpenAI) -> None:
    chunks = await chunks_of(sdk, "Why so?", stream_options={"include_usage": True})

    usage = chunks[-1].usage
    assert usage is not None
    assert usage.completion_tokens == sum(
        bool(chunk.choices and chunk.choices[0].delta.content) for chunk in chunks
    )


@pytest.mark.requirement("provider-sim:tool-errand")
async def test_the_streamed_tool_loop_ends_with_the_text(sdk: AsyncOpenAI) -> None:
    messages: list[Json] = [{"role": "user", "content": ERRAND}]

    async with sdk.chat.completions.stream(
        model="sim",
        messages=messages,  # pyright: ignore[reportArgumentType]
        tools=[WEATHER],  # pyright: ignore[reportArgumentType]
    ) as stream:
        called = (await stream.get_final_completion()).choices[0]
    calls = called.message.tool_calls
    assert calls is not None
    messages += [
        loads(called.message.model_dump_json(exclude_none=True, exclude={"parsed"})),
        dict[str, Json](role="tool", tool_call_id=calls[0].id, content="18C"),
    ]
    final = await sdk.chat.completions.create(
        model="sim",
        messages=messages,  # pyright: ignore[reportArgumentType]
        tools=[WEATHER],  # pyright: ignore[reportArgumentType]
    )

    assert called.finish_reason == "tool_calls"
    assert json.loads(calls[0].function.arguments) == {"city": "Paris"}
    assert final.choices[0].message.content == "DONE-1"


async def test_id_and_name_of_a_streamed_call_come_once(sdk: AsyncOpenAI) -> None:
    chunks = await chunks_of(sdk, ERRAND, tools=[WEATHER])

    deltas = [d for c in chunks for d in (c.choices[0].delta.tool_calls or [])]
    assert chunks[0].choices[0].delta.content is None
    assert [delta.index for delta in deltas] == [0] * len(deltas)
    assert len([delta for delta in deltas if delta.id]) == 1
    assert len([d for d in deltas if d.function and d.function.name]) == 1


async def test_custom_tools_take_free_text(sim: SimulatorClient) -> None:
    body: JsonObject = {
        "model": "sim",
        "messages": [{"role": "user", "content": ERRAND}],
        "tools": [{"type": "custom", "custom": {"name": "get_weather"}}],
    }

    _, answer = await sim.post("/v1/chat/completions", body)
    streamed = await sim.text("/v1/chat/completions", {**body, "stream": True})

    assert '"custom":{"name":"get_weather","input":"{\\"city\\":\\"Paris\\"}"}' in json.dumps(
        answer, separators=(",", ":")
    )
    assert '"custom":{"name":"get_weather","input":""}' in streamed


async def test_legacy_functions_are_answered_in_their_form(sim: SimulatorClient) -> None:
    body: JsonObject = {
        "model": "sim",
        "messages": [{"role": "user", "content": ERRAND}],
        "functions": [{"name": "get_weather", "parameters": CITY}],
    }

    _, answer = await sim.post("/v1/chat/completions", body)
    streamed = await sim.text("/v1/chat/completions", {**body, "stream": True})

    assert answer["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "annotations": [],
                "function_call": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
            },
            "logprobs": None,
            "finish_reason": "function_call",
        }
    ]
    assert '"finish_reason":"function_call"' in streamed


async def test_choices_are_numbered_and_streamed_side_by_side(sdk: AsyncOpenAI) -> None:
    chunks = await chunks_of(sdk, "Why so?", n=3)

    texts = {
        index: "".join(
            choice.delta.content or ""
            for chunk in chunks
            for choice in chunk.choices
            if choice.index == index
        )
        for index in range(3)
    }
    assert len(set(texts.values())) == 3
    assert sum(bool(c.choices and c.choices[0].finish_reason) for c in chunks) == 3


async def test_log_probabilities_mirror_the_text(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(
        model="sim", messages=[{"role": "user", "content": ASK}], logprobs=True, top_logprobs=2
    )
    chunks = await chunks_of(sdk, ASK, logprobs=True)

    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert "".join(item.token for item in logprobs.content) == "PONG-1"
    likeliest = [[top.token for top in item.top_logprobs] for item in logprobs.content]
    assert likeliest == [[item.token, f"{item.token}1"] for item in logprobs.content]
    streamed = [c.choices[0].logprobs for c in chunks if c.choices[0].logprobs]
    assert [part.content[0].token for part in streamed if part.content] == [
        item.token for item in logprobs.content
    ]


async def test_a_reasoning_model_streams_its_thoughts_first(sim: SimulatorClient) -> None:
    body: JsonObject = {"model": "sim-reason", "messages": [{"role": "user", "content": ASK}]}

    _, answer = await sim.post("/v1/chat/completions", body)
    streamed = await sim.text("/v1/chat/completions", {**body, "stream": True})

    usage = object_at(answer, "usage")
    reasoning = object_at(usage, "completion_tokens_details")["reasoning_tokens"]
    assert isinstance(reasoning, int)
    assert 0 < reasoning < int(str(usage["completion_tokens"]))
    assert streamed.rindex("reasoning_content") < streamed.index('"content":"P')


async def test_a_token_limit_ends_the_answer_with_length(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(
        model="sim",
        messages=[{"role": "user", "content": "Why so?"}],
        max_tokens=9,
        max_completion_tokens=3,
    )

    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


async def test_awkward_but_legal_messages_are_read(sim: SimulatorClient) -> None:
    messages: list[Json] = [
        {"role": "system", "content": [{"type": "text", "text": "One."}]},
        {"role": "system", "content": "Two."},
        USER,
        {"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": None},
        USER,
        {**CALL, "content": ""},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "18C"}]},
        {"role": "developer", "content": "Late."},
        {"role": "user", "name": "bob", "content": ASK},
    ]

    status, answer = await sim.post(
        "/v1/chat/completions",
        {"model": "sim", "messages": messages, "stream": None, "tools": None, "unheard": 1},
    )

    assert status == 200
    assert "PONG-1" in str(answer)


def with_messages(*messages: Json) -> JsonObject:
    return {"messages": list(messages)}


REFUSED: list[tuple[JsonObject, str | None, str | None]] = [
    ({"model": None}, "model", "missing_required_parameter"),
    ({"messages": None}, "messages", "missing_required_parameter"),
    ({"messages": []}, "messages", "empty_array"),
    ({"messages": "hi"}, "messages", "invalid_type"),
    (with_messages("hi"), "messages[0]", "invalid_type"),
    (with_messages({"role": "wizard", "content": "x"}), "messages[0].role", "invalid_value"),
    (with_messages({"role": "user"}), "messages[0].content", "invalid_type"),
    (with_messages({"role": "user", "content": 5}), "messages[0].content", "invalid_type"),
    (
        with_messages({"role": "user", "content": [{"type": "video"}]}),
        "messages[0].content[0].type",
        "invalid_value",
    ),
    (with_messages(USER, CALL), "messages.[2].role", None),
    (with_messages(USER, CALL, USER), "messages.[2].role", None),
    (
        with_messages({"role": "tool", "tool_call_id": "c1", "content": "18C"}),
        "messages.[0].role",
        None,
    ),
    ({"temperature": 9}, "temperature", "decimal_above_max_value"),
    ({"top_p": -1}, "top_p", "decimal_below_min_value"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "array_above_max_length"),
    ({"stream": "yes"}, "stream", "invalid_type"),
    ({"stream_options": {"include_usage": True}}, "stream_options", None),
    ({"top_logprobs": 3}, "top_logprobs", None),
    ({"tools": [{"type": "magic"}]}, "tools[0].type", "invalid_value"),
    (
        {"tools": [{"type": "function", "function": {"name": "a b"}}]},
        "tools[0].function.name",
        "invalid_value",
    ),
    ({"tool_choice": "required"}, "tool_choice", None),
    ({"tool_choice": "must"}, "tool_choice", "invalid_value"),
    (
        {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "gone"}}},
        "tool_choice",
        None,
    ),
    ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
        "response_format.json_schema.name",
        "missing_required_parameter",
    ),
    (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "strict": True, "schema": {"type": "object"}},
            }
        },
        "response_format",
        "invalid_json_schema",
    ),
]


@pytest.mark.requirement("provider-sim:strict")
@pytest.mark.parametrize(("change", "param", "code"), REFUSED)
async def test_what_a_vendor_refuses_is_refused(
    sdk: AsyncOpenAI, change: JsonObject, param: str | None, code: str | None
) -> None:
    body: JsonObject = {"model": "sim", "messages": [USER], **change}

    with pytest.raises(BadRequestError) as caught:
        await sdk.post("/chat/completions", body=body, cast_to=object)

    assert (caught.value.param, caught.value.code) == (param, code)
