"""Legacy completions answers, streamed and whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from openai.types import Completion

from api_gateway.dialects.chat.encode import Identity
from api_gateway.dialects.completions.encode import TextChunkEncoder, TextCompletionBuilder
from wire.conversation import (
    ChoiceFinished,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    Usage,
    UsageReported,
)
from wire.coordination import RunDetails
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wire.conversation import AnswerEvent

IDENTITY = Identity("cmpl-1", 1700000000, "asked", "fp_1")
DETAILS = RunDetails(run_id="run_1", rule="weighted", winner="ada")
LOGPROBS = msgspec.Raw(b'[{"token":"Hi","logprob":-0.5,"top_logprobs":[]}]')
EVENTS: tuple[AnswerEvent, ...] = (
    ReasoningDelta("thinking"),
    TextDelta("Hi", logprobs=LOGPROBS),
    TextDelta(" there"),
    ChoiceFinished("length"),
    UsageReported(Usage(4, 2)),
)


def streamed(
    events: Sequence[AnswerEvent],
    *,
    echoes: Sequence[str] = ("",),
    include_usage: bool = False,
    details: Sequence[RunDetails] = (),
) -> list[Any]:
    encoder = TextChunkEncoder(IDENTITY, echoes=echoes, include_usage=include_usage)
    frames = encoder.opening() + b"".join(map(encoder.encode, events)) + encoder.finish(details)
    data = [line[6:] for line in frames.decode().splitlines() if line.startswith("data: ")]
    return [each if each == "[DONE]" else json.loads(each) for each in data]


def whole(events: Sequence[AnswerEvent], echoes: Sequence[str] = ("",)) -> Any:  # noqa: ANN401
    builder = TextCompletionBuilder(IDENTITY, echoes=echoes)
    for event in events:
        builder.add(event)
    return json.loads(builder.encode())


@pytest.mark.requirement("completions:shape")
def test_a_stream_says_the_text_in_pieces_then_why_it_ended() -> None:
    *chunks, done = streamed(EVENTS)

    assert done == "[DONE]"
    assert [chunk["choices"][0]["text"] for chunk in chunks] == ["Hi", " there", ""]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, "length"]
    assert {(c["id"], c["object"], c["created"], c["model"]) for c in chunks} == {
        ("cmpl-1", "text_completion", 1700000000, "asked")
    }
    assert all("usage" not in chunk for chunk in chunks)
    assert Completion.model_validate(chunks[-1], strict=True)


@pytest.mark.requirement("completions:shape")
def test_usage_comes_last_and_only_when_asked_for() -> None:
    *chunks, last, _ = streamed(EVENTS, include_usage=True)

    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 6


def test_an_echoed_prompt_opens_the_stream_and_shifts_the_places() -> None:
    first, second, *_ = streamed(EVENTS, echoes=["Say:"])

    assert first["choices"][0]["text"] == "Say:"
    assert second["choices"][0]["logprobs"]["text_offset"] == [4]


def test_a_stream_without_an_echo_opens_at_once() -> None:
    encoder = TextChunkEncoder(IDENTITY, echoes=["", ""], include_usage=False)

    assert encoder.opening() == b": open\n\n"


def test_a_panel_may_tell_how_it_came_to_its_answer() -> None:
    *_, last, done = streamed(EVENTS, details=[DETAILS])

    assert last["conclave"]["winner"] == "ada"
    assert done == "[DONE]"


def test_a_failure_takes_the_place_of_the_end() -> None:
    encoder = TextChunkEncoder(IDENTITY, echoes=[""], include_usage=False)

    frame = encoder.failure(InvalidRequestError("no").info())

    assert json.loads(frame.removeprefix(b"data: "))["error"]["message"] == "no"


@pytest.mark.requirement("completions:shape")
def test_a_whole_answer_has_every_member_clients_read() -> None:
    answer = whole(EVENTS, ["Say:"])

    assert Completion.model_validate(answer, strict=True)
    (choice,) = answer["choices"]
    assert (choice["text"], choice["index"], choice["finish_reason"]) == (
        "Say:Hi there",
        0,
        "length",
    )
    assert choice["logprobs"]["tokens"] == ["Hi"]
    assert choice["logprobs"]["text_offset"] == [4]
    assert answer["usage"]["prompt_tokens"] == 4


@pytest.mark.requirement("completions:choices")
def test_choices_keep_their_indices_and_their_prompts() -> None:
    events = [
        TextDelta("B", choice=1),
        TextDelta("A"),
        ChoiceFinished("stop"),
        ChoiceFinished("tool_calls", choice=1),
    ]

    answer = whole(events, ["a", "b"])

    shown = [(c["index"], c["text"], c["finish_reason"]) for c in answer["choices"]]
    assert shown == [(0, "aA", "stop"), (1, "bB", "stop")]


def test_a_refusal_is_text_in_this_form() -> None:
    events = [RefusalDelta("I cannot"), ChoiceFinished("content_filter")]

    assert whole(events)["choices"][0]["text"] == "I cannot"
    assert streamed(events)[0]["choices"][0]["text"] == "I cannot"
