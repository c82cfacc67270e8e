"""All agents failing: one typed error, never an error text as an answer."""

from collections import Counter
from typing import Any, cast

import openai
import pytest

from tests.system.scenery import FAILURES, HANG_TIMEOUT_S
from tests.system.simulator_process import Simulator

pytestmark = pytest.mark.requirement("system:all-agents-failing")

HELLO: list[Any] = [{"role": "user", "content": "Say something."}]
AGENTS = ("analyst", "engineer", "critic")
STATUS = {"500": 502, "429": 429, "401": 502, "503": 503, "refused": 502, "hang": 504}


def envelope(error: openai.APIError) -> dict[str, Any]:
    body = cast("dict[str, Any]", error.body)
    assert set(body) == {"message", "type", "param", "code"}
    return body


def stream_into(said: list[str], client: openai.OpenAI, model: str) -> None:
    """Keep every piece of text and every finish_reason."""
    for chunk in client.chat.completions.create(model=model, messages=HELLO, stream=True):
        for choice in chunk.choices:
            said += [piece for piece in (choice.delta.content, choice.finish_reason) if piece]


def assert_two_attempts_at_most(sim: Simulator, seen_before: int, failure: str) -> None:
    attempts = Counter(call.persona for call in sim.ended_calls(seen_before))
    assert len(attempts) == (0 if failure == "refused" else len(AGENTS))
    assert all(count <= 2 for count in attempts.values())


@pytest.mark.parametrize("failure", FAILURES)
def test_the_status_says_what_the_vendors_did_and_the_message_who(
    client: openai.OpenAI, sim: Simulator, seen_before: int, failure: str
):
    with pytest.raises(openai.APIStatusError) as failed:
        client.chat.completions.create(model=f"all-{failure}", messages=HELLO)

    body = envelope(failed.value)
    assert failed.value.status_code == STATUS[failure]
    assert all(agent in body["message"] for agent in AGENTS)
    assert "The server had an error while processing" not in body["message"]
    assert_two_attempts_at_most(sim, seen_before, failure)


@pytest.mark.parametrize("failure", FAILURES)
def test_a_stream_fails_before_its_head_or_by_an_error_event_and_says_nothing_else(
    client: openai.OpenAI, sim: Simulator, seen_before: int, failure: str
):
    said: list[str] = []

    with pytest.raises(openai.APIError) as failed:
        stream_into(said, client, f"all-{failure}-streamed")

    envelope(failed.value)
    assert said == []
    if isinstance(failed.value, openai.APIStatusError):
        assert failed.value.status_code == STATUS[failure]
    assert_two_attempts_at_most(sim, seen_before, failure)


@pytest.mark.parametrize("failure", FAILURES)
def test_a_plain_model_that_fails_gives_the_same_envelope(client: openai.OpenAI, failure: str):
    with pytest.raises(openai.APIStatusError) as failed:
        client.chat.completions.create(model=f"down-{failure}", messages=HELLO)

    envelope(failed.value)
    assert failed.value.status_code == STATUS[failure]


def test_a_hanging_vendor_costs_its_timeouts_and_not_the_clients(client: openai.OpenAI):
    two_attempts_s = 2 * HANG_TIMEOUT_S

    with pytest.raises(openai.APIStatusError) as failed:
        client.chat.completions.create(
            model="all-hang-timed", messages=HELLO, timeout=two_attempts_s + 2
        )

    assert failed.value.status_code == 504


def test_a_plain_stream_that_breaks_off_is_an_error_and_no_end(client: openai.OpenAI):
    said: list[str] = []

    with pytest.raises(openai.APIError) as failed:
        stream_into(said, client, "breaks-off")

    envelope(failed.value)
    assert said
    assert "stop" not in said
