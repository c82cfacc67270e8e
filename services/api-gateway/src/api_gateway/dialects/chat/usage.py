"""Token counts as a chat answer states them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from wire.conversation import Compacted

if TYPE_CHECKING:
    from wire.conversation import Usage


class _PromptDetails(msgspec.Struct):
    cached_tokens: int
    audio_tokens: int = 0


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class ChatUsage(msgspec.Struct):
    """`total_tokens` is the sum; the details are always there, zero when nobody counted them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _PromptDetails
    completion_tokens_details: _CompletionDetails
    compaction_details: Compacted | msgspec.UnsetType = msgspec.UNSET


def chat_usage(usage: Usage, compacted: Compacted | None = None) -> ChatUsage:
    """Neutral counts under the names chat clients read."""
    return ChatUsage(
        usage.input_tokens,
        usage.output_tokens,
        usage.total_tokens,
        _PromptDetails(usage.cached_tokens),
        _CompletionDetails(usage.reasoning_tokens),
        compacted or msgspec.UNSET,
    )
