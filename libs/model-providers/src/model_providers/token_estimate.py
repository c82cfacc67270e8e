"""How many tokens a text, an item, a request will cost, without a tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wire.conversation import (
    Message,
    TextPart,
    ToolCall,
    ToolResult,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wire.conversation import GenerationRequest, Item


def estimate_text(text: str) -> int:
    return (len(text.encode("utf-8", "surrogatepass")) + 3) // 4


def estimate_items(items: Iterable[Item]) -> int:
    total = 0
    for item in items:
        total += 4
        match item:
            case Message():
                total += sum(estimate_text(p.text) for p in item.content if isinstance(p, TextPart))
            case ToolCall():
                total += estimate_text(item.name) + estimate_text(item.arguments)
            case ToolResult():
                total += sum(estimate_text(p.text) for p in item.output if isinstance(p, TextPart))
            case _:
                pass
    return total


def estimate_request(request: GenerationRequest) -> int:
    return 3 + estimate_items(request.items)
