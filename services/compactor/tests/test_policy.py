"""When to compact, and how small."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compactor.policy import (
    Decision,
    Situation,
    decide,
    explicit_target_tokens,
    half_is_free,
    target_tokens,
)
from wire.compaction import threshold_tokens
from wire.specs import CompactionSpec

PLAIN = CompactionSpec()


def situation(tokens: int, **changed: object) -> Situation:
    values: dict[str, object] = {
        "tokens": tokens,
        "window_tokens": 128_000,
        "reserved_tokens": 4_000,
        "compacted_to": None,
        "at_turn_boundary": True,
        "force": False,
        **changed,
    }
    return Situation(**values)  # pyright: ignore[reportArgumentType]


@pytest.mark.requirement("compaction:policy:thresholds")
@pytest.mark.parametrize(
    ("window", "threshold"), [(400_000, 300_000), (128_000, 96_000), (32_000, 12_000)]
)
def test_the_threshold_leaves_a_quarter_or_twenty_thousand(window: int, threshold: int) -> None:
    assert threshold_tokens(PLAIN, window) == threshold


def test_an_operators_threshold_wins_within_the_window() -> None:
    assert threshold_tokens(CompactionSpec(threshold_tokens=5_000), 128_000) == 5_000
    assert threshold_tokens(CompactionSpec(threshold_ratio=0.5), 128_000) == 64_000
    assert threshold_tokens(CompactionSpec(threshold_tokens=900_000), 128_000) == 128_000


@given(st.integers(500, 2_000_000), st.floats(0.05, 0.9), st.none() | st.integers(1, 10**6))
def test_the_target_lies_well_below_the_threshold(
    window: int, ratio: float, threshold: int | None
) -> None:
    spec = CompactionSpec(target_ratio=ratio, threshold_tokens=threshold)

    assert 0 < target_tokens(spec, window) <= threshold_tokens(spec, window) / 1.2 + 1


@pytest.mark.requirement("compaction:policy:thresholds")
@pytest.mark.parametrize(
    ("now", "decision"),
    [
        (situation(50_000), "below_threshold"),
        (situation(97_000), "compact"),
        (situation(97_000, at_turn_boundary=False), "mid_turn"),
        (situation(125_000, at_turn_boundary=False), "compact"),
        (situation(97_000, at_turn_boundary=False, force=True), "compact"),
        (situation(50_000, force=True), "compact"),
        (situation(97_000, compacted_to=90_000), "hysteresis"),
        (situation(109_000, compacted_to=90_000), "compact"),
        (situation(125_000, compacted_to=124_000), "compact"),
    ],
)
def test_a_compaction_is_due_past_the_threshold_after_growth_and_between_turns(
    now: Situation, decision: Decision
) -> None:
    assert decide(PLAIN, now) == decision


def test_a_model_that_is_not_to_be_compacted_is_left_alone() -> None:
    assert decide(CompactionSpec(enabled=False), situation(500_000)) == "disabled"


def test_an_explicit_compaction_shrinks_what_fits_its_window_easily() -> None:
    assert explicit_target_tokens(PLAIN, 128_000, 10_000, 0) == 3_000
    assert explicit_target_tokens(PLAIN, 8_000, 100_000, 0) == 2_400
    assert explicit_target_tokens(PLAIN, 128_000, 500, 0) == 800


def test_standing_messages_do_not_eat_an_explicit_compactions_room() -> None:
    assert explicit_target_tokens(PLAIN, 128_000, 15_000, 5_000) == 5_000 + 3_000


def test_half_of_the_window_counts_as_free() -> None:
    assert half_is_free(16_000, 32_000)
    assert not half_is_free(16_001, 32_000)
