"""The Messages wire, read by the official SDK."""

import json

import pytest
from anthropic import AsyncAnthropic, BadRequestError
from anthropic.types import MessageParam, ToolParam

from provider_sim.json_types import JsonObject
from provider_sim.testing import SimulatorClient

ASK = "Reply with exactly this text and nothing else: PONG-1"
ERRAND = (
    'Call the tool named `get_weather` exactly once with these arguments: {"city":"Paris"} . '
    "After the tool result, reply with exactly: DONE-1"
)
CITY: dict[str, object] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER: ToolParam = {"name": "get_weather", "input_schema": CITY}
USER: JsonObject = {"role": "user", "content": "x"}
TOOL: JsonObject = {"name": "a", "input_schema": {"type": "object"}}
CALL: JsonObject = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "P"}}],
}
BALLOT: dict[str, object] = {
    "type": "object",
    "properties": {
        "ranking": {"type": "array", "items": {"type": "string"}},
        "approve": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["ranking", "approve"],
    "additionalProperties": False,
}
CANDIDATES = (
    '<candidate label="A1">\nI see it otherwise.\n</candidate>\n'
    '<candidate label="B2">\nPONG-1\n</candidate>'
)


def user(text: str) -> MessageParam:
    return {"role": "user", "content": text}


def reminders(*texts: str) -> list[dict[str, str]]:
    return [
        {"type": "text", "text": f"<system-reminder>\n{text}\n</system-reminder>"} for text in texts
    ]


async def text_of(claude: AsyncAnthropic, messages: list[object], **rest: object) -> str:
    body = {"model": "sim", "max_tokens": 500, "messages": messages, **rest}
    answer = await claude.post("/v1/messages", body=body, cast_to=dict[str, list[dict[str, str]]])
    return "".join(block.get("text", "") for block in answer["content"])


@pytest.mark.requirement("provider-sim:anthropic-wire")
async def test_a_plain_answer_has_envelope_and_usage(claude: AsyncAnthropic) -> None:
    answer = await claude.messages.create(
        model="claude-sim",
        max_tokens=100,
        system=[{"type": "text", "text": "Be literal."}],
        messages=[{"role": "user", "content": [{"type": "text", "text": ASK}]}],
    )

    assert answer.content[0].type == "text"
    assert answer.content[0].text == "PONG-1"
    assert (answer.stop_reason, answer.model) == ("end_turn", "claude-sim")
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens == 3


@pytest.mark.requirement("provider-sim:tool-errand")
async def test_the_tool_loop_ends_with_the_text(claude: AsyncAnthropic) -> None:
    called = await claude.messages.create(
        model="sim", max_tokens=100, messages=[user(ERRAND)], tools=[WEATHER]
    )
    call = called.content[-1]
    assert call.type == "tool_use"
    final = await claude.messages.create(
        model="sim",
        max_tokens=100,
        tools=[WEATHER],
        messages=[
            user(ERRAND),
            called.to_param(),
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "18C"}],
            },
        ],
    )

    assert (called.stop_reason, call.name, call.input) == (
        "tool_use",
        "get_weather",
        {"city": "Paris"},
    )
    assert final.content[0].type == "text"
    assert final.content[0].text == "DONE-1"


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "get_weather"}])
async def test_a_forced_tool_is_called(claude: AsyncAnthropic, choice: object) -> None:
    answer = await claude.messages.create(
        model="sim",
        max_tokens=100,
        messages=[user("Hello.")],
        tools=[WEATHER],
        tool_choice=choice,  # pyright: ignore[reportArgumentType]
    )

    assert [block.type for block in answer.content] == ["tool_use"]


@pytest.mark.requirement("provider-sim:ballot")
async def test_a_reminder_behind_the_users_words_is_the_panels(claude: AsyncAnthropic) -> None:
    content = [{"type": "text", "text": ASK}, *reminders("You dissent.", f"Judge.\n{CANDIDATES}")]
    schema = {"format": {"type": "json_schema", "schema": BALLOT}}

    ballot = await text_of(claude, [{"role": "user", "content": content}], output_config=schema)
    dissent = await text_of(claude, [{"role": "user", "content": content[:2]}])
    in_place = await text_of(
        claude, [{"role": "user", "content": ASK}, {"role": "system", "content": "You dissent."}]
    )

    assert json.loads(ballot) == {"ranking": ["B2", "A1"], "approve": ["B2"]}
    assert "PONG-1" not in dissent
    assert dissent == in_place


@pytest.mark.requirement("provider-sim:value-from-conversation")
async def test_pictures_documents_and_results_are_read(claude: AsyncAnthropic) -> None:
    question = "What is the value of BOX-3? Answer only from this conversation."
    source = {"type": "text", "media_type": "text/plain", "data": "BOX-3 is K7."}
    picture = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}

    from_document = await text_of(
        claude,
        [
            {
                "role": "user",
                "content": [
                    picture,
                    {"type": "document", "source": source},
                    {"type": "text", "text": question},
                ],
            }
        ],
    )
    result: JsonObject = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "text", "text": "BOX-3 is Q9."}],
    }
    from_result = await text_of(
        claude,
        [
            USER,
            CALL,
            {"role": "user", "content": [result, {"type": "text", "text": question}]},
        ],
        tools=[WEATHER],
    )

    assert (from_document, from_result) == ("K7", "Q9")


async def test_tokens_are_counted_without_an_answer(claude: AsyncAnthropic) -> None:
    counted = await claude.messages.count_tokens(model="sim", messages=[user(ASK)])
    answer = await claude.messages.create(model="sim", max_tokens=9, messages=[user(ASK)])

    assert counted.input_tokens == answer.usage.input_tokens


@pytest.mark.requirement("provider-sim:usage")
async def test_only_what_stands_before_a_breakpoint_is_cached(
    claude: AsyncAnthropic, sim: SimulatorClient
) -> None:
    marked = {"type": "ephemeral"}
    parts = [{"type": "text", "text": "word " * 3_000, "cache_control": marked}]

    async def usage(content: object) -> tuple[int, int]:
        answer = await claude.messages.create(
            model="sim",
            max_tokens=5,
            messages=[{"role": "user", "content": content}],  # pyright: ignore[reportArgumentType]
        )
        used = answer.usage
        return used.cache_read_input_tokens or 0, used.cache_creation_input_tokens or 0

    first = await usage([*parts, *reminders("You are Ada.")])
    second = await usage([*parts, *reminders("You are Bob.")])
    unmarked = await usage("word " * 3_000)
    records = await sim.record()

    assert (first, second, unmarked) == ((0, 2_048), (2_048, 0), (0, 0))
    assert [record["cached_tokens"] for record in records] == [0, 2_048, 0]
    assert records[0]["cache_write_tokens"] == 2_048


REFUSED: list[tuple[JsonObject, str]] = [
    ({"max_tokens": None}, "max_tokens"),
    ({"messages": []}, "messages"),
    ({"messages": [CALL]}, 'use the "user" role'),
    ({"messages": [USER, {"role": "assistant", "content": "x"}]}, "prefill"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, "role"),
    ({"messages": [{"role": "user", "content": ""}]}, "non-empty"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": " "}]}]}, "whitespace"),
    ({"messages": [{"role": "user", "content": 5}]}, "content"),
    ({"messages": [USER, CALL, USER]}, "without `tool_result`"),
    ({"messages": [USER, {"role": "system", "content": "y"}, USER]}, "system message"),
    (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "t9", "content": "x"}],
                }
            ]
        },
        "unexpected `tool_use_id`",
    ),
    ({"tools": [{"name": "a.b", "input_schema": {"type": "object"}}]}, "pattern"),
    ({"tools": [{"name": "a", "input_schema": {}}]}, "object"),
    ({"tools": [TOOL, TOOL]}, "unique"),
    ({"tool_choice": {"type": "any"}}, "tools"),
    ({"temperature": 1.5}, "temperature"),
    ({"stop_sequences": [" "]}, "stop_sequences"),
    ({"seed": 5}, "seed"),
    ({"thinking": {"type": "enabled", "budget_tokens": 2_000}}, "budget_tokens"),
    (
        {
            "thinking": {"type": "adaptive"},
            "tools": [{"name": "a", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "any"},
        },
        "Thinking may not",
    ),
    (
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        "additionalProperties",
    ),
]


@pytest.mark.requirement("provider-sim:strict")
@pytest.mark.parametrize(("change", "said"), REFUSED)
async def test_what_the_vendor_refuses_is_refused(
    claude: AsyncAnthropic, change: JsonObject, said: str
) -> None:
    body: JsonObject = {"model": "sim", "max_tokens": 100, "messages": [USER], **change}

    with pytest.raises(BadRequestError) as caught:
        await claude.post("/v1/messages", body=body, cast_to=object)

    assert caught.value.type == "invalid_request_error"
    assert said in str(caught.value)


@pytest.mark.requirement("provider-sim:strict")
async def test_todays_models_refuse_sampling_parameters(claude: AsyncAnthropic) -> None:
    body: JsonObject = {"max_tokens": 9, "messages": [USER], "temperature": 0.5}

    older = await claude.post("/v1/messages", body={**body, "model": "sim"}, cast_to=object)
    with pytest.raises(BadRequestError, match="temperature"):
        await claude.post("/v1/messages", body={**body, "model": "claude-x"}, cast_to=object)

    assert older


@pytest.mark.requirement("provider-sim:context-window")
async def test_a_prompt_above_the_window_is_refused_in_the_vendors_words(
    claude: AsyncAnthropic,
) -> None:
    with pytest.raises(BadRequestError, match=r"prompt is too long: \d+ tokens > 50 maximum"):
        await claude.messages.create(
            model="sim@window=50", max_tokens=9, messages=[user("word " * 200)]
        )
