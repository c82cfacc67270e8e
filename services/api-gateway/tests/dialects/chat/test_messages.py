# ruff: noqa: E501  one case, one line
"""Messages: what each role may hold, and what it means in the neutral form."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.chat.messages import decode_messages, to_items, uses_legacy_calls
from wire.conversation import (
    AudioPart,
    FilePart,
    ImagePart,
    Item,
    Message,
    RefusalPart,
    TextPart,
    ToolCall,
    ToolResult,
)
from wire.errors import InvalidRequestError

USER = {"role": "user", "content": "hi"}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def items(*messages: object) -> tuple[Item, ...]:
    return to_items(decode_messages(raw(list(messages))))


def refusal(messages: object) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as refused:
        to_items(decode_messages(raw(messages)))
    return refused.value


def call(call_id: str, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def calls(*call_ids: str) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [call(each) for each in call_ids]}


def result(call_id: str, content: object = "ok") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def part(**members: object) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": "x"}, members]}


P = "messages[0].content[1]"
MISSING = "missing_required_parameter"


REFUSALS: list[tuple[Any, str, str | None]] = [
    ("hi", "messages", "invalid_type"),
    ({}, "messages", "invalid_type"),
    ([], "messages", "empty_array"),
    (["hi"], "messages[0]", "invalid_type"),
    ([USER, {"role": "wizard", "content": "x"}], "messages[1].role", "invalid_value"),
    ([{"content": "x"}], "messages[0].role", MISSING),
    ([{"role": 5, "content": "x"}], "messages[0].role", "invalid_type"),
    ([{"role": "user"}], "messages[0].content", MISSING),
    ([{"role": "user", "content": None}], "messages[0].content", "invalid_type"),
    ([{"role": "user", "content": 5}], "messages[0].content", "invalid_type"),
    ([{"role": "user", "content": ["x"]}], "messages[0].content[0]", "invalid_type"),
    ([{"role": "user", "content": [{}]}], "messages[0].content[0].type", MISSING),
    ([part(type="hologram")], f"{P}.type", "invalid_value"),
    ([part(type="video_url", video_url={"url": "https://x"})], f"{P}.type", "invalid_value"),
    ([part(type="text")], f"{P}.text", MISSING),
    ([part(type="image_url")], f"{P}.image_url", MISSING),
    ([part(type="image_url", image_url="https://x")], f"{P}.image_url", "invalid_type"),
    ([part(type="image_url", image_url={"url": "file:///etc/passwd"})], f"{P}.image_url.url", "invalid_value"),
    ([part(type="image_url", image_url={"url": PIXEL, "detail": "fine"})], f"{P}.image_url.detail", "invalid_value"),
    ([part(type="input_audio", input_audio={"data": "", "format": "ogg"})], f"{P}.input_audio.format", "invalid_value"),
    ([part(type="file", file={"file_id": "file-1"})], f"{P}.file.file_id", "unsupported_parameter"),
    ([part(type="file", file={"filename": "a.pdf"})], f"{P}.file.file_data", MISSING),
    ([{"role": "tool", "content": "x"}], "messages[0].tool_call_id", MISSING),
    ([USER, result("a")], "messages.[1].role", None),
    ([calls("a"), USER], "messages.[1].role", None),
    ([calls("a", "b"), result("a"), USER], "messages.[2].role", None),
    ([USER, calls("a")], "messages.[1].role", None),
    ([calls("a"), result("b")], "messages.[1].role", None),
    ([calls("a"), result("a"), USER, result("a")], "messages.[3].role", None),
    ([{"role": "assistant", "tool_calls": [{"id": "a", "type": "function"}]}], "messages[0].tool_calls[0].function", MISSING),
    ([{"role": "assistant", "tool_calls": [{**call("a"), "type": "magic"}]}], "messages[0].tool_calls[0].type", "invalid_value"),
    ([{"role": "assistant", "tool_calls": [{"function": {}}]}], "messages[0].tool_calls[0].function.name", MISSING),
    ([{"role": "function", "content": "x"}], "messages[0].name", MISSING),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "param", "code"), REFUSALS)
@pytest.mark.requirement("chat:errors:messages")
def test_a_bad_message_is_refused_by_its_path(
    messages: object, param: str, code: str | None
) -> None:
    error = refusal(messages)

    assert (error.param, error.code, error.status) == (param, code, 400)


def test_an_unknown_role_is_told_which_ones_there_are() -> None:
    error = refusal([{"role": "wizard", "content": "x"}])

    assert "'wizard'" in error.message
    assert "'developer'" in error.message


@pytest.mark.requirement("chat:leniency:messages")
def test_what_real_clients_send_is_understood() -> None:
    decoded = items(
        {"role": "system", "content": "one"},
        {"role": "system", "content": [{"type": "text", "text": "two"}]},
        USER,
        {"role": "developer", "content": "three", "name": "d"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
            ],
        },
        {"role": "assistant", "content": "", "tool_calls": [call("c1")], "reasoning_content": "…"},
        result("c1", [{"type": "text", "text": "18C"}]),
        {"role": "assistant", "content": "", "tool_calls": None},
        {"role": "assistant", "content": None},
        {"role": "assistant"},
    )

    assert decoded == (
        Message("system", (TextPart("one"),)),
        Message("system", (TextPart("two"),)),
        Message("user", (TextPart("hi"),)),
        Message("developer", (TextPart("three"),), name="d"),
        Message("user", (TextPart("a"),)),
        ToolCall("c1", "f", "{}"),
        ToolResult("c1", (TextPart("18C"),)),
        Message("assistant", (TextPart(""),)),
        Message("assistant", (TextPart(""),)),
        Message("assistant", (TextPart(""),)),
    )


def test_every_kind_of_part_is_kept() -> None:
    parts: list[Any] = [
        {"type": "text", "text": "x"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": None}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,"},
        },
    ]

    (message,) = items({"role": "user", "content": parts})

    assert isinstance(message, Message)
    assert message.content == (
        TextPart("x"),
        ImagePart(PIXEL, "low"),
        ImagePart("https://x/y.png", "auto"),
        AudioPart("AAAA", "wav"),
        FilePart(filename="a.pdf", file_data="data:application/pdf;base64,"),
    )


def test_an_assistants_text_and_calls_become_a_message_and_calls() -> None:
    decoded = items(
        {**calls("a", "b"), "content": "let me see", "refusal": "no"}, result("b"), result("a")
    )

    assert decoded == (
        Message("assistant", (TextPart("let me see"), RefusalPart("no"))),
        ToolCall("a", "f", "{}"),
        ToolCall("b", "f", "{}"),
        ToolResult("b", (TextPart("ok"),)),
        ToolResult("a", (TextPart("ok"),)),
    )


def test_the_result_of_a_custom_tool_is_of_its_kind() -> None:
    custom = {"id": "c", "type": "custom", "custom": {"name": "grep", "input": "x y"}}

    decoded = items({"role": "assistant", "tool_calls": [custom]}, result("c"))

    assert decoded == (
        ToolCall("c", "grep", "x y", kind="custom"),
        ToolResult("c", (TextPart("ok"),), kind="custom"),
    )


@pytest.mark.requirement("chat:legacy-functions")
def test_legacy_calls_and_results_become_tool_calls_and_results() -> None:
    messages = decode_messages(
        raw(
            [
                USER,
                {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
                {"role": "function", "name": "f", "content": "18C"},
                {"role": "function", "name": "g", "content": None},
            ]
        )
    )  # fmt: skip

    assert uses_legacy_calls(messages)
    assert to_items(messages) == (
        Message("user", (TextPart("hi"),)),
        ToolCall("call_legacy_1", "f", "{}"),
        ToolResult("call_legacy_1", (TextPart("18C"),)),
        ToolCall("call_legacy_3", "g", "{}"),
        ToolResult("call_legacy_3", (TextPart(""),)),
    )


def test_todays_calls_are_not_legacy() -> None:
    assert not uses_legacy_calls(decode_messages(raw([calls("a"), result("a")])))


text = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


def text_part(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


contents = text | st.lists(text.map(text_part), max_size=3)


def spoken(role: str, content: object) -> list[dict[str, Any]]:
    return [{"role": role, "content": content}]


def worked(ids: list[str]) -> list[dict[str, Any]]:
    return [calls(*ids), *(result(each) for each in reversed(ids))]


def joined(turns: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [message for turn in turns for message in turn]


plain = st.builds(spoken, st.sampled_from(["system", "developer", "user", "assistant"]), contents)
tool_turns = st.lists(text.filter(bool), min_size=1, max_size=3, unique=True).map(worked)
conversations = st.lists(plain | tool_turns, min_size=1, max_size=5).map(joined)


def texts_of(messages: list[dict[str, Any]]) -> list[str]:
    found: list[str] = []
    for message in messages:
        content: Any = message["content"]
        parts: list[dict[str, str]] = [] if isinstance(content, str) else content or []
        found += [content] if isinstance(content, str) else [part["text"] for part in parts]
    return [each for each in found if each]


@given(conversations)
@pytest.mark.requirement("chat:requests:survive")
def test_any_valid_conversation_keeps_all_its_text_in_order(
    messages: list[dict[str, Any]],
) -> None:
    decoded = items(*messages)

    kept = [
        part.text
        for item in decoded
        for part in (
            item.content if isinstance(item, Message)
            else item.output if isinstance(item, ToolResult)
            else ()
        )
        if isinstance(part, TextPart) and part.text
    ]  # fmt: skip
    assert kept == texts_of(messages)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "tool_calls", "id", "function", "name"]),
            inner | st.sampled_from(["user", "assistant", "tool", "text", "image_url"]),
            max_size=5,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_any_json_is_read_or_refused_with_a_typed_error(value: object) -> None:
    with contextlib.suppress(InvalidRequestError):
        assert to_items(decode_messages(raw(value)))
