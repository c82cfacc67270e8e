# ruff: noqa: E501  one case, one line
"""Messages in other dialects' words become chat's own, and read as such."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_gateway.dialects.chat.foreign_messages import as_chat_messages, is_foreign
from api_gateway.dialects.chat.messages import decode_messages
from wire.errors import InvalidRequestError, NotFoundError

PIXEL = "data:image/png;base64,iVBORw0KGgo="
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CUSTOM = {"id": "c2", "type": "custom", "custom": {"name": "sh", "input": "ls"}}
FOREIGN = pytest.mark.requirement("chat:foreign:messages")


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def in_chat(*entries: object, instructions: str | None = None) -> list[Any]:
    found = as_chat_messages(raw(list(entries)), "input", instructions=instructions)
    decode_messages(found)  # which is what comes next
    return json.loads(bytes(found))


def refused(*entries: object) -> tuple[str | None, str | None]:
    with pytest.raises((InvalidRequestError, NotFoundError)) as failed:
        as_chat_messages(raw(list(entries)), "input")
    return failed.value.param, failed.value.code


def user(*parts: object) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


@FOREIGN
def test_a_text_is_a_users_message_behind_the_instructions() -> None:
    found = as_chat_messages(raw("hi"), "input", instructions="be brief")

    assert json.loads(bytes(found)) == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hi"},
    ]


PARTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "input_text", "text": "a"}, {"type": "text", "text": "a"}),
    ({"type": "output_text", "text": "a", "annotations": []}, {"type": "text", "text": "a"}),
    ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "a"}),
    ({"type": "input_image", "image_url": PIXEL, "detail": "high"}, {"type": "image_url", "image_url": {"url": PIXEL, "detail": "high"}}),
    ({"type": "input_image", "image_url": {"url": PIXEL}}, {"type": "image_url", "image_url": {"url": PIXEL}}),
    ({"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}, {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}),
    ({"type": "image_url", "image_url": PIXEL}, {"type": "image_url", "image_url": {"url": PIXEL}}),
    ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}),
    ({"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}),
    ({"type": "input_file", "file_data": "data:,x", "filename": "a.txt"}, {"type": "file", "file": {"file_data": "data:,x", "filename": "a.txt"}}),
    ({"type": "file", "file": {"file_data": "data:,x"}}, {"type": "file", "file": {"file_data": "data:,x"}}),
    ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}, {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}),
]  # fmt: skip


@pytest.mark.parametrize(("part", "expected"), PARTS)
@FOREIGN
def test_a_part_of_any_dialect_is_chats(part: dict[str, Any], expected: dict[str, Any]) -> None:
    (message,) = in_chat(user({"type": "text", "text": "see"}, part))

    assert message["content"] == [{"type": "text", "text": "see"}, expected]


@FOREIGN
def test_responses_items_are_a_chats_turns() -> None:
    found = in_chat(
        {"type": "message", "role": "developer", "content": "be brief"},
        {"role": "user", "content": [{"type": "input_text", "text": "look"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
        {"role": "assistant", "id": "msg_1", "content": [{"type": "output_text", "text": "so"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "sh", "input": "ls"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "b"},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "a"}]},
    )  # fmt: skip

    assert found == [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": "so", "tool_calls": [CALL, CUSTOM]},
        {"role": "tool", "tool_call_id": "c2", "content": "b"},
        {"role": "tool", "tool_call_id": "c1", "content": "a"},
    ]


@FOREIGN
def test_chats_own_messages_stay_what_they_were_among_the_others() -> None:
    turns = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "look", "name": "ada"},
        {"role": "assistant", "content": None, "tool_calls": [CALL, CUSTOM]},
        {"role": "tool", "tool_call_id": "c2", "content": "b"},
        {"role": "tool", "tool_call_id": "c1", "content": "a"},
        {"role": "assistant", "content": None, "refusal": "no"},
    ]

    found = in_chat(*turns, user({"type": "input_text", "text": "more"}))

    assert found == [*turns, {"role": "user", "content": "more"}]


@FOREIGN
def test_anthropics_blocks_are_calls_and_results() -> None:
    found = in_chat(
        {"role": "user", "content": "look"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "x"},
                {"type": "text", "text": "so"},
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
            ],
        },
        user(
            {
                "type": "tool_result",
                "tool_use_id": "c1",
                "content": [{"type": "text", "text": "a"}],
            },
            {"type": "text", "text": "and now?"},
        ),
    )

    called = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    assert found == [
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": "so", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "c1", "content": "a"},
        {"role": "user", "content": "and now?"},
    ]


REFUSED: list[tuple[object, str, str | None]] = [
    ({"role": "robot", "content": "x"}, "input[0].role", "invalid_value"),
    ({"role": "user"}, "input[0].content", "missing_required_parameter"),
    ({"role": "tool", "content": "x"}, "input[0].tool_call_id", "missing_required_parameter"),
    ({"content": "x"}, "input[0].type", "missing_required_parameter"),
    (5, "input[0]", "invalid_type"),
    (user({"text": "x"}), "input[0].content[0].type", "missing_required_parameter"),
    (user({"type": "input_text"}), "input[0].content[0].text", "missing_required_parameter"),
    (user({"type": "video"}), "input[0].content[0].type", "invalid_value"),
    (user({"type": "input_file", "file_id": "f"}), "input[0].content[0].file_id", "unsupported_parameter"),
    (user({"type": "image", "source": {"type": "file"}}), "input[0].content[0].source.type", "invalid_value"),
    (user({"type": "tool_use", "name": "f"}), "input[0].content[0].id", "missing_required_parameter"),
    (user({"type": "tool_use", "id": "c"}), "input[0].content[0].name", "missing_required_parameter"),
    (user({"type": "tool_result"}), "input[0].content[0].tool_use_id", "missing_required_parameter"),
    ({"role": "tool", "tool_call_id": "c", "content": [{"type": "tool_use", "id": "d", "name": "f"}]}, "input[0].content[0].type", "invalid_value"),
    ({"role": "assistant", "tool_calls": [{"id": "c", "type": "function"}]}, "input[0].tool_calls[0].function", "missing_required_parameter"),
    ({"role": "assistant", "tool_calls": [{"id": "c", "type": "mcp"}]}, "input[0].tool_calls[0].type", "invalid_value"),
    ({"type": "function_call", "call_id": "c"}, "input[0].name", "missing_required_parameter"),
    ({"type": "compaction", "encrypted_content": "x"}, "input[0]", "unsupported_parameter"),
    ({"type": "compaction_trigger"}, "input[0]", "unsupported_parameter"),
    ({"type": "item_reference", "id": "msg_1"}, "input", None),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "param", "code"), REFUSED)
@FOREIGN
def test_a_fault_is_named_where_it_is(entry: object, param: str, code: str | None) -> None:
    assert refused(entry) == (param, code)


@FOREIGN
def test_no_entries_are_refused() -> None:
    assert refused() == ("input", "empty_array")


def test_only_what_chat_has_no_word_for_is_foreign() -> None:
    said = {"role": "user", "content": 'a "type":"input_text" in a text'}

    assert not is_foreign(raw([said]))
    assert not is_foreign(raw([user({"type": "text", "text": "x"})]))
    assert is_foreign(raw([user({"type": "input_text", "text": "x"})]))
    assert is_foreign(msgspec.Raw(b'[{"type"  :\n "tool_use"}]'))


TYPES = (
    "input_text", "output_text", "text", "image", "input_image", "image_url", "tool_use", "thinking",
    "tool_result", "function_call", "function_call_output", "reasoning", "message", "file", "x",
)  # fmt: skip
KEYS = (
    "type", "role", "content", "text", "id", "name", "input", "source", "output", "tool_calls",
    "call_id", "tool_call_id", "arguments", "image_url", "file", "function", "tool_use_id",
)  # fmt: skip
words = st.sampled_from(("user", "assistant", "tool", "system", *TYPES))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)
entries = st.fixed_dictionaries(
    {}, optional={"role": words, "type": words, "content": values, "tool_calls": values}
)


@given(entries=st.lists(entries | values, max_size=4))
@settings(deadline=None, max_examples=50)
@pytest.mark.requirement("fuzz:requests")
def test_any_entries_become_chats_or_are_refused_with_a_typed_error(entries: list[object]) -> None:
    with contextlib.suppress(InvalidRequestError, NotFoundError):
        found = as_chat_messages(raw(entries), "input")
        assert isinstance(json.loads(bytes(found)), list)
