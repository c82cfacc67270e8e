"""The clock that gets injected."""

from __future__ import annotations

from service_kit.clock import Clock, SystemClock
from service_kit.testing import FakeClock


def test_the_monotonic_clock_does_not_go_back() -> None:
    clock: Clock = SystemClock()

    readings = [clock.monotonic_s() for _ in range(1000)]

    assert readings == sorted(readings)


def test_the_wall_clock_is_in_this_century() -> None:
    assert 1.7e9 < SystemClock().unix_s() < 4.2e9


def test_a_fake_clock_moves_only_when_told() -> None:
    clock = FakeClock(monotonic_s=5, unix_s=100)
    assert (clock.monotonic_s(), clock.unix_s()) == (5, 100)

    clock.advance(2.5)

    assert (clock.monotonic_s(), clock.unix_s()) == (7.5, 102.5)
