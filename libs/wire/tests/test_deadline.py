"""The time a request has left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.deadline import Deadline

seconds = st.floats(0, 1e6)
moments = st.floats(0, 1e6)


def test_time_left_shrinks_as_the_clock_moves_and_stops_at_zero() -> None:
    deadline = Deadline.after(10, now_s=100)

    assert deadline.left_s(now_s=100) == 10
    assert deadline.left_s(now_s=104) == 6
    assert deadline.left_s(now_s=200) == 0


@pytest.mark.requirement("wire:deadline:left")
@given(seconds, moments, moments)
def test_a_hop_with_another_clock_gets_the_time_left(
    timeout_s: float, here_s: float, there_s: float
) -> None:
    header = Deadline.after(timeout_s, now_s=here_s).header_value(now_s=here_s)

    received = Deadline.from_header(header, default_s=1e7, now_s=there_s)

    assert received.left_s(now_s=there_s) == pytest.approx(timeout_s, abs=0.002)


@pytest.mark.requirement("wire:deadline:left")
@given(st.text(max_size=8) | st.integers(-(10**9), 10**12).map(str) | st.none(), seconds)
def test_a_header_can_only_shorten_the_default(header: str | None, default_s: float) -> None:
    received = Deadline.from_header(header, default_s=default_s, now_s=0)

    assert 0 <= received.left_s(now_s=0) <= default_s


@pytest.mark.parametrize("header", [None, "", "soon", "1.5", "1e3"])
def test_an_absent_or_malformed_header_means_the_default(header: str | None) -> None:
    assert Deadline.from_header(header, default_s=30, now_s=5) == Deadline(35)


def test_a_negative_header_means_that_time_is_up() -> None:
    assert Deadline.from_header("-5", default_s=30, now_s=5).left_s(now_s=5) == 0


@given(seconds, seconds)
def test_earlier_is_the_sooner_of_both(left_s: float, timeout_s: float) -> None:
    earlier = Deadline.after(left_s, now_s=0).earlier(timeout_s, now_s=0)

    assert earlier.left_s(now_s=0) == min(left_s, timeout_s)
