"""Items we do not interpret, as text."""

import msgspec
import pytest

from model_providers.other_items import other_item_role, other_item_text
from wire.conversation import OtherItem
from wire.raw_json import ABSENT

RAW = msgspec.Raw(b'{"command": "ls"}')


@pytest.mark.parametrize(
    ("item_type", "role"),
    [
        ("shell_call", "assistant"),
        ("apply_patch_call", "assistant"),
        ("shell_call_output", "user"),
        ("mcp_approval_response", "user"),
    ],
)
def test_content_is_kept_as_its_json_by_whoever_made_it(item_type: str, role: str) -> None:
    item = OtherItem(item_type, RAW)

    assert other_item_text(item) == f'[{item_type}] {{"command": "ls"}}'
    assert other_item_role(item) == role


@pytest.mark.parametrize("item_type", ["web_search_call", "item_reference", "additional_tools"])
def test_records_without_content_are_left_out(item_type: str) -> None:
    assert other_item_text(OtherItem(item_type, RAW)) is None


def test_an_empty_item_is_left_out() -> None:
    assert other_item_text(OtherItem("shell_call", ABSENT)) is None
