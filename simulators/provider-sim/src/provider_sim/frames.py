"""Between the wires and what serves them: a decoded request, and an answer ready to be sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from provider_sim.prompt import Prompt, Reply
    from provider_sim.usage import Usage
    from provider_sim.wire_errors import WireError


@dataclass(frozen=True, slots=True)
class Frame:
    data: bytes
    tokens: int = 0
    """Generated tokens in it, over all choices; a frame without any is structure."""
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is ready to be sent, stream or not."""

    usage: Usage
    finish_reason: str
    beats: int
    """Tokens of the longest choice: how many steps the model takes."""
    body: Callable[[], bytes]
    frames: Callable[[], list[Frame]]
    error_frames: Callable[[WireError, int], list[Frame]] = field(
        default=lambda _error, _frames_sent: []
    )
    """How this wire says mid-stream that it fails, after so many frames."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes one answer this one."""

    token: str
    """Goes into every id of the answer."""
    unix_s: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """A request of any wire, with the wire's own way of answering it."""

    prompt: Prompt
    stream: bool
    messages_param: str
    """What this wire calls the conversation, for errors about its length."""
    encode: Callable[[list[Reply], Usage, Usage | None, Stamp], Answer]
    """Replies, true usage, usage as shown, stamp."""
