from hypothesis import given
from hypothesis import strategies as st

from conclave_cli.backoff import Backoff


def test_delay_doubles_from_crash_to_crash_up_to_the_longest():
    backoff = Backoff(first_s=0.5, longest_s=4, stable_s=60)

    delays = [backoff.next_delay_s(lived_s=1) for _ in range(6)]

    assert delays == [0.5, 1, 2, 4, 4, 4]


def test_a_stable_life_starts_the_delays_afresh():
    backoff = Backoff(first_s=0.5, longest_s=30, stable_s=60)
    for _ in range(5):
        backoff.next_delay_s(lived_s=1)

    assert backoff.next_delay_s(lived_s=60) == 0.5
    assert backoff.next_delay_s(lived_s=1) == 1


@given(st.lists(st.floats(min_value=0, max_value=1e6), max_size=200))
def test_no_delay_leaves_its_bounds(lives_s: list[float]):
    backoff = Backoff(first_s=0.5, longest_s=30, stable_s=60)

    delays = [backoff.next_delay_s(lived_s) for lived_s in lives_s]

    assert all(0.5 <= delay <= 30 for delay in delays)
