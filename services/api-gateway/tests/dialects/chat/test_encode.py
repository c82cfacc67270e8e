# ruff: noqa: E501  one case, one line
"""A streamed chat answer, frame by frame."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.chat.encode import ChunkEncoder, Identity
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
from wire.errors import ErrorInfo

IDENTITY = Identity("chatcmpl-1", 1_700_000_000, "council", "fp_1")
STOP = ChoiceFinished("stop")


def frames(data: bytes) -> list[str]:
    assert data == b"" or data.endswith(b"\n\n")
    lines = data.decode().split("\n\n")[:-1]
    assert all(line.startswith("data: ") for line in lines)
    return [line.removeprefix("data: ") for line in lines]


def chunks(
    *events: AnswerEvent, include_usage: bool = False, legacy: bool = False
) -> list[dict[str, Any]]:
    identity = msgspec.structs.replace(IDENTITY, legacy_functions=legacy)
    encoder = ChunkEncoder(identity, include_usage=include_usage)
    data = (
        encoder.opening() + b"".join(encoder.encode(event) for event in events) + encoder.finish()
    )
    *bodies, last = frames(data)
    assert last == "[DONE]"
    return [json.loads(body) for body in bodies]


def deltas(*events: AnswerEvent, legacy: bool = False) -> list[dict[str, Any]]:
    return [chunk["choices"][0]["delta"] for chunk in chunks(*events, legacy=legacy)][1:]


@pytest.mark.requirement("chat:stream:shape")
def test_a_stream_opens_with_the_role_and_closes_with_the_reason() -> None:
    first, *middle, last = chunks(TextDelta("Hel"), TextDelta('lo "\n☃'), STOP)

    assert first["choices"] == [
        {
            "index": 0,
            "delta": {"role": "assistant", "content": "", "refusal": None},
            "logprobs": None,
            "finish_reason": None,
        }
    ]
    assert [chunk["choices"][0]["delta"] for chunk in middle] == [
        {"content": "Hel"},
        {"content": 'lo "\n☃'},
    ]
    assert last["choices"][0]["delta"] == {}
    assert last["choices"][0]["finish_reason"] == "stop"


def test_every_chunk_says_the_same_about_itself() -> None:
    heads = [
        {name: value for name, value in chunk.items() if name not in ("choices", "usage")}
        for chunk in chunks(TextDelta("a"), STOP, include_usage=True)
    ]

    assert heads == [
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": "council",
            "system_fingerprint": "fp_1",
        }
    ] * len(heads)


@pytest.mark.requirement("chat:stream:usage")
def test_usage_comes_last_on_a_chunk_without_choices_if_asked_for() -> None:
    usage = UsageReported(Usage(10, 5, cached_tokens=4, reasoning_tokens=2))

    *before, last = chunks(TextDelta("a"), STOP, usage, include_usage=True)

    assert all(chunk["usage"] is None for chunk in before)
    assert last["choices"] == []
    assert (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == (10, 5)
    assert last["usage"]["total_tokens"] == 15
    assert last["usage"]["prompt_tokens_details"]["cached_tokens"] == 4
    assert last["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2


def test_usage_nobody_asked_for_is_not_mentioned() -> None:
    sent = chunks(TextDelta("a"), STOP, UsageReported(Usage(10, 5)))

    assert len(sent) == 3
    assert all("usage" not in chunk for chunk in sent)


def test_reasoning_and_refusals_have_deltas_of_their_own() -> None:
    assert deltas(ReasoningDelta("hm"), RefusalDelta("no"), STOP) == [
        {"reasoning_content": "hm"},
        {"refusal": "no"},
        {},
    ]


@pytest.mark.requirement("chat:stream:tools")
def test_a_calls_id_and_name_are_said_once() -> None:
    sent = deltas(
        ToolCallStarted(0, "call_a", "f"),
        ToolArgumentsDelta(0, '{"a"'),
        ToolArgumentsDelta(0, ":1}"),
        ToolCallStarted(1, "call_b", "g"),
        ToolArgumentsDelta(1, "{}"),
        ChoiceFinished("tool_calls"),
    )

    assert [delta["tool_calls"][0] for delta in sent[:-1]] == [
        {"index": 0, "id": "call_a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": ":1}"}},
        {"index": 1, "id": "call_b", "type": "function", "function": {"name": "g", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]  # fmt: skip


def test_a_function_without_arguments_gets_an_empty_object() -> None:
    sent = deltas(
        ToolCallStarted(0, "call_a", "f"),
        ToolArgumentsDelta(0, ""),
        ToolCallStarted(1, "call_b", "g"),
        ChoiceFinished("tool_calls"),
    )

    pieces = [
        (call["index"], call["function"]["arguments"])
        for delta in sent
        for call in delta.get("tool_calls", [])
    ]
    assert pieces == [(0, ""), (1, ""), (0, "{}"), (1, "{}")]


def test_a_custom_tool_gets_input_instead_of_arguments() -> None:
    sent = deltas(
        ToolCallStarted(0, "call_a", "grep", kind="custom"),
        ToolArgumentsDelta(0, "x y"),
        ToolCallStarted(1, "call_b", "ls", kind="custom"),
        ChoiceFinished("tool_calls"),
    )

    assert [delta["tool_calls"][0] for delta in sent[:-1]] == [
        {"index": 0, "id": "call_a", "type": "custom", "custom": {"name": "grep", "input": ""}},
        {"index": 0, "custom": {"input": "x y"}},
        {"index": 1, "id": "call_b", "type": "custom", "custom": {"name": "ls", "input": ""}},
    ]


@pytest.mark.requirement("chat:legacy-functions")
def test_a_client_of_functions_is_answered_with_one_function_call() -> None:
    sent = chunks(
        ToolCallStarted(0, "call_a", "f"),
        ToolArgumentsDelta(0, "{}"),
        ToolCallStarted(1, "call_b", "g"),
        ToolArgumentsDelta(1, "{}"),
        ChoiceFinished("tool_calls"),
        legacy=True,
    )

    assert [chunk["choices"][0]["delta"] for chunk in sent[1:]] == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
        {},
    ]
    assert sent[-1]["choices"][0]["finish_reason"] == "function_call"


def test_logprobs_travel_with_their_text() -> None:
    logprobs = msgspec.Raw(b'[{"token":"a","logprob":-0.1,"bytes":null,"top_logprobs":[]}]')

    sent = chunks(TextDelta("a", logprobs=logprobs), STOP)

    assert sent[1]["choices"][0]["logprobs"] == {
        "content": json.loads(bytes(logprobs)),
        "refusal": None,
    }


def test_details_come_at_the_end_of_a_stream() -> None:
    encoder = ChunkEncoder(IDENTITY, include_usage=False)
    encoder.encode(UsageReported(Usage(1, 1), service_tier="flex"))

    body, done = frames(encoder.finish([RunDetails(run_id="run_1", rule="weighted", winner="a")]))

    assert done == "[DONE]"
    assert json.loads(body)["conclave"]["winner"] == "a"
    assert json.loads(body)["service_tier"] == "flex"
    assert json.loads(body)["choices"] == []


@pytest.mark.requirement("chat:choices")
def test_every_choice_is_opened_and_runs_of_several_are_told_apart() -> None:
    encoder = ChunkEncoder(IDENTITY, choices=2, include_usage=False)
    runs = [RunDetails(run_id=f"run_{each}", rule="weighted") for each in range(2)]

    opened = [json.loads(frame)["choices"][0] for frame in frames(encoder.opening())]
    told = json.loads(frames(encoder.finish(runs))[0])["conclave"]

    assert [choice["index"] for choice in opened] == [0, 1]
    assert [run["run_id"] for run in told["runs"]] == ["run_0", "run_1"]


@pytest.mark.requirement("chat:stream:failure")
def test_a_failure_is_an_error_event_and_nothing_else() -> None:
    info = ErrorInfo(status=502, type="server_error", message="m", error_type="provider_error")

    (frame,) = frames(ChunkEncoder(IDENTITY, include_usage=True).failure(info))

    assert json.loads(frame)["error"]["message"] == "m"


def test_what_chat_has_no_word_for_is_left_out() -> None:
    encoder = ChunkEncoder(IDENTITY, include_usage=True)

    assert encoder.encode(ItemDone(CompactionItem("sealed"))) == b""


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
choices = st.integers(0, 2)
events = st.lists(
    st.builds(TextDelta, texts, choices)
    | st.builds(ReasoningDelta, texts, choices)
    | st.builds(ToolCallStarted, choices, texts, texts, st.sampled_from(["function", "custom"]))
    | st.builds(ToolArgumentsDelta, choices, texts, choices)
)


@given(script=events, include_usage=st.booleans(), legacy=st.booleans())
def test_every_frame_is_one_line_of_json(
    *, script: list[AnswerEvent], include_usage: bool, legacy: bool
) -> None:
    finished = [ChoiceFinished("tool_calls", choice) for choice in range(3)]

    sent = chunks(*script, *finished, include_usage=include_usage, legacy=legacy)

    said = "".join(event.text for event in script if isinstance(event, TextDelta))
    heard = "".join(
        each["delta"].get("content") or "" for chunk in sent for each in chunk["choices"]
    )
    assert sorted(heard) == sorted(said)
