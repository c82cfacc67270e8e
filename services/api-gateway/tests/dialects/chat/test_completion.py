# ruff: noqa: E501  one case, one line
"""A whole chat answer."""

import json
from typing import Any

import msgspec
import pytest

from api_gateway.dialects.chat.completion import CompletionBuilder
from api_gateway.dialects.chat.encode import Identity
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    CompactionItem,
    ItemDone,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from wire.coordination import RunDetails

IDENTITY = Identity("chatcmpl-1", 1_700_000_000, "council", "fp_1")
STOP = ChoiceFinished("stop")


def completion(
    *events: AnswerEvent, legacy: bool = False, details: tuple[RunDetails, ...] = ()
) -> dict[str, Any]:
    builder = CompletionBuilder(msgspec.structs.replace(IDENTITY, legacy_functions=legacy))
    for event in events:
        builder.add(event)
    assert not builder.unfinished
    return json.loads(builder.encode(details))


@pytest.mark.requirement("chat:completion:shape")
def test_a_completion_has_every_member_clients_read() -> None:
    assert completion(TextDelta("Hel"), TextDelta("lo"), STOP, UsageReported(Usage(10, 5))) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "council",
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
    }


def test_calls_are_whole_and_content_is_null_beside_them() -> None:
    (choice,) = completion(
        ToolCallStarted(0, "call_a", "f"),
        ToolArgumentsDelta(0, '{"a"'),
        ToolArgumentsDelta(0, ":1}"),
        ToolCallStarted(1, "call_b", "g"),
        ToolCallStarted(2, "call_c", "grep", kind="custom"),
        ToolArgumentsDelta(2, "x"),
        ChoiceFinished("tool_calls"),
    )["choices"]

    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [
        {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "call_b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        {"id": "call_c", "type": "custom", "custom": {"name": "grep", "input": "x"}},
    ]


@pytest.mark.requirement("chat:legacy-functions")
def test_a_client_of_functions_gets_one_function_call() -> None:
    (choice,) = completion(
        ToolCallStarted(0, "call_a", "f"),
        ToolCallStarted(1, "call_b", "g"),
        ChoiceFinished("tool_calls"),
        legacy=True,
    )["choices"]

    assert choice["finish_reason"] == "function_call"
    assert choice["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert "tool_calls" not in choice["message"]


@pytest.mark.requirement("chat:choices")
def test_choices_stand_in_order_however_they_arrived() -> None:
    answer = completion(
        TextDelta("b", 1), TextDelta("a", 0), ChoiceFinished("stop", 1), ChoiceFinished("length", 0),
        UsageReported(Usage(3, 1)), UsageReported(Usage(3, 2)),
    )  # fmt: skip

    assert [each["index"] for each in answer["choices"]] == [0, 1]
    assert [each["message"]["content"] for each in answer["choices"]] == ["a", "b"]
    assert [each["finish_reason"] for each in answer["choices"]] == ["length", "stop"]
    assert answer["usage"]["total_tokens"] == 9


def test_reasoning_and_refusal_have_members_of_their_own() -> None:
    (choice,) = completion(ReasoningDelta("h"), ReasoningDelta("m"), RefusalDelta("no"), STOP)[
        "choices"
    ]

    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": "no",
        "reasoning_content": "hm",
    }


def test_an_answer_without_a_word_is_an_empty_text() -> None:
    assert completion(STOP)["choices"][0]["message"]["content"] == ""


def test_logprobs_of_all_pieces_are_joined() -> None:
    def piece(token: str) -> msgspec.Raw:
        return msgspec.Raw(json.dumps([{"token": token}]).encode())

    (choice,) = completion(
        TextDelta("a", logprobs=piece("a")),
        TextDelta("", logprobs=msgspec.Raw(b"[]")),
        TextDelta("b", logprobs=piece("b")),
        STOP,
    )["choices"]

    assert choice["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}], "refusal": None}


def test_details_and_tier_are_told_when_there_are_some() -> None:
    details = RunDetails(run_id="run_1", rule="weighted")

    answer = completion(STOP, UsageReported(Usage(), service_tier="flex"), details=(details,))

    assert answer["conclave"]["run_id"] == "run_1"
    assert answer["service_tier"] == "flex"


def test_what_chat_has_no_word_for_is_left_out() -> None:
    assert len(completion(ItemDone(CompactionItem("sealed")), STOP)["choices"]) == 1


@pytest.mark.parametrize(
    "events", [[], [TextDelta("a")], [STOP, TextDelta("a", 1)], [UsageReported(Usage())]]
)
def test_an_answer_that_stopped_in_the_middle_is_unfinished(events: list[AnswerEvent]) -> None:
    builder = CompletionBuilder(IDENTITY)
    for event in events:
        builder.add(event)

    assert builder.unfinished
