"""What goes in and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Speaker = Literal["user", "assistant", "call", "tool"]


@dataclass(frozen=True, slots=True)
class Passage:
    """One message, tool call or tool result as text.

    `index` is the caller's and comes back unchanged. `emphasis` multiplies the worth of all of it:
    below 1 for what is kept elsewhere, above 1 for what the caller knows to matter.
    """

    index: int
    speaker: Speaker
    text: str
    emphasis: float = 1.0


@dataclass(frozen=True, slots=True)
class Condensed:
    """What is left of a passage. `whole`: it is the passage, byte for byte."""

    index: int
    speaker: Speaker
    text: str
    whole: bool
