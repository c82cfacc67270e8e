"""Items while they are being said."""

import json

import msgspec
import pytest

from api_gateway.dialects.responses.output_items import (
    EventWriter,
    OpenCall,
    OpenMessage,
    OpenReasoning,
)
from tests.scenes.responses import read_frames
from wire.conversation import ReasoningItem, ToolCallStarted
from wire.raw_json import ABSENT

LOGPROBS = msgspec.Raw(b'[{"token":"a","logprob":-0.1,"bytes":[97],"top_logprobs":[]}]')


def kinds(frames: bytes) -> list[str]:
    return [event["type"].removeprefix("response.") for event in read_frames(frames)]


@pytest.mark.requirement("responses:stream:sequence")
def test_a_message_of_text_and_refusal_has_two_parts() -> None:
    writer = EventWriter()
    message = OpenMessage(0, "msg_1", shows_logprobs=False)

    frames = message.open(writer)
    frames += message.add_text(writer, "a", ABSENT) + message.add_text(writer, "b", ABSENT)
    frames += message.add_refusal(writer, "no") + message.close(writer, "completed")

    assert kinds(frames) == [
        "output_item.added",
        "content_part.added", "output_text.delta", "output_text.delta", "output_text.done",
        "content_part.done",
        "content_part.added", "refusal.delta", "refusal.done", "content_part.done",
        "output_item.done",
    ]  # fmt: skip
    assert json.loads(message.finished("completed").shown)["content"] == [
        {"type": "output_text", "text": "ab", "annotations": [], "logprobs": []},
        {"type": "refusal", "refusal": "no"},
    ]


def test_an_answer_without_a_word_is_an_empty_text() -> None:
    writer = EventWriter()
    message = OpenMessage(0, "msg_1", shows_logprobs=False)

    frames = message.open(writer) + message.add_nothing(writer) + message.close(writer, "completed")

    assert "output_text.delta" not in kinds(frames)
    assert json.loads(message.finished("completed").shown)["content"][0]["text"] == ""


@pytest.mark.parametrize("shown", [True, False])
def test_logprobs_are_shown_only_to_who_asks(*, shown: bool) -> None:
    writer = EventWriter()
    message = OpenMessage(0, "msg_1", shows_logprobs=shown)

    frames = message.add_text(writer, "a", LOGPROBS) + message.add_text(writer, "b", LOGPROBS)
    frames += message.close(writer, "completed")

    told = [e["logprobs"] for e in read_frames(frames) if "logprobs" in e]
    expected = json.loads(bytes(LOGPROBS))
    assert told == ([expected, expected, expected * 2] if shown else [[], [], []])


@pytest.mark.requirement("responses:stream:reasoning")
def test_reasoning_is_one_summary() -> None:
    writer = EventWriter()
    reasoning = OpenReasoning(0, "rs_1", shows_encrypted=False)

    frames = reasoning.open(writer) + reasoning.add(writer, "a") + reasoning.add(writer, "b")
    frames += reasoning.close(writer, "completed")

    assert kinds(frames) == [
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.delta", "reasoning_summary_text.done",
        "reasoning_summary_part.done", "output_item.done",
    ]  # fmt: skip
    assert read_frames(frames)[-1]["item"]["summary"] == [{"type": "summary_text", "text": "ab"}]


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.requirement("responses:stream:reasoning")
def test_sealed_reasoning_is_kept_for_the_next_turn_whoever_sees_it(*, shown: bool) -> None:
    reasoning = OpenReasoning(0, "rs_1", shows_encrypted=shown)

    reasoning.seal(ReasoningItem((), "sealed"))

    item = reasoning.finished("completed")
    assert json.loads(item.kept)["encrypted_content"] == "sealed"
    assert ("encrypted_content" in json.loads(item.shown)) is shown


@pytest.mark.requirement("responses:tools:both-ways")
def test_a_call_without_arguments_has_an_empty_object() -> None:
    writer = EventWriter()
    call = OpenCall(0, "fc_1", ToolCallStarted(0, "call_1", "f", namespace="n"))

    frames = call.open(writer) + call.close(writer, "completed")

    added, delta, done, item = read_frames(frames)
    assert added["item"]["arguments"] == ""
    assert (delta["delta"], done["arguments"], done["name"]) == ("{}", "{}", "f")
    assert item["item"] == {
        "id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1",
        "name": "f", "arguments": "{}", "namespace": "n",
    }  # fmt: skip


@pytest.mark.requirement("responses:tools:both-ways")
def test_a_custom_call_has_an_input_of_any_text() -> None:
    writer = EventWriter()
    call = OpenCall(0, "ctc_1", ToolCallStarted(0, "call_1", "sh", "custom"))

    frames = call.open(writer) + call.add(writer, "ls\n-l") + call.close(writer, "completed")

    assert kinds(frames)[1:3] == ["custom_tool_call_input.delta", "custom_tool_call_input.done"]
    assert read_frames(frames)[-1]["item"]["input"] == "ls\n-l"
    assert not call.is_complete


@pytest.mark.parametrize(
    ("pieces", "complete"), [([], False), (['{"a"'], False), (['{"a"', ":1}"], True)]
)
def test_a_function_is_complete_when_its_arguments_are_json(
    pieces: list[str], *, complete: bool
) -> None:
    writer = EventWriter()
    call = OpenCall(0, "fc_1", ToolCallStarted(0, "call_1", "f"))

    for piece in pieces:
        call.add(writer, piece)

    assert call.is_complete is complete
