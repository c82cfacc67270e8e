"""Chat Completions as the official SDK sees them, from a plain model and from a panel alike."""

import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion

from tests.system.simulator_process import Simulator

pytestmark = pytest.mark.requirement("system:chat")

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAC"
    "hwGA60e6kgAAAABJRU5ErkJggg=="
)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["name", "n"],
    "additionalProperties": False,
}


def exactly(text: str) -> str:
    return f"Reply with exactly this text and nothing else: {text}"


def user(content: object) -> list[Any]:
    return [{"role": "user", "content": content}]


def text_of(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_an_answer_has_the_envelope_that_clients_expect(client: openai.OpenAI, model: str):
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=user(exactly("A1"))
    )

    answer = raw.parse()
    choice = answer.choices[0]
    assert (choice.message.role, choice.message.content) == ("assistant", "A1")
    assert choice.finish_reason == "stop"
    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == model
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens > 0
    assert raw.headers["x-request-id"]


def test_a_stream_is_one_id_a_role_first_and_a_finish_last(client: openai.OpenAI, model: str):
    stream = client.chat.completions.create(model=model, messages=user(exactly("B2")), stream=True)

    chunks = list(stream)
    assert text_of(chunks) == "B2"
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk.model for chunk in chunks} == {model}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_usage_comes_last_when_asked_for(client: openai.OpenAI, model: str):
    stream = client.chat.completions.create(
        model=model,
        messages=user(exactly("C3")),
        stream=True,
        stream_options={"include_usage": True},
    )

    chunks = list(stream)
    last = chunks[-1]
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens > 0
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_the_stream_helper_puts_the_answer_together(client: openai.OpenAI, model: str):
    with client.chat.completions.stream(model=model, messages=user(exactly("D4"))) as stream:
        for _ in stream:
            pass

        assert stream.get_final_completion().choices[0].message.content == "D4"


def test_earlier_turns_are_read(client: openai.OpenAI, model: str):
    answer = client.chat.completions.create(
        model=model,
        messages=[
            {"role": "system", "content": "Be literal."},
            {"role": "user", "content": "The value of HARBOUR is PIER-77."},
            {"role": "assistant", "content": "Noted."},
            {
                "role": "user",
                "content": "What is the value of HARBOUR? Answer only from this conversation.",
            },
        ],
    )

    assert answer.choices[0].message.content == "PIER-77"


def test_developer_system_and_repeated_user_messages_are_taken(client: openai.OpenAI, model: str):
    answer = client.chat.completions.create(
        model=model,
        messages=[
            {"role": "developer", "content": [{"type": "text", "text": "Be literal."}]},
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello."},
            {"role": "user", "content": exactly("E5")},
        ],
    )

    assert answer.choices[0].message.content == "E5"


def test_an_image_beside_text_reaches_the_model_whole(
    client: openai.OpenAI, model: str, sim: Simulator, seen_before: int
):
    parts = [
        {"type": "text", "text": exactly("F6")},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
    ]

    answer = client.chat.completions.create(model=model, messages=user(parts))

    assert answer.choices[0].message.content == "F6"
    calls = sim.ended_calls(seen_before)
    assert calls
    assert all(PIXEL in json.dumps(call.body) for call in calls)


def test_sampling_parameters_reach_every_model(
    client: openai.OpenAI, model: str, sim: Simulator, seen_before: int
):
    client.chat.completions.create(
        model=model,
        messages=user(exactly("G7")),
        temperature=0.25,
        top_p=0.75,
        seed=11,
        max_tokens=64,
        stop=["ZZZ"],
    )

    answers = [call.body for call in sim.ended_calls(seen_before) if call.kind == "answer"]
    assert answers
    # Seats of one model with one seed would all say the same: each counts on from the client's.
    assert sorted(body["seed"] for body in answers) == list(range(11, 11 + len(answers)))
    for body in answers:
        assert (body["temperature"], body["top_p"]) == (0.25, 0.75)
        assert body.get("max_tokens", body.get("max_completion_tokens")) == 64
        assert body["stop"] in ("ZZZ", ["ZZZ"])


def test_a_token_limit_cuts_the_answer_and_says_length(client: openai.OpenAI, model: str):
    answer = client.chat.completions.create(
        model=model, messages=user(exactly("one two three four five six")), max_completion_tokens=2
    )

    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 2


def test_a_stop_sequence_ends_the_text_and_is_not_in_it(client: openai.OpenAI, model: str):
    answer = client.chat.completions.create(
        model=model, messages=user(exactly("before HALT after")), stop=["HALT"]
    )

    content = answer.choices[0].message.content
    assert content is not None
    assert content.strip() == "before"
    assert answer.choices[0].finish_reason == "stop"


def test_strict_json_validates(client: openai.OpenAI, model: str):
    answer = client.chat.completions.create(
        model=model,
        messages=user("Give a name and a number."),
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "pair", "strict": True, "schema": SCHEMA},
        },
    )

    value = json.loads(answer.choices[0].message.content or "")
    assert set(value) == {"name", "n"}
    assert isinstance(value["name"], str)
    assert isinstance(value["n"], int)


def test_two_choices_are_two_answers(client: openai.OpenAI, model: str):
    answer = client.chat.completions.create(model=model, n=2, messages=user(exactly("H8")))

    assert [choice.index for choice in answer.choices] == [0, 1]
    assert [choice.message.content for choice in answer.choices] == ["H8", "H8"]


def test_two_streamed_choices_keep_their_indices(client: openai.OpenAI, model: str):
    stream = client.chat.completions.create(
        model=model, n=2, messages=user(exactly("I9")), stream=True
    )

    texts, finished = {0: "", 1: ""}, dict[int, str | None]()
    for choice in (choice for chunk in stream for choice in chunk.choices):
        texts[choice.index] += choice.delta.content or ""
        if choice.finish_reason:
            finished[choice.index] = choice.finish_reason
    assert texts == {0: "I9", 1: "I9"}
    assert finished == {0: "stop", 1: "stop"}


@pytest.mark.requirement("surface:idempotency:once")
def test_what_is_sent_twice_under_one_key_is_answered_once(
    client: openai.OpenAI, model: str, sim: Simulator, seen_before: int
):
    def asked() -> ChatCompletion:
        return client.chat.completions.create(
            model=model,
            messages=user(exactly("I9")),
            extra_headers={"idempotency-key": f"once-{model}"},
        )

    first = asked()
    bought = len(sim.ended_calls(seen_before))
    second = asked()

    assert second == first
    assert len(sim.ended_calls(seen_before)) == bought
