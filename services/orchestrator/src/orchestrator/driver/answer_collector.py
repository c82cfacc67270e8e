"""A call's events put together, and passed on where the call is live."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wire.conversation import (
    ChoiceFinished,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCall,
    ToolCallStarted,
    UsageReported,
)
from wire.errors import UpstreamProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.coordination.commands import Live
    from wire.conversation import AnswerEvent

# A vendor that ignores its own token limit must not fill our memory.
_CHARS_PER_TOKEN_LIMIT = 16
_CHARS_FREE = 8_192


@dataclass(slots=True)
class _OpenToolCall:
    started: ToolCallStarted
    arguments: list[str] = field(default_factory=list)

    def closed(self) -> ToolCall:
        started = self.started
        return ToolCall(
            call_id=started.call_id,
            name=started.name,
            arguments="".join(self.arguments),
            kind=started.kind,
            namespace=started.namespace,
        )


class AnswerCollector:
    """One call's output. Appending is all it does per delta."""

    def __init__(self, max_output_tokens: int, provider: str) -> None:
        self._max_chars = max_output_tokens * _CHARS_PER_TOKEN_LIMIT + _CHARS_FREE
        self._provider = provider
        self._chars = 0
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._tool_calls: dict[int, _OpenToolCall] = {}
        self.deltas_with_logprobs: list[TextDelta] = []
        self.finish_reason: FinishReason = "stop"

    @property
    def text(self) -> str:
        return "".join(self._texts)

    @property
    def refusal(self) -> str | None:
        return "".join(self._refusals) or None

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(call.closed() for call in self._tool_calls.values())

    def take(self, event: AnswerEvent) -> None:
        """Keep what belongs to the answer.

        Raises:
            UpstreamProtocolError: far more output than the call allowed.
        """
        match event:
            case TextDelta(text=text):
                self._texts.append(text)
                self._count(text)
                if event.logprobs:
                    self.deltas_with_logprobs.append(event)
            case RefusalDelta(text=text):
                self._refusals.append(text)
                self._count(text)
            case ToolCallStarted():
                self._tool_calls[event.index] = _OpenToolCall(event)
            case ToolArgumentsDelta():
                self._count(event.text)
                if event.index in self._tool_calls:
                    self._tool_calls[event.index].arguments.append(event.text)
            case ReasoningDelta(text=text):
                self._count(text)
            case ChoiceFinished(finish_reason=reason):
                self.finish_reason = reason
            case _:
                pass

    def _count(self, text: str) -> None:
        self._chars += len(text)
        if self._chars > self._max_chars:
            raise UpstreamProtocolError(
                f"{self._provider} sent far more output than was asked for",
                provider=self._provider,
            )


class LiveTap:
    """Passes a live call's events to the client as they come.

    `tools`: held back until the call turns out to call a tool; then everything goes out.
    `unconditional`: even an empty answer is the answer. Otherwise the first words open the tap, so
    that somebody else can still speak when none come.
    """

    def __init__(
        self,
        live: Live,
        push: Callable[[AnswerEvent], None],
        began: Callable[[], None],
        *,
        unconditional: bool,
    ) -> None:
        self._live = live
        self._push = push
        self._began = began
        self._unconditional = unconditional
        self._flowing = False
        self._calls_tools = False
        self._held: list[AnswerEvent] = []

    def take(self, event: AnswerEvent) -> None:
        """Pass it on, hold it, or drop it."""
        if self._live == "no" or isinstance(event, UsageReported):
            return
        if not self._unconditional and self._is_foreign(event):
            return
        if not self._flowing and not self._opens(event):
            self._held.append(event)
            return
        self._flow()
        self._calls_tools = self._calls_tools or isinstance(event, ToolCallStarted)
        if self._calls_tools and isinstance(event, ChoiceFinished):
            event = ChoiceFinished("tool_calls")  # some backends say "stop"
        self._push(event)

    def _is_foreign(self, event: AnswerEvent) -> bool:
        """Thoughts of a panel's member, and calls of tools that a presenter was not given."""
        if isinstance(event, ReasoningDelta):
            return True
        calls = isinstance(event, ToolCallStarted | ToolArgumentsDelta)
        return calls and self._live == "text"

    def _opens(self, event: AnswerEvent) -> bool:
        if self._live == "tools":
            return isinstance(event, ToolCallStarted)
        if self._unconditional or isinstance(event, RefusalDelta):
            return True
        return isinstance(event, TextDelta) and not event.text.isspace()

    def _flow(self) -> None:
        if self._flowing:
            return
        self._flowing = True
        self._began()
        for event in self._held:
            self._push(event)
        self._held = []
