# ruff: noqa: E501  one case, one line
"""Input items in the neutral form."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.responses.items import (
    DecodedInput,
    check_results,
    continued,
    decode_items,
    references,
    replayed_from,
    split_input,
)
from wire.conversation import (
    AudioPart,
    CompactionItem,
    FilePart,
    ImagePart,
    Item,
    Message,
    OtherItem,
    ReasoningItem,
    RefusalPart,
    TextPart,
    ToolCall,
    ToolResult,
    text_of,
    user_text,
)
from wire.errors import CallerError, InvalidRequestError, NotFoundError

PNG = "data:image/png;base64,iVBORw0KGgo="
CALL = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "18C"}


def raws(*items: object) -> list[msgspec.Raw]:
    return [msgspec.Raw(json.dumps(item).encode()) for item in items]


def decoded(*items: object) -> DecodedInput:
    return decode_items(raws(*items), "input")


def only(item: object) -> Item:
    (read,) = decoded(item).items
    return read


def refusal(*items: object) -> CallerError:
    with pytest.raises(CallerError) as refused:
        decoded(*items)
    return refused.value


@pytest.mark.parametrize("role", ["user", "assistant", "system", "developer"])
@pytest.mark.requirement("responses:items:survive")
def test_an_easy_message_needs_no_type(role: str) -> None:
    assert only({"role": role, "content": "hi"}) == Message(role, (TextPart("hi"),))  # pyright: ignore[reportArgumentType]


@pytest.mark.requirement("responses:items:survive")
def test_every_part_is_read() -> None:
    parts = [
        {"type": "input_text", "text": "a"},
        {"type": "input_image", "image_url": PNG, "detail": "low"},
        {"type": "input_image", "image_url": "https://x/y.png"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "AA=="},
        {"type": "input_file", "file_url": "https://x/a.pdf"},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
    ]

    message = only({"type": "message", "role": "user", "content": parts, "id": "msg_1"})

    assert isinstance(message, Message)
    assert message.id == "msg_1"
    assert message.content == (
        TextPart("a"),
        ImagePart(PNG, "low"),
        ImagePart("https://x/y.png"),
        FilePart("a.pdf", "AA=="),
        FilePart(file_url="https://x/a.pdf"),
        AudioPart("AA==", "wav"),
    )


@pytest.mark.requirement("responses:items:survive")
def test_an_answer_is_replayed_as_it_was_sent() -> None:
    parts: Any = [
        {"type": "output_text", "text": "a", "annotations": [], "logprobs": []},
        {"type": "refusal", "refusal": "no"},
    ]
    item: Any = {"type": "message", "id": "anything", "role": "assistant", "status": "completed",
            "content": parts, "phase": "final_answer"}  # fmt: skip

    assert only(item) == Message(
        "assistant", (TextPart("a"), RefusalPart("no")), id="anything", phase="final_answer"
    )


@pytest.mark.requirement("responses:tools:both-ways")
def test_calls_and_outputs_of_both_kinds_are_read() -> None:
    items = decoded(
        {**CALL, "id": "fc_1", "namespace": "weather", "status": "completed"},
        {**OUTPUT, "id": "fco_1"},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "sh", "input": "ls"},
        {"type": "custom_tool_call_output", "call_id": "call_2",
         "output": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": PNG}]},
    ).items  # fmt: skip

    assert items == (
        ToolCall("call_1", "f", "{}", "function", "weather", "fc_1"),
        ToolResult("call_1", (TextPart("18C"),), "function", "fco_1"),
        ToolCall("call_2", "sh", "ls", "custom"),
        ToolResult("call_2", (TextPart("a"), ImagePart(PNG)), "custom"),
    )


@pytest.mark.requirement("responses:leniency")
def test_an_output_may_name_its_tool_instead_of_its_call() -> None:
    items = decoded(
        CALL,
        {**CALL, "call_id": "call_2"},
        {"type": "function_call_output", "name": "f", "output": "x"},
    ).items

    assert isinstance(items[2], ToolResult)
    assert items[2].call_id == "call_2"


@pytest.mark.requirement("responses:leniency")
def test_reasoning_we_cannot_use_is_left_out() -> None:
    good = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "s"}],
            "content": [{"type": "reasoning_text", "text": "t"}], "encrypted_content": "e"}  # fmt: skip

    items = decoded(good, {"type": "reasoning", "summary": "odd"}, {"type": "reasoning"}).items

    assert items == (ReasoningItem(("s",), "e", "rs_1"), ReasoningItem())


@pytest.mark.requirement("responses:leniency")
def test_items_of_other_types_are_kept_as_they_are() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "action": {"query": "x"}}

    read = only(item)

    assert isinstance(read, OtherItem)
    assert (read.item_type, read.id, json.loads(bytes(read.raw))) == (
        "web_search_call",
        "ws_1",
        item,
    )


@pytest.mark.parametrize("kind", ["compaction", "compaction_summary"])
def test_a_compaction_is_sealed_content(kind: str) -> None:
    assert only({"type": kind, "encrypted_content": "abc"}) == CompactionItem("abc")


def test_a_compaction_is_asked_for_by_the_last_item_only() -> None:
    trigger = {"type": "compaction_trigger"}

    assert decoded({"role": "user", "content": "x"}, trigger).triggers_compaction
    error = refusal(trigger, {"role": "user", "content": "x"})
    assert (error.param, error.code) == ("input", None)


def test_tools_among_the_items_are_told_apart() -> None:
    read = decoded({"type": "additional_tools", "role": "developer", "tools": [{"type": "custom"}]})

    assert read.items == ()
    assert [json.loads(bytes(raw)) for raw in read.more_tools] == [[{"type": "custom"}]]


@pytest.mark.requirement("responses:items:survive")
def test_a_string_is_one_message_of_the_user() -> None:
    own = split_input(msgspec.Raw(b'"hi"'))

    assert decode_items(own, "input").items == (user_text("hi"),)


def test_references_are_found_by_their_place() -> None:
    items = raws(
        {"role": "user", "content": "x"},
        {"type": "item_reference", "id": "msg_1"},
        {"id": "msg_2"},
        {"type": "message", "role": "user", "content": "x", "id": "msg_3"},
    )

    assert references(items, "input") == {1: "msg_1", 2: "msg_2"}


def test_a_reference_nobody_resolved_is_not_found() -> None:
    with pytest.raises(NotFoundError) as missed:
        decoded({"type": "item_reference", "id": "msg_1"})

    assert (missed.value.status, missed.value.param) == (404, "input")


REFUSALS: list[tuple[Any, str, str | None]] = [
    ("hi", "input[0]", "invalid_type"),
    (None, "input[0]", "invalid_type"),
    ({}, "input[0].type", "missing_required_parameter"),
    ({"type": 5}, "input[0].type", "invalid_type"),
    ({"type": "message", "content": "x"}, "input[0].role", "missing_required_parameter"),
    ({"role": "wizard", "content": "x"}, "input[0].role", "invalid_value"),
    ({"role": "tool", "content": "x"}, "input[0].role", "invalid_value"),
    ({"role": "user"}, "input[0].content", "missing_required_parameter"),
    ({"role": "user", "content": 5}, "input[0].content", "invalid_type"),
    ({"role": "user", "content": ["x"]}, "input[0].content[0]", "invalid_type"),
    ({"role": "user", "content": [{}]}, "input[0].content[0].type", "missing_required_parameter"),
    ({"role": "user", "content": [{"type": "video"}]}, "input[0].content[0].type", "invalid_value"),
    ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text", "missing_required_parameter"),
    ({"role": "user", "content": [{"type": "input_text", "text": 5}]}, "input[0].content[0].text", "invalid_type"),
    ({"role": "assistant", "content": [{"type": "refusal"}]}, "input[0].content[0].refusal", "missing_required_parameter"),
    ({"role": "user", "content": [{"type": "input_image"}]}, "input[0].content[0].image_url", "missing_required_parameter"),
    ({"role": "user", "content": [{"type": "input_image", "image_url": "file:///etc/passwd"}]}, "input[0].content[0].image_url", "invalid_value"),
    ({"role": "user", "content": [{"type": "input_image", "image_url": PNG, "detail": "huge"}]}, "input[0].content[0].detail", "invalid_value"),
    ({"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}, "input[0].content[0].file_id", "unsupported_parameter"),
    ({"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}, "input[0].content[0].file_id", "unsupported_parameter"),
    ({"role": "user", "content": [{"type": "input_file"}]}, "input[0].content[0].file_data", "missing_required_parameter"),
    ({"role": "user", "content": [{"type": "input_audio"}]}, "input[0].content[0].input_audio", "missing_required_parameter"),
    ({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A", "format": "ogg"}}]}, "input[0].content[0].input_audio.format", "invalid_value"),
    ({**CALL, "arguments": {}}, "input[0].arguments", "invalid_type"),
    ({"type": "function_call", "call_id": "c", "arguments": ""}, "input[0].name", "missing_required_parameter"),
    ({"type": "custom_tool_call", "call_id": "c", "name": "n"}, "input[0].input", "missing_required_parameter"),
    ({"type": "function_call_output", "output": "x"}, "input[0].call_id", "missing_required_parameter"),
    ({"type": "function_call_output", "call_id": "c"}, "input[0].output", "missing_required_parameter"),
    ({"type": "function_call_output", "call_id": "c", "output": [{"type": "nope"}]}, "input[0].output[0].type", "invalid_value"),
    ({"type": "compaction"}, "input[0].encrypted_content", "missing_required_parameter"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "param", "code"), REFUSALS)
@pytest.mark.requirement("responses:errors:items")
def test_a_wrong_item_is_refused_by_its_path(item: object, param: str, code: str | None) -> None:
    error = refusal(item)

    assert (error.status, error.param, error.code) == (400, param, code)


@pytest.mark.parametrize("value", ["5", "{}", "true"])
@pytest.mark.requirement("responses:errors:items")
def test_input_is_a_string_or_an_array(value: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        split_input(msgspec.Raw(value.encode()))

    assert (refused.value.param, refused.value.code) == ("input", "invalid_type")


@pytest.mark.requirement("responses:errors:tool-results")
def test_calls_and_outputs_have_to_match() -> None:
    check_results(decoded(CALL, {"role": "user", "content": "meanwhile"}, OUTPUT).items)

    with pytest.raises(InvalidRequestError, match=r"No tool call found .* call_1") as orphan:
        check_results(decoded(OUTPUT).items)
    with pytest.raises(InvalidRequestError, match=r"No tool output found .* call_1") as unanswered:
        check_results(decoded(CALL).items)
    assert orphan.value.param == unanswered.value.param == "input"


@pytest.mark.requirement("responses:errors:tool-results")
def test_an_output_before_its_call_has_none() -> None:
    with pytest.raises(InvalidRequestError, match="No tool call found"):
        check_results(decoded(OUTPUT, CALL).items)


def test_an_output_behind_a_compaction_may_have_its_call_inside() -> None:
    check_results(decoded({"type": "compaction", "encrypted_content": "e"}, OUTPUT).items)


TEXTS = st.text(max_size=20)
PARTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["input_text", "output_text"]), "text": TEXTS}
)
MESSAGES = st.fixed_dictionaries(
    {
        "type": st.just("message"),
        "role": st.sampled_from(["user", "assistant", "system", "developer"]),
        "content": TEXTS | st.lists(PARTS, max_size=3),
    }
)
CALLS = st.fixed_dictionaries(
    {
        "type": st.just("function_call"),
        "call_id": st.text(min_size=1, max_size=64),
        "name": st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        "arguments": TEXTS,
    }
)


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Messages and answered calls, in any order."""
    items: list[dict[str, Any]] = []
    for said in draw(st.lists(MESSAGES | CALLS, max_size=6)):
        items.append(said)
        if "call_id" in said:
            output = {"type": "function_call_output", "output": draw(TEXTS)}
            items.append({**output, "call_id": said["call_id"]})
    return items


def said(item: dict[str, Any]) -> str:
    content: Any = item.get("content", item.get("output", item.get("arguments")))
    parts: list[dict[str, str]] = content
    return content if isinstance(content, str) else "".join(part["text"] for part in parts)


def kept(item: Item) -> str:
    match item:
        case Message(content=content):
            return text_of(content)
        case ToolResult(output=output):
            return text_of(output)
        case ToolCall(arguments=arguments):
            return arguments
        case _:
            raise AssertionError(item)


@given(conversations())
@pytest.mark.requirement("responses:items:survive")
def test_any_conversation_keeps_its_words_in_order(items: list[dict[str, Any]]) -> None:
    read = decoded(*items).items

    assert [kept(item) for item in read] == [said(item) for item in items]
    check_results(read)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.requirement("responses:store:continued")
def test_a_call_told_again_before_its_output_is_told_once() -> None:
    again = {**CALL, "id": "fc_other"}
    user = {"role": "user", "content": "q"}
    own = decoded({"role": "user", "content": "more"}, again, OUTPUT, again, OUTPUT).items

    once = continued(decoded(user, CALL).items, own)

    assert [type(item) for item in once] == [
        Message, ToolCall, Message, ToolResult, ToolCall, ToolResult,
    ]  # fmt: skip
    check_results(once)


@pytest.mark.requirement("responses:store:continued")
def test_a_conversation_that_is_continued_and_replayed_is_said_once() -> None:
    said = {"type": "message", "id": "msg_1", "role": "assistant", "content": "a"}
    thought: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": []}
    history = decoded({"role": "user", "content": "q"}, thought, said, CALL).items
    replay = decoded(
        {"role": "user", "content": [{"type": "input_text", "text": "q"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
        {**CALL, "id": "fc_other"},
        OUTPUT,
    ).items

    assert continued(history, replay) == replay
    assert continued((), replay) == replay
    earlier = decoded({"role": "user", "content": "before"}, said).items
    assert continued((*earlier, *history), replay) == (*earlier, *replay)
    assert continued(history, replay[2:]) == (*history[:3], *replay[2:])
    assert len(continued(history, replay[-1:])) == len(history) + 1


@given(st.text("ab", max_size=8), st.text("ab", max_size=8))
def test_the_longest_part_that_is_replayed_is_said_once(before: str, now: str) -> None:
    history, own = (tuple(user_text(letter) for letter in said) for said in (before, now))

    longest = max(n for n in range(len(now) + 1) if before.endswith(now[:n]))
    assert replayed_from(history, own) == len(before) - longest


def test_another_picture_with_the_same_words_is_no_replay() -> None:
    def pictured(url: str) -> tuple[Item, ...]:
        picture: dict[str, Any] = {"type": "input_image", "image_url": url}
        return decoded({"role": "user", "content": [picture]}).items

    history, other = pictured("https://x/a.png"), pictured("https://x/b.png")

    assert continued(history, other) == (*history, *other)


KINDS = st.sampled_from(
    ["message", "function_call", "function_call_output", "custom_tool_call", "reasoning",
     "custom_tool_call_output", "compaction", "compaction_trigger", "item_reference",
     "additional_tools", "computer_call", "anything", "", None]
)  # fmt: skip
NAMES = st.sampled_from(
    ["role", "content", "id", "call_id", "name", "arguments", "output", "input", "summary",
     "encrypted_content", "tools", "namespace", "phase"]
)  # fmt: skip


@st.composite
def odd_items(draw: st.DrawFn) -> dict[str, Any]:
    return {"type": draw(KINDS), **draw(st.dictionaries(NAMES, JSON, max_size=5))}


@given(st.lists(odd_items() | JSON, max_size=4))
@pytest.mark.requirement("responses:errors:typed")
def test_any_items_are_read_or_refused_with_a_typed_error(items: list[Any]) -> None:
    with contextlib.suppress(CallerError):
        references(raws(*items), "input")
        check_results(decoded(*items).items)


@pytest.mark.parametrize(
    "raw",
    [b'{"role":"user","content":"\xff"}', b'{"type":"x","a":' + b"[" * 3000 + b"]" * 3000 + b"}"],
)
@pytest.mark.requirement("responses:errors:typed")
def test_bytes_that_are_no_text_are_refused(raw: bytes) -> None:
    with contextlib.suppress(CallerError):
        decode_items([msgspec.Raw(raw)], "input")
