"""Events in, a stream and a response out that no client can misunderstand."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.responses.decode import decode_body
from api_gateway.dialects.responses.encode import ResponseEncoder
from api_gateway.dialects.responses.head import decode_head
from api_gateway.dialects.responses.items import split_input
from api_gateway.dialects.responses.response_object import ResponseEcho, echo_of
from tests.scenes.responses import StrictReader, check_response, strict, texts
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    CompactionItem,
    FinishReason,
    ItemDone,
    OtherItem,
    ReasoningDelta,
    ReasoningItem,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    ToolKind,
    Usage,
    UsageReported,
)
from wire.coordination import RunDetails
from wire.errors import PlatformFaultError, RateLimitedError

STOP = ChoiceFinished("stop")
CALLED = ChoiceFinished("tool_calls")
USED = UsageReported(Usage(3, 4), "flex")


def echo(*, shows_reasoning: bool = True, **members: object) -> ResponseEcho:
    head = decode_head(json.dumps({"model": "sim", "input": "hi", **members}).encode())
    body = decode_body(head, split_input(head.parameters.input))
    return echo_of(body, response_id="resp_1", created_unix_s=7, shows_reasoning=shows_reasoning)


def stream(
    *events: AnswerEvent,
    details: Sequence[RunDetails] = (),
    shows_reasoning: bool = True,
    **members: object,
) -> tuple[bytes, ResponseEncoder]:
    encoder = ResponseEncoder(echo(shows_reasoning=shows_reasoning, **members))
    frames = b"".join(map(encoder.encode, events)) + encoder.finish(details)
    return encoder.opening() + frames + encoder.complete(9).frames, encoder


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def output(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return events[-1]["response"]["output"]


@pytest.mark.requirement("responses:stream:sequence")
def test_a_text_is_the_full_sequence() -> None:
    frames, _ = stream(TextDelta("Hel"), TextDelta("lo"), STOP, USED)

    events = strict(frames)

    assert kinds(events) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.delta", "output_text.done", "content_part.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    final = events[-1]["response"]
    assert (texts(events), final["status"], final["completed_at"]) == ("Hello", "completed", 9)
    assert (final["usage"]["total_tokens"], final["service_tier"]) == (7, "flex")


@pytest.mark.requirement("responses:stream:replay")
def test_the_same_events_are_the_same_bytes() -> None:
    events = (ReasoningDelta("r"), TextDelta("a"), ToolCallStarted(0, "c", "f"), CALLED, USED)

    assert stream(*events)[0] == stream(*events)[0]


@pytest.mark.requirement("responses:stream:reasoning")
def test_reasoning_precedes_the_answer_for_those_who_see_it() -> None:
    events = (ReasoningDelta("think"), ReasoningDelta("ing"), TextDelta("a"), STOP)

    seen = output(strict(stream(*events)[0]))
    unseen = output(strict(stream(*events, shows_reasoning=False)[0]))

    assert [item["type"] for item in seen] == ["reasoning", "message"]
    assert seen[0]["summary"] == [{"type": "summary_text", "text": "thinking"}]
    assert [item["type"] for item in unseen] == ["message"]


@pytest.mark.parametrize("shows", [True, False])
@pytest.mark.requirement("responses:stream:reasoning")
def test_sealed_reasoning_closes_the_reasoning_that_was_said(*, shows: bool) -> None:
    sealed = ItemDone(ReasoningItem(("summed",), "sealed"))
    include = ["reasoning.encrypted_content"]

    events = (ReasoningDelta("said"), sealed, TextDelta("a"), STOP)
    frames, encoder = stream(*events, shows_reasoning=shows, include=include)
    reasoning, message = output(strict(frames))

    assert [part["text"] for part in reasoning["summary"]] == (["said"] if shows else [])
    assert reasoning["encrypted_content"] == "sealed"
    assert message["type"] == "message"
    assert json.loads(encoder.output[0].kept)["encrypted_content"] == "sealed"


@pytest.mark.requirement("responses:stream:reasoning")
def test_sealed_reasoning_alone_is_an_item_with_its_summary() -> None:
    frames, encoder = stream(ItemDone(ReasoningItem(("a", "b"), "sealed")), TextDelta("x"), STOP)

    reasoning, _ = output(strict(frames))

    assert reasoning["summary"] == [{"type": "summary_text", "text": "a\n\nb"}]
    assert "encrypted_content" not in reasoning
    assert json.loads(encoder.output[0].kept)["encrypted_content"] == "sealed"


@pytest.mark.requirement("responses:tools:both-ways")
def test_calls_that_interleave_are_told_one_after_the_other() -> None:
    frames, _ = stream(
        TextDelta("Looking."),
        ToolCallStarted(0, "c0", "f"),
        ToolCallStarted(1, "c1", "f", namespace="n"),
        ToolArgumentsDelta(1, '{"b"'),
        ToolArgumentsDelta(0, '{"a":'),
        ToolArgumentsDelta(0, "1}"),
        ToolCallStarted(2, "c2", "sh", "custom"),
        ToolArgumentsDelta(1, ":2}"),
        ToolArgumentsDelta(2, "ls"),
        ToolCallStarted(3, "c3", "g"),
        CALLED,
    )

    items = output(strict(frames))

    said = [item.get("arguments", item.get("input")) for item in items[1:]]
    assert said == ['{"a":1}', '{"b":2}', "ls", "{}"]
    assert [item["call_id"] for item in items[1:]] == ["c0", "c1", "c2", "c3"]
    assert items[2]["namespace"] == "n"
    assert [item["type"] for item in items] == [
        "message", "function_call", "function_call", "custom_tool_call", "function_call",
    ]  # fmt: skip


def test_white_space_behind_complete_arguments_does_not_matter() -> None:
    frames, _ = stream(
        ToolCallStarted(0, "c0", "f"),
        ToolArgumentsDelta(0, "{}"),
        ToolCallStarted(1, "c1", "f"),
        ToolArgumentsDelta(0, " \n"),
        CALLED,
    )

    assert [item["arguments"] for item in output(strict(frames))] == ["{}", "{}"]


def test_a_call_that_goes_on_after_its_end_is_a_fault() -> None:
    encoder = ResponseEncoder(echo())
    for event in (
        ToolCallStarted(0, "c0", "f"), ToolArgumentsDelta(0, "{}"), ToolCallStarted(1, "c1", "f"),
    ):  # fmt: skip
        encoder.encode(event)

    with pytest.raises(PlatformFaultError):
        encoder.encode(ToolArgumentsDelta(0, '{"a":1}'))


@pytest.mark.parametrize(
    ("reason", "said"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
@pytest.mark.requirement("responses:incomplete")
def test_a_cut_answer_is_incomplete_and_says_why(reason: FinishReason, said: str) -> None:
    frames, encoder = stream(TextDelta("Hel"), ChoiceFinished(reason))

    events = strict(frames)

    final = events[-1]
    assert final["type"] == "response.incomplete"
    assert final["response"]["incomplete_details"] == {"reason": said}
    assert output(events)[0]["status"] == "incomplete"
    assert encoder.complete(9).status == "incomplete"


@pytest.mark.requirement("responses:incomplete")
def test_a_cut_call_keeps_the_arguments_it_has() -> None:
    frames, _ = stream(
        ToolCallStarted(0, "c", "f"), ToolArgumentsDelta(0, '{"a'), ChoiceFinished("length")
    )

    (call,) = output(strict(frames))

    assert (call["arguments"], call["status"]) == ('{"a', "incomplete")


def test_an_answer_without_a_word_is_an_empty_message() -> None:
    (message,) = output(strict(stream(STOP)[0]))

    assert message["content"][0]["text"] == ""


def test_a_compaction_alone_is_the_only_item() -> None:
    frames, _ = stream(ItemDone(CompactionItem("sealed")), STOP)

    events = strict(frames)

    assert kinds(events).count("output_item.done") == 1
    (item,) = output(events)
    assert (item["type"], item["encrypted_content"]) == ("compaction", "sealed")


def test_a_vendors_own_item_is_passed_on_whole() -> None:
    raw = msgspec.Raw(b'{"type":"web_search_call","status":"completed","action":{"type":"search"}}')
    frames, _ = stream(ItemDone(OtherItem("web_search_call", raw)), TextDelta("a"), STOP)
    encoder = ResponseEncoder(echo())
    encoder.encode(ItemDone(OtherItem("web_search_call", raw, "ws_1")))

    assert encoder.output[0].item_id == "ws_1"
    assert json.loads(encoder.output[0].shown)["action"] == {"type": "search"}
    assert b"web_search_call" in frames


@pytest.mark.requirement("responses:stream:sequence")
def test_a_background_response_says_first_that_it_waits() -> None:
    events = strict(stream(TextDelta("a"), STOP, background=True)[0])

    assert kinds(events)[:3] == ["created", "queued", "in_progress"]
    assert [e["response"]["status"] for e in events[:3]] == ["queued", "queued", "in_progress"]


@pytest.mark.requirement("responses:stream:failure")
def test_a_failure_in_the_middle_keeps_what_was_said() -> None:
    encoder = ResponseEncoder(echo())
    frames = encoder.opening() + encoder.encode(TextDelta("Hel"))

    info = RateLimitedError("Too many.", retry_after_s=2).info()
    failed = encoder.fail(info)
    events = StrictReader().read(frames + failed.frames)

    assert kinds(events)[-2:] == ["error", "failed"]
    final = events[-1]["response"]
    assert final["error"]["code"] == "rate_limit_exceeded"
    assert final["output"][0]["content"][0]["text"] == "Hel"
    assert final["output"][0]["status"] == "incomplete"
    assert final["usage"] is None
    assert encoder.failure(info) == failed.frames
    assert failed.status == "failed"


@pytest.mark.requirement("responses:hang-up")
def test_a_response_that_was_left_is_cancelled() -> None:
    encoder = ResponseEncoder(echo())
    encoder.encode(TextDelta("Hel"))

    final = encoder.cancelled()

    told = json.loads(final.body)
    check_response(told)
    assert (final.status, told["status"], final.frames) == ("cancelled", "cancelled", b"")


@pytest.mark.requirement("responses:store:unavailable")
def test_the_last_event_can_be_written_again_when_the_store_fails() -> None:
    _, encoder = stream(TextDelta("a"), STOP)

    kept, lost = encoder.complete(9), encoder.complete(9, stored=False)

    assert json.loads(kept.body)["store"] is True
    assert json.loads(lost.body)["store"] is False
    assert kept.frames.replace(b'"store":true', b'"store":false') == lost.frames


def test_details_are_part_of_the_final_response() -> None:
    details = [RunDetails(run_id="run_1", rule="plurality")]

    events = strict(stream(TextDelta("a"), STOP, details=details)[0])

    assert events[-1]["response"]["conclave"]["run_id"] == "run_1"


@pytest.mark.requirement("responses:object:all-keys")
def test_what_was_asked_for_by_default_ran_by_default() -> None:
    events = strict(stream(TextDelta("a"), STOP)[0])

    tiers = [e["response"]["service_tier"] for e in events if "response" in e]
    assert tiers == ["auto", "auto", "default"]


def test_pieces_without_text_open_nothing() -> None:
    frames, _ = stream(
        TextDelta(""), ReasoningDelta(""), RefusalDelta(""), ToolCallStarted(0, "c", "f"), CALLED
    )

    assert [item["type"] for item in output(strict(frames))] == ["function_call"]


KINDS: tuple[ToolKind, ...] = ("function", "custom")
TEXT = st.text(min_size=1, max_size=6)
SAID = st.one_of(
    st.builds(TextDelta, TEXT),
    st.builds(ReasoningDelta, TEXT),
    st.builds(RefusalDelta, TEXT),
    st.builds(lambda: ItemDone(ReasoningItem((), "sealed"))),
)


@st.composite
def answers(draw: st.DrawFn) -> list[AnswerEvent]:
    """Words in any order, then calls that begin in order and whose arguments interleave."""
    events: list[AnswerEvent] = draw(st.lists(SAID, max_size=8))
    kinds: list[ToolKind] = draw(st.lists(st.sampled_from(KINDS), max_size=3))
    waiting = [draw(calls(index, kind)) for index, kind in enumerate(kinds)]
    speaking: list[list[AnswerEvent]] = []
    while waiting or speaking:
        chosen = draw(st.sampled_from([*waiting[:1], *speaking]))
        events.append(chosen.pop(0))
        if waiting and chosen is waiting[0]:
            speaking.append(waiting.pop(0))
        speaking = [call for call in speaking if call]
    return [*events, CALLED if kinds else STOP, USED]


@st.composite
def calls(draw: st.DrawFn, index: int, kind: ToolKind) -> list[AnswerEvent]:
    whole = json.dumps({"a": draw(TEXT)}) if kind == "function" else draw(TEXT)
    cut = draw(st.integers(0, len(whole)))
    pieces = [ToolArgumentsDelta(index, piece) for piece in (whole[:cut], whole[cut:]) if piece]
    return [ToolCallStarted(index, f"call_{index}", "f", kind), *pieces]


@given(answers())
@pytest.mark.requirement("responses:stream:sequence")
def test_any_answer_is_a_stream_that_strict_clients_follow(events: list[AnswerEvent]) -> None:
    frames, encoder = stream(*events)

    items = output(strict(frames))

    said = "".join(
        part["text"]
        for item in items
        if item["type"] == "message"
        for part in item["content"]
        if part["type"] == "output_text"
    )
    assert said == "".join(e.text for e in events if isinstance(e, TextDelta))
    for call in (e for e in events if isinstance(e, ToolCallStarted)):
        (item,) = [i for i in items if i.get("call_id") == call.call_id]
        arguments = "".join(
            e.text for e in events if isinstance(e, ToolArgumentsDelta) and e.index == call.index
        )
        assert item.get("arguments", item.get("input")) == arguments
    assert [o.item_id for o in encoder.output] == [item["id"] for item in items]
