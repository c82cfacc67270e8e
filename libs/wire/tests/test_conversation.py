"""The neutral conversation: unions told apart by their tags, usage that adds up."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.conversation import (
    AnswerEvent,
    GenerationRequest,
    ImagePart,
    Item,
    Message,
    OtherItem,
    Part,
    RefusalPart,
    TextDelta,
    TextPart,
    ToolCall,
    ToolResult,
    Usage,
    text_of,
    user_text,
)

counts = st.integers(0, 10**9)
usages = st.builds(Usage, counts, counts, counts, counts, counts, st.booleans())


@pytest.mark.parametrize("union", [Part, Item, AnswerEvent])
def test_every_member_of_a_union_has_its_own_tag(union: object) -> None:
    tags = [member.__struct_config__.tag for member in get_args(union)]

    assert None not in tags
    assert len(set(tags)) == len(tags)


def test_items_of_all_kinds_come_back_as_what_they_were() -> None:
    items: tuple[Item, ...] = (
        user_text("hello"),
        ToolCall("call_1", "add", '{"a":1}'),
        ToolResult("call_1", (TextPart("2"),)),
        OtherItem("web_search_call", msgspec.Raw(b'{"type":"web_search_call"}')),
    )

    read = msgspec.json.decode(
        msgspec.json.encode(GenerationRequest(items)), type=GenerationRequest
    )

    assert [type(item) for item in read.items] == [type(item) for item in items]
    assert read.items[:3] == items[:3]


@given(usages, usages, usages)
def test_usage_adds_up_in_any_order(one: Usage, two: Usage, three: Usage) -> None:
    assert (one + two) + three == one + (two + three)
    assert one + two == two + one
    assert (one + two).total_tokens == one.total_tokens + two.total_tokens


@given(usages)
def test_adding_no_usage_changes_nothing(usage: Usage) -> None:
    assert usage + Usage() == usage


def test_a_sum_with_an_estimate_is_an_estimate() -> None:
    assert (Usage(1, 2) + Usage(3, 4, estimated=True)).estimated


def test_text_leaves_out_what_is_not_text() -> None:
    parts = (TextPart("a"), ImagePart("data:,"), RefusalPart("no"), TextPart("b"))

    assert text_of(parts) == "ab"


def test_defaults_do_not_travel() -> None:
    assert msgspec.json.encode(TextDelta("hi")) == b'{"type":"text.delta","text":"hi"}'
    assert msgspec.json.encode(Message("user", (TextPart("x"),))) == (
        b'{"type":"message","role":"user","content":[{"type":"text","text":"x"}]}'
    )
