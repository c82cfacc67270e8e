"""How many are enough, and how long the others may still take."""

from __future__ import annotations

from dataclasses import dataclass

MIN_GRACE_MS = 2_000  # below this a cut saves nothing a person would notice
COLD_PATIENCE = 5.0  # of an agent nothing is known about: a model 4x slower is still heard
MIN_COLD_GRACE_MS = 10_000


@dataclass(frozen=True, slots=True)
class GraceRule:
    """`grace`: the share of the time so far that stragglers get on top."""

    quorum: int
    grace: float

    def straggler_deadline_ms(
        self, *, opened_ms: int, quorum_ms: int, started_ms: int, p95_ms: int | None
    ) -> int:
        """Until when one straggler may answer, in time since admission.

        At least its own rolling p95, so that a steadily slower, stronger model is not cut off.
        """
        so_far_ms = quorum_ms - opened_ms
        shared = quorum_ms + max(int(so_far_ms * self.grace), MIN_GRACE_MS)
        if p95_ms is None:
            cold = max(opened_ms + int(so_far_ms * COLD_PATIENCE), started_ms + MIN_COLD_GRACE_MS)
            return max(shared, cold)
        return max(shared, started_ms + p95_ms)


def quorum_of(agents: int, asked: int | None) -> int:
    """The panel's own figure within bounds, or a majority."""
    majority = agents // 2 + 1
    return max(1, min(asked or majority, agents))
