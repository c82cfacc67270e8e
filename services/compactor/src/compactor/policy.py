"""When to compact, and how small. Pure.

All figures are tokens. The window is what the model can read; what is reserved of it (tools,
schemas, the answer) belongs to nobody here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wire.compaction import threshold_tokens

if TYPE_CHECKING:
    from wire.specs import CompactionSpec

# Not again before the window grew by a fifth since the last compaction.
_GROWTH = 1.2
# Of an explicit compaction: relative to what may be folded, however large the window is.
_EXPLICIT_RATIO = 0.3
_SMALLEST_TARGET_TOKENS = 800
_FREE_SHARE = 0.5

Decision = Literal["compact", "disabled", "below_threshold", "hysteresis", "mid_turn"]


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known before a compaction. `compacted_to` None: nothing was compacted before."""

    tokens: int
    window_tokens: int
    reserved_tokens: int
    compacted_to: int | None
    at_turn_boundary: bool
    force: bool

    @property
    def usable_tokens(self) -> int:
        return max(0, self.window_tokens - self.reserved_tokens)


def target_tokens(spec: CompactionSpec, window_tokens: int) -> int:
    """The size that an automatic compaction aims at; always well below the threshold."""
    threshold = threshold_tokens(spec, window_tokens)
    return max(1, min(int(spec.target_ratio * window_tokens), int(threshold / _GROWTH)))


def explicit_target_tokens(
    spec: CompactionSpec, window_tokens: int, tokens: int, standing_tokens: int
) -> int:
    """Somebody asked for it: smaller than what there is, even in a window that it fits easily.

    System and developer messages stay whatever happens; the ratio is of everything else.
    """
    foldable = max(0, tokens - standing_tokens)
    own = standing_tokens + max(_SMALLEST_TARGET_TOKENS, int(_EXPLICIT_RATIO * foldable))
    return min(own, max(1, int(spec.target_ratio * window_tokens)))


def decide(spec: CompactionSpec, situation: Situation) -> Decision:
    """Whether an automatic compaction is due, or why it is not.

    A conversation that does not fit the window is compacted in the middle of a turn and without
    having grown; `force` asks for the same.
    """
    if not spec.enabled:
        return "disabled"
    if situation.force or situation.tokens > situation.usable_tokens:
        return "compact"
    if situation.tokens < threshold_tokens(spec, situation.window_tokens):
        return "below_threshold"
    if situation.compacted_to and situation.tokens < _GROWTH * situation.compacted_to:
        return "hysteresis"
    return "compact" if situation.at_turn_boundary else "mid_turn"


def half_is_free(tokens: int, window_tokens: int) -> bool:
    """What an automatic compaction promises; where it cannot, it says so."""
    return tokens <= _FREE_SHARE * window_tokens
