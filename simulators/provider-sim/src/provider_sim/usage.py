"""Exact usage of one exchange, under the simulator's own counter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provider_sim.token_counter import (
    TOKENS_PER_MESSAGE,
    TOKENS_PER_REPLY,
    count_tokens,
    pieces,
)

if TYPE_CHECKING:
    from provider_sim.prompt import Prompt, Reply


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


def rendered(prompt: Prompt, *, messages: int | None = None) -> str:
    """The prompt, or its first messages, as one text: what is counted, cached and hashed."""
    parts = [prompt.extra_text] if prompt.extra_text else []
    for message in prompt.messages[:messages]:
        parts.append(f"{message.role}\n{message.text}")
        parts += [f"{call.name} {call.arguments}" for call in message.calls]
    return "\n".join(parts)


def measure(prompt: Prompt, tokens: list[str]) -> Usage:
    """What the prompt costs; nothing is cached yet and nothing generated."""
    media = sum(message.media_tokens for message in prompt.messages)
    frame = TOKENS_PER_MESSAGE * len(prompt.messages) + TOKENS_PER_REPLY
    return Usage(prompt_tokens=len(tokens) + frame + media)


def reply_tokens(reply: Reply) -> int:
    """What one choice costs, reasoning included."""
    calls = sum(call_tokens(call.name, call.arguments) for call in reply.calls)
    return len(reply.reasoning) + len(reply.text) + calls


def call_tokens(name: str, arguments: str) -> int:
    """What one tool call costs: its name and its arguments."""
    return count_tokens(name) + len(pieces(arguments))
