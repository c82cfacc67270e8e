"""When each token comes. Pure: offsets in seconds from the request's arrival."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provider_sim.stable_hash import seeded

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class LatencyLaw:
    ttft_ms: float = 0.0
    inter_token_ms: float = 0.0
    total_ms: float | None = None
    """End of the call; the tokens spread over it, and `inter_token_ms` does not count."""
    jitter: float = 0.0
    straggler_probability: float = 0.0
    straggler_factor: float = 6.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Absolute offsets, so that a late token does not delay the next."""

    first_s: float
    step_s: float
    end_s: float
    beats: int

    def beat_s(self, index: int) -> float:
        return min(self.first_s + index * self.step_s, self.end_s)

    def beats_by(self, elapsed_s: float) -> int:
        """How many tokens have been generated after this time."""
        if elapsed_s < self.first_s:
            return 0
        if elapsed_s >= self.end_s or self.step_s <= 0:
            return self.beats
        return min(self.beats, 1 + int((elapsed_s - self.first_s) / self.step_s))


def pace_for(law: LatencyLaw, beats: int, seed: object) -> Pace:
    """The pace of one request; jitter and stragglers are drawn from the seed."""
    factor = _factor(law, seed)
    first_s = law.ttft_ms / 1000 * factor
    if law.total_ms is None:
        step_s = law.inter_token_ms / 1000 * factor
        return Pace(first_s, step_s, first_s + step_s * max(0, beats - 1), beats)
    end_s = max(first_s, law.total_ms / 1000 * factor)
    return Pace(first_s, (end_s - first_s) / max(1, beats), end_s, beats)


def _factor(law: LatencyLaw, seed: object) -> float:
    if not law.jitter and not law.straggler_probability:
        return 1.0
    rng = seeded("latency", seed)
    factor = 1.0 + rng.uniform(-law.jitter, law.jitter)
    if rng.random() < law.straggler_probability:
        factor *= law.straggler_factor
    return max(0.0, factor)


def frame_deadlines(frame_tokens: Iterable[int], pace: Pace) -> list[float]:
    """When each frame is due, given how many tokens each carries.

    Structure before the first token leaves with it, structure after the last one at the end.
    """
    due: list[float] = []
    beat = 0
    for tokens in frame_tokens:
        ended = not tokens and beat >= pace.beats
        due.append(pace.end_s if ended else pace.beat_s(beat if tokens else max(0, beat - 1)))
        beat += tokens > 0
    return due
