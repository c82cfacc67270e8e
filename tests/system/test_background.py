"""Background responses through the official SDK, the orchestrator's death included."""

import http.client
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.responses import ResponseCreatedEvent

from tests.system.platform_process import Platform, eventually, is_gone, platform

ENDED = {"completed", "failed", "cancelled", "incomplete"}
SKY = "Why is the sky blue?"


def replayed(running: Platform, response_id: str, after: int | None = None) -> bytes:
    """The stream again, as bytes."""
    query = "?stream=true" + ("" if after is None else f"&starting_after={after}")
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    try:
        connection.request(
            "GET",
            f"/v1/responses/{response_id}{query}",
            headers={"authorization": f"Bearer {running.api_key}"},
        )
        return connection.getresponse().read()
    finally:
        connection.close()


def frames(stream: bytes) -> list[bytes]:
    """Without the comments that fill silences."""
    return [part for part in stream.split(b"\n\n") if part and not part.startswith(b":")]


def created(event: object) -> str:
    """The id that a stream's first event tells."""
    assert isinstance(event, ResponseCreatedEvent)
    return event.response.id


def ended(client: openai.OpenAI, response_id: str) -> Any:  # noqa: ANN401 - the SDK's own type
    eventually(
        lambda: client.responses.retrieve(response_id).status in ENDED, 30, "the response ends"
    )
    return client.responses.retrieve(response_id)


@pytest.mark.requirement("background:create")
def test_a_background_response_is_queued_and_can_be_fetched_once_it_has_ended(
    client: openai.OpenAI, model: str
):
    queued = client.responses.create(
        model=model,
        input="Reply with exactly this text and nothing else: PONG",
        background=True,
    )

    final = ended(client, queued.id)

    assert (queued.status, queued.output, queued.background) == ("queued", [], True)
    assert (final.status, final.output_text) == ("completed", "PONG")
    assert final.completed_at is not None


@pytest.mark.requirement("background:replay")
def test_a_stream_is_replayed_byte_for_byte_from_any_event_on(
    client: openai.OpenAI, running: Platform, model: str
):
    stream = client.responses.create(model=model, input=SKY, background=True, stream=True)
    events = list(stream)
    response_id = created(events[0])

    whole = replayed(running, response_id)

    assert [event.type for event in events[:3]] == [
        "response.created",
        "response.queued",
        "response.in_progress",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert len(frames(whole)) == len(events)
    assert frames(replayed(running, response_id, after=4)) == frames(whole)[5:]
    assert replayed(running, response_id) == whole


@pytest.mark.requirement("background:create")
def test_a_background_response_can_be_continued(client: openai.OpenAI, model: str):
    told = client.responses.create(
        model=model,
        input="The value of COLOUR is teal. Reply with exactly this text and nothing else: noted",
        background=True,
    )
    ended(client, told.id)

    asked = client.responses.create(
        model=model,
        previous_response_id=told.id,
        input="What is the value of COLOUR? Answer only from this conversation.",
    )

    assert "teal" in asked.output_text


@pytest.mark.requirement("background:refused")
def test_only_a_background_stream_is_streamed_again(client: openai.OpenAI, model: str):
    plain = client.responses.create(model=model, input="hi", background=True)
    ended(client, plain.id)

    with pytest.raises(openai.BadRequestError) as again:
        client.responses.retrieve(plain.id, stream=True)
    with pytest.raises(openai.BadRequestError) as unstored:
        client.responses.create(model=model, input="hi", background=True, store=False)

    assert again.value.param == "stream"
    assert unstored.value.param in {"store", "background"}


@pytest.fixture
def own(config_file: Path, tmp_path: Path) -> Iterator[Platform]:
    with platform(tmp_path, config=config_file) as started:
        yield started


@pytest.mark.requirement("background:survives-sigkill")
def test_after_sigkill_of_the_orchestrator_the_stream_goes_on_where_it_was(own: Platform):
    """Its supervisor starts it anew, and the new process takes over what the old one held."""
    with openai.OpenAI(
        base_url=own.base_url, api_key=own.api_key, max_retries=0, timeout=60
    ) as client:
        stream = client.responses.create(
            model="council", input=SKY, background=True, stream=True, reasoning={"summary": "auto"}
        )
        first = next(iter(stream))
        response_id = created(first)
        killed = own.service("orchestrator")
        killed.send_signal(signal.SIGKILL)
        eventually(lambda: is_gone(killed), 5, "the orchestrator is gone")

        rest = list(stream)
        final = client.responses.retrieve(response_id)

    assert final.status == "completed"
    assert rest[-1].type == "response.completed"
    whole = replayed(own, response_id)
    assert [first.sequence_number, *(event.sequence_number for event in rest)] == list(
        range(len(frames(whole)))
    )
    assert replayed(own, response_id) == whole
