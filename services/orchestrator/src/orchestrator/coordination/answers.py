"""What an agent's output is worth as an answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from orchestrator.coordination.commands import ToolUse
    from orchestrator.coordination.events import CallFinished
    from wire.conversation import FinishReason, ToolCall

AnswerKind = Literal["text", "tools", "lesser"]
"""lesser: a refusal, a filtered or a blank cut-off text; counts only if nobody has better."""

NO_CALL = 0  # the core's calls are numbered from 1


@dataclass(frozen=True, slots=True)
class Answer:
    """`revision` grows with each refined text; a vote counts for one revision only.

    `call` is `NO_CALL` for what an earlier turn has left.
    """

    agent_id: str
    revision: int
    round: int
    call: int
    kind: AnswerKind
    text: str
    finish_reason: FinishReason
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    output_tokens: int = 0

    @property
    def sha256(self) -> str:
        return text_sha256(self.text)


class UnusableOutputError(ValueError):
    """Output that cannot stand as an answer; the message says why, in our words."""


def text_sha256(text: str) -> str:
    """How a delivered text is compared with the voted one."""
    return hashlib.sha256(text.encode()).hexdigest()


def answer_kind(event: CallFinished, tools: ToolUse) -> AnswerKind:
    """What the output is.

    Raises:
        UnusableOutputError: nothing in it, or a tool call where tools were withheld.
    """
    if event.tool_calls and tools == "client":
        return "tools"
    if event.text.strip():
        return "lesser" if event.finish_reason == "content_filter" else "text"
    if event.refusal or event.finish_reason in {"length", "content_filter"}:
        return "lesser"
    if event.tool_calls:
        raise UnusableOutputError("called a tool where tools were withheld")
    raise UnusableOutputError("the answer is empty")
