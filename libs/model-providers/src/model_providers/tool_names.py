"""Names of tools where the wire knows no namespaces: `namespace__name`, and the way back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wire.conversation import Tool

_SEPARATOR = "__"


@dataclass(frozen=True, slots=True)
class ToolName:
    name: str
    namespace: str | None = None

    @property
    def flat(self) -> str:
        return self.name if self.namespace is None else self.namespace + _SEPARATOR + self.name


def flat_names(tools: Iterable[Tool]) -> Mapping[str, ToolName]:
    """The tools of a request by the name the vendor sees; empty when none has a namespace."""
    return {
        name.flat: name
        for name in (ToolName(tool.name, tool.namespace) for tool in tools)
        if name.namespace is not None
    }


def unflatten(flat: str, names: Mapping[str, ToolName]) -> ToolName:
    """What the vendor called, in the client's own terms; unknown names pass unchanged."""
    return names.get(flat) or ToolName(flat)
