"""A request as any model sees it, whatever wire it came over, and what the model answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from provider_sim.json_types import JsonObject

Role = Literal["system", "developer", "user", "assistant", "tool"]
Finish = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    call_id: str
    name: str
    arguments: str
    """JSON text of a function, free text of a custom tool."""
    custom: bool = False
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    text: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    """Of the call that a tool message answers."""
    media_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    parameters: JsonObject | None = None
    custom: bool = False
    namespace: str | None = None

    def answers_to(self, name: str) -> bool:
        if self.namespace is None:
            return name == self.name
        return name in {
            self.name,
            f"{self.namespace}.{self.name}",
            f"{self.namespace}__{self.name}",
        }


@dataclass(frozen=True, slots=True)
class ToolChoice:
    mode: Literal["auto", "none", "required"] = "auto"
    name: str | None = None
    """The one tool that must be called; only with mode `required`."""
    allowed: tuple[str, ...] = ()
    """Only these tools may be called; empty means all."""

    def permits(self, tool: Tool) -> bool:
        return not self.allowed or any(tool.answers_to(name) for name in self.allowed)


@dataclass(frozen=True, slots=True)
class OutputFormat:
    kind: Literal["text", "json_object", "json_schema"] = "text"
    schema: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sampling:
    seed: int | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    choices: int = 1
    logprobs: bool = False
    top_logprobs: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    output: OutputFormat = field(default_factory=OutputFormat)
    sampling: Sampling = field(default_factory=Sampling)
    parallel_calls: bool = True
    """Whether several tools may be called at once."""
    extra_text: str = ""
    """What else is rendered into the context: tool definitions, schemas."""
    caches: bool = True
    """Whether a prefix of it is looked up in the prompt cache, and remembered there."""
    cached_messages: int | None = None
    """How many messages that prefix has; None: all."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One choice. Pieces are tokens; they concatenate to the text."""

    text: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"
    stopped_by: str | None = None
    """The stop sequence that ended it."""
