"""What a decoder needs besides the bytes. Pure: ids are made by a function it is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from model_providers.tool_names import ToolName, flat_names
from wire.errors import UpstreamProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from model_providers.provider import ModelCall


@dataclass(frozen=True, slots=True)
class DecodeContext:
    """`provider` is its name in the configuration; `new_tool_call_id` names calls without an id.

    `tool_names` leads back from flat names to the client's own. Where the dialect has no tools
    that take free text, `free_text_tools` says under which key it was wrapped, by flat name; where
    it has no schemas for answers, `answer_tool` is the tool that takes the answer instead.
    """

    provider: str
    new_tool_call_id: Callable[[], str]
    tool_names: Mapping[str, ToolName] = field(default_factory=dict[str, ToolName])
    free_text_tools: Mapping[str, str] = field(default_factory=dict[str, str])
    answer_tool: str | None = None

    @classmethod
    def of(cls, call: ModelCall, new_tool_call_id: Callable[[], str]) -> DecodeContext:
        """The context of dialects that take every tool as it is."""
        return cls(call.model.provider.name, new_tool_call_id, flat_names(call.request.tools))

    def protocol_error(self, what: str) -> UpstreamProtocolError:
        return UpstreamProtocolError(f"{self.provider}: {what}", provider=self.provider)
