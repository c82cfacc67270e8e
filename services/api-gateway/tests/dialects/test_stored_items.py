"""Items as they are kept: whatever a client sends is kept or refused with a path."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.stored_items import listed_items, listed_text, reference_of
from wire.errors import InvalidRequestError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["message", "function_call", "reasoning", "odd", ""]) | JSON,
        "role": st.sampled_from(["user", "assistant", "system", "developer"]) | JSON,
        "content": st.text() | st.lists(st.just({"type": "input_text", "text": "x"})) | JSON,
        "id": st.text(max_size=600) | JSON,
        "status": st.just("incomplete") | JSON,
        "extra": JSON,
    },
)


def raw(item: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(item).encode())


def listed(*items: object, owner_id: str = "resp_1") -> list[dict[str, Any]]:
    return [
        json.loads(item.payload)
        for item in listed_items([raw(each) for each in items], owner_id, "input")
    ]


@pytest.mark.requirement("conversations:items")
@given(st.lists(ITEMS | JSON, max_size=4))
def test_any_items_are_kept_whole_or_refused_by_their_path(items: list[Any]) -> None:
    try:
        kept = listed_items([raw(item) for item in items], "resp_1", "input")
    except InvalidRequestError as refused:
        kept, param = [], refused.param or ""
        items = items if not param.startswith("input[") else []

    assert len(kept) == len(items)
    for item, one in zip(items, kept, strict=True):
        shown = json.loads(one.payload)
        assert shown["id"] == one.item_id
        assert 0 < len(one.item_id) <= 512
        assert isinstance(shown["type"], str)
        assert shown["status"]
        replaced = {"id", "type", "status", "content"}
        rest = {name: value for name, value in item.items() if name not in replaced}
        assert {name: shown[name] for name in rest} == rest
        if shown["type"] != "message":
            assert shown.get("content") == item.get("content")
        assert listed_items([msgspec.Raw(one.payload)], "other", "input") == [one]


def test_ids_derive_from_the_owner_and_the_index() -> None:
    first, second = listed({"role": "user", "content": "a"}, {"role": "user", "content": "a"})
    again, _ = listed({"role": "user", "content": "a"}, {"role": "user", "content": "a"})
    (other,) = listed({"role": "user", "content": "a"}, owner_id="resp_2")

    assert first == again
    assert len({first["id"], second["id"], other["id"]}) == 3


@pytest.mark.parametrize("item_id", [None, "", 7, "x" * 513])
def test_an_id_that_is_none_is_replaced(item_id: object) -> None:
    (item,) = listed({"type": "reasoning", "id": item_id, "summary": []})

    assert item["id"].startswith("rs_")


def test_a_mere_string_is_a_message_of_the_user() -> None:
    item = listed_text('he said "hi"', "resp_1")

    assert json.loads(item.payload) == {
        "id": item.item_id,
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_text", "text": 'he said "hi"'}],
    }


@pytest.mark.parametrize(
    ("item", "item_id"),
    [
        ({"type": "item_reference", "id": "msg_1"}, "msg_1"),
        ({"id": "msg_1"}, "msg_1"),
        ({"type": None, "id": "msg_1"}, "msg_1"),
        ({"id": "msg_1", "role": "user", "content": "x"}, None),
        ({"id": "fco_1", "call_id": "c", "output": "x"}, None),
        ({"type": "reasoning", "id": "rs_1"}, None),
        ({"type": "item_reference"}, None),
        ([], None),
    ],
)
def test_a_reference_is_told_from_an_item(item: object, item_id: str | None) -> None:
    assert reference_of(raw(item)) == item_id


@pytest.mark.parametrize("detail", [{}, {"detail": None}])
def test_a_picture_is_listed_with_its_detail(detail: dict[str, Any]) -> None:
    text = {"type": "input_text", "text": "see"}
    picture = {"type": "input_image", "image_url": "https://x/a.png", **detail}

    (shown,) = listed({"role": "user", "content": [text, picture, {**picture, "detail": "low"}]})

    assert shown["content"] == [
        text, {**picture, "detail": "auto"}, {**picture, "detail": "low"},
    ]  # fmt: skip
