"""When each token comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_sim.latency import LatencyLaw, frame_deadlines, pace_for

beats = st.integers(0, 500)
times = st.floats(0, 1000)


@pytest.mark.requirement("provider-sim:latency-law")
def test_a_call_begins_at_its_first_token_and_ends_at_its_total() -> None:
    pace = pace_for(LatencyLaw(ttft_ms=50, total_ms=250), 4, 0)

    due = frame_deadlines([0, 1, 1, 1, 1, 0, 0], pace)

    assert due == pytest.approx([0.05, 0.05, 0.1, 0.15, 0.2, 0.25, 0.25])


def test_without_a_total_tokens_follow_at_their_interval() -> None:
    pace = pace_for(LatencyLaw(ttft_ms=30, inter_token_ms=2), 3, 0)

    assert frame_deadlines([0, 1, 1, 1, 0], pace) == pytest.approx(
        [0.03, 0.03, 0.032, 0.034, 0.034]
    )


@given(times, times, st.lists(st.integers(0, 2), max_size=50))
def test_deadlines_never_go_back_and_never_pass_the_end(
    ttft_ms: float, total_ms: float, frames: list[int]
) -> None:
    count = sum(tokens > 0 for tokens in frames)
    pace = pace_for(LatencyLaw(ttft_ms=ttft_ms, total_ms=total_ms), count, 0)

    due = frame_deadlines(frames, pace)

    assert due == sorted(due)
    assert all(pace.first_s <= offset <= pace.end_s for offset in due)


@given(times, times, beats, st.floats(0, 3))
def test_tokens_generated_grow_with_time(
    ttft_ms: float, itl_ms: float, count: int, elapsed_s: float
) -> None:
    pace = pace_for(LatencyLaw(ttft_ms=ttft_ms, inter_token_ms=itl_ms), count, 0)

    assert 0 <= pace.beats_by(elapsed_s) <= pace.beats_by(elapsed_s + 1) <= count
    assert pace.beats_by(pace.end_s) == count


def test_stragglers_come_with_their_probability_and_factor() -> None:
    law = LatencyLaw(ttft_ms=10, straggler_probability=0.03, straggler_factor=6)

    slow = sum(pace_for(law, 1, seed).first_s > 0.05 for seed in range(10_000))

    assert 200 < slow < 400
    assert pace_for(law, 1, 7) == pace_for(law, 1, 7)


def test_jitter_stays_within_its_share() -> None:
    law = LatencyLaw(ttft_ms=100, jitter=0.2)

    firsts = {pace_for(law, 1, seed).first_s for seed in range(200)}

    assert len(firsts) > 150
    assert all(0.08 <= first <= 0.12 for first in firsts)
