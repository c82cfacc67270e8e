"""What published conformance suites and agents send, by every way an answer is made.

The cases are those of Open Responses and of ogx's integration tests, in our own words; streams are
read by a reader that forgives nothing.
"""

import http.client
import json
from typing import Any

import openai
import pytest

from tests.scenes.responses import strict, texts
from tests.system.platform_process import Platform

pytestmark = pytest.mark.requirement("system:conformance")

EXACTLY = "Reply with exactly this text and nothing else: "
# Passed through, translated to chat and to another vendor's dialect, run.
MODELS = ["sim-responses", "gpt-sim", "claude-sim", "council"]
WEATHER = "What's the weather and the time like in San Francisco?"
PLACE: dict[str, Any] = {
    "type": "object",
    "properties": {"location": {"type": "string", "description": "City and country"}},
    "required": ["location"],
    "additionalProperties": False,
}
TOOLS: list[Any] = [
    {"type": "function", "name": "get_weather", "description": "Weather", "parameters": PLACE},
    {"type": "function", "name": "get_time", "parameters": PLACE, "strict": True},
]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhg"
    "GAWjR9awAAAABJRU5ErkJggg=="
)


def asked(running: Platform, **body: object) -> dict[str, Any]:
    """The whole response at the end of a stream that kept every rule."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    headers = {"authorization": f"Bearer {running.api_key}", "content-type": "application/json"}
    try:
        connection.request("POST", "/v1/responses", json.dumps({"stream": True, **body}), headers)
        answer = connection.getresponse()
        stream = answer.read()
    finally:
        connection.close()
    assert answer.status == 200, stream
    events = strict(stream)
    whole: dict[str, Any] = events[-1]["response"]
    assert texts(events) == text_of(whole)
    return whole


def text_of(response: dict[str, Any]) -> str:
    parts = [part for item in response["output"] for part in item.get("content", [])]
    return "".join(part["text"] for part in parts if part["type"] == "output_text")


def calls_of(response: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in response["output"] if item["type"] == "function_call"]


def output_of(call: dict[str, Any], text: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call["call_id"], "output": text}


@pytest.mark.parametrize("model", MODELS)
def test_tools_that_a_question_needs_are_called_side_by_side(running: Platform, model: str):
    first = asked(running, model=model, input=WEATHER, tools=TOOLS)
    calls = calls_of(first)
    results = [output_of(call, f"{call['name']} says fine") for call in reversed(calls)]
    last = asked(running, model=model, tools=TOOLS, previous_response_id=first["id"], input=results)

    assert [(call["name"], json.loads(call["arguments"])) for call in calls] == [
        ("get_weather", {"location": "San Francisco"}),
        ("get_time", {"location": "San Francisco"}),
    ]
    assert "get_weather says fine" in text_of(last)
    assert "get_time says fine" in text_of(last)


@pytest.mark.parametrize("model", MODELS)
def test_one_at_a_time_is_one(running: Platform, model: str):
    body = asked(running, model=model, input=WEATHER, tools=TOOLS, parallel_tool_calls=False)

    assert (len(calls_of(body)), body["parallel_tool_calls"]) == (1, False)


@pytest.mark.parametrize("model", MODELS)
def test_a_replay_in_any_order_with_foreign_ids_is_understood(running: Platform, model: str):
    call = {"type": "function_call", "id": "fc_foreign", "name": "get_weather", "arguments": "{}"}
    replay: list[Any] = [
        {"role": "user", "content": "a"},
        {"type": "reasoning", "id": "rs_foreign", "summary": [], "encrypted_content": "gAAAA"},
        {**call, "call_id": "call.with:odd|characters"},
        {"role": "developer", "content": [{"type": "input_text", "text": "be brief"}]},
        {**call, "call_id": "call_2", "id": "fc_2", "arguments": ""},
        output_of({"call_id": "call_2"}, ""),
        {"role": "user", "content": "hurry"},
        output_of({"call_id": "call.with:odd|characters"}, "18C"),
        {"role": "assistant", "content": ""},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": PIXEL},
                {"type": "input_text", "text": EXACTLY + "PONG-1"},
            ],
        },
    ]

    assert text_of(asked(running, model=model, input=replay, tools=TOOLS, store=False)) == "PONG-1"


@pytest.mark.parametrize("model", MODELS)
def test_a_client_that_continues_and_replays_is_understood(running: Platform, model: str):
    question = {"role": "user", "content": WEATHER}
    first = asked(running, model=model, input=[question], tools=TOOLS, parallel_tool_calls=False)
    (call,) = calls_of(first)
    again = [question, call, output_of(call, "18C"), {"role": "user", "content": EXACTLY + "END"}]

    last = asked(running, model=model, previous_response_id=first["id"], input=again, tools=TOOLS)

    assert text_of(last) == "END"


@pytest.mark.parametrize("model", MODELS)
def test_long_instructions_and_dozens_of_tools_leave_the_answer_alone(
    running: Platform, model: str
):
    many = [{**TOOLS[0], "name": f"mcp__server__tool_{n}"} for n in range(128)]
    rules = "You are an agent. Follow the rules. " * 5_000

    body = asked(running, model=model, instructions=rules, input=EXACTLY + "END", tools=many)

    assert text_of(body) == "END"
    assert (len(body["tools"]), body["instructions"]) == (128, rules)


@pytest.mark.parametrize("model", MODELS)
def test_what_was_asked_for_is_repeated_from_the_first_event_on(client: openai.OpenAI, model: str):
    wanted: dict[str, Any] = {
        "prompt_cache_key": "key", "safety_identifier": "somebody", "top_p": 0.8,
        "truncation": "auto", "metadata": {"a": "b"},
        "max_output_tokens": 500, "reasoning": {"effort": "low", "summary": "auto"},
    }  # fmt: skip

    events = list(client.responses.create(model=model, input="Hello", stream=True, **wanted))

    for event in (events[0], events[-1]):
        told = event.to_dict()["response"]
        assert {name: told[name] for name in wanted} == wanted  # pyright: ignore[reportIndexIssue]


@pytest.mark.parametrize("model", MODELS)
def test_what_was_said_before_is_known(client: openai.OpenAI, model: str):
    conversation = client.conversations.create(
        items=[
            {"type": "message", "role": "user", "content": "My name is Alice."},
            {"type": "message", "role": "assistant", "content": "Hello Alice!"},
        ]
    )

    answer = client.responses.create(
        model=model, input="What's my name?", conversation=conversation.id
    )

    assert "Alice" in answer.output_text
    assert len(client.conversations.items.list(conversation.id).data) == 4


def test_refusals_are_those_that_suites_look_for(client: openai.OpenAI):
    done = client.responses.create(model="gpt-sim", input="Hello")

    with pytest.raises(openai.BadRequestError, match=r"(?i)cannot cancel"):
        client.responses.cancel(done.id)
    with pytest.raises(openai.BadRequestError, match="conv"):
        client.responses.create(model="gpt-sim", input="x", conversation="my-chat")
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="gpt-sim", input="x", conversation="conv_nobodys")
    with pytest.raises(openai.BadRequestError, match=r"(?i)mutually exclusive"):
        client.responses.create(
            model="gpt-sim", input="x", conversation="conv_a", previous_response_id=done.id
        )
    with pytest.raises(openai.BadRequestError, match="max_tool_calls"):
        client.responses.create(model="gpt-sim", input="x", max_tool_calls=0)
