"""A compaction in OpenAI's words."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from api_gateway.dialects.responses.compaction import (
    compacted_items,
    compacted_response,
    shown_usage,
)
from api_gateway.dialects.responses.items import decode_items, split_input
from wire.compaction import CompactResult
from wire.conversation import (
    AudioPart,
    CompactionItem,
    FilePart,
    ImagePart,
    Message,
    TextPart,
    Usage,
    user_text,
)

SEALED = CompactionItem("cmp1.x")
RESULT = CompactResult(
    items=(user_text("hi"), SEALED),
    level="extractive",
    tokens_before=50,
    tokens_after=5,
    budget_tokens=10,
    item_tokens=5,
    compaction=SEALED,
)


@pytest.mark.requirement("compaction-doors:endpoint")
def test_what_is_shown_reads_back_as_what_it_was() -> None:
    every_part = Message(
        "user",
        (
            TextPart("look"),
            ImagePart("https://x/y.png", "low"),
            FilePart("a.txt", "data:text/plain;base64,aGk="),
            AudioPart("aGk=", "wav"),
        ),
        id="msg_own",
    )

    shown = compacted_items("resp_1", (Message("developer", (TextPart("d"),)), every_part, SEALED))

    listed = b"[" + b",".join(item.shown for item in shown) + b"]"
    read = decode_items(split_input(Raw(listed)), "input").items
    developer, user, sealed = read
    assert isinstance(developer, Message)
    assert (developer.role, developer.content) == ("developer", (TextPart("d"),))
    assert user == every_part
    assert isinstance(sealed, CompactionItem)
    assert sealed.encrypted_content == SEALED.encrypted_content
    assert [item.is_compaction for item in shown] == [False, False, True]


def test_the_same_compaction_always_has_the_same_bytes() -> None:
    first, again = (
        compacted_response("resp_1", 7, compacted_items("resp_1", RESULT.items), RESULT)
        for _ in range(2)
    )

    assert first == again
    assert json.loads(first)["created_at"] == 7


def test_usage_is_the_models_where_one_was_asked() -> None:
    asked = CompactResult(
        items=(), level="summary", tokens_before=9, tokens_after=1, budget_tokens=1,
        usage=Usage(40, 4),
    )  # fmt: skip

    assert shown_usage(asked) == Usage(40, 4)
    assert shown_usage(RESULT) == Usage(50, 5, estimated=True)
