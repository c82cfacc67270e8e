"""Items we do not interpret, as text that any model can read. Pure.

An item that carries content (a shell call, its output, a patch) stays in the conversation as its
JSON; records of hosted tools and settings carry none and are left out. Source: OpenAI wire
contract, section 2.3, last row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wire.raw_json import is_present

if TYPE_CHECKING:
    from wire.conversation import OtherItem, Role

_WITHOUT_CONTENT = frozenset(
    {
        "additional_tools",
        "code_interpreter_call",
        "compaction_trigger",
        "configuration_update",
        "file_search_call",
        "image_generation_call",
        "item_reference",
        "mcp_list_tools",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
    }
)


def other_item_text(item: OtherItem) -> str | None:
    """The item as `[type] json`; None: nothing in it is worth a model's attention."""
    if item.item_type in _WITHOUT_CONTENT or not is_present(item.raw):
        return None
    return f"[{item.item_type}] {bytes(item.raw).decode('utf-8', 'replace')}"


def other_item_role(item: OtherItem) -> Role:
    """Calls are what the assistant did; everything else is what it was told."""
    return "assistant" if item.item_type.endswith("_call") else "user"
