"""What a decoder needs besides the bytes. Pure: ids are made by a function it is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from model_providers.tool_names import ToolName
from wire.errors import UpstreamProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class DecodeContext:
    """`provider` is its name in the configuration; `new_tool_call_id` names calls without an id.

    `tool_names` leads back from flat names to the client's own.
    """

    provider: str
    new_tool_call_id: Callable[[], str]
    tool_names: Mapping[str, ToolName] = field(default_factory=dict[str, ToolName])

    def protocol_error(self, what: str) -> UpstreamProtocolError:
        return UpstreamProtocolError(f"{self.provider}: {what}", provider=self.provider)
