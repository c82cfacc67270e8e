"""The Responses API through the real processes: streams, tools, chains, failures."""

import http.client
import json
from typing import Any

import openai
import pytest
from openai.types.responses import FunctionToolParam, ResponseFunctionToolCall
from pydantic import BaseModel

from tests.scenes.responses import strict, texts
from tests.system.platform_process import Platform

pytestmark = pytest.mark.requirement("system:responses")

PONG = "Reply with exactly this text and nothing else: PONG-1"
ERRAND = (
    'Call the tool named `get_weather` exactly once with these arguments: {"city":"Paris"} . '
    "After the tool result, reply with exactly: DONE-1"
)
TOOL: FunctionToolParam = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather for a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
# Passed through, translated, run.
MODELS = ["sim-responses", "gpt-sim", "council"]


class Person(BaseModel):
    name: str
    n: int


def streamed(running: Platform, **body: object) -> tuple[int, bytes]:
    """Status and body of a stream, as bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    headers = {"authorization": f"Bearer {running.api_key}", "content-type": "application/json"}
    try:
        connection.request("POST", "/v1/responses", json.dumps({"stream": True, **body}), headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("asked_for", [MODELS[0], MODELS[1], MODELS[2], "with-presenter"])
def test_a_stream_is_the_full_sequence(running: Platform, asked_for: str):
    status, body = streamed(running, model=asked_for, input=PONG, reasoning={"summary": "auto"})

    assert status == 200
    assert texts(strict(body)) == "PONG-1"


@pytest.mark.parametrize("asked_for", MODELS)
def test_a_tool_round_trip_by_what_is_stored(client: openai.OpenAI, asked_for: str):
    with client.responses.stream(model=asked_for, input=ERRAND, tools=[TOOL]) as stream:
        first = stream.get_final_response()
    calls = [item for item in first.output if isinstance(item, ResponseFunctionToolCall)]
    result: Any = {
        "type": "function_call_output", "call_id": calls[0].call_id, "output": "18C",
    }  # fmt: skip

    last = client.responses.create(
        model=asked_for, previous_response_id=first.id, tools=[TOOL], input=[result]
    )

    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        ("get_weather", {"city": "Paris"})
    ]
    assert last.output_text == "DONE-1"
    listed = [item.type for item in client.responses.input_items.list(last.id, order="asc")]
    assert listed[0] == "message"
    assert listed[-2:] == ["function_call", "function_call_output"]


@pytest.mark.parametrize("asked_for", MODELS)
def test_a_strict_answer_is_parsed(client: openai.OpenAI, asked_for: str):
    parsed = client.responses.parse(
        model=asked_for, input="Give a name and a number.", text_format=Person
    )

    assert isinstance(parsed.output_parsed, Person)


@pytest.mark.parametrize("asked_for", ["breaks-off", "breaks-off-responses"])
def test_a_stream_that_breaks_off_is_noticed_and_kept(
    running: Platform, client: openai.OpenAI, asked_for: str
):
    _, body = streamed(running, model=asked_for, input="Tell me a story.")

    events = strict(body)
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    kept = client.responses.retrieve(events[-1]["response"]["id"])
    assert (kept.status, kept.error is not None) == ("failed", True)


def test_a_conversation_goes_on_across_models(client: openai.OpenAI):
    conversation = client.conversations.create()
    for asked_for in MODELS:
        answer = client.responses.create(model=asked_for, input=PONG, conversation=conversation.id)
        assert answer.output_text == "PONG-1"

    items = list(client.conversations.items.list(conversation.id, order="asc"))

    assert [getattr(item, "role", None) for item in items] == ["user", "assistant"] * 3
