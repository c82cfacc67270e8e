"""The circuit: when it opens, who may probe, when it closes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.resilience.breaker import (
    BreakerPolicy,
    CircuitBreaker,
    CircuitOpenError,
    Outcome,
)

POLICY = BreakerPolicy(window_s=30, min_failures=4, failure_ratio=0.5, open_s=5, max_open_s=20)


def breaker() -> CircuitBreaker:
    return CircuitBreaker(POLICY, now_s=0)


def call(circuit: CircuitBreaker, outcome: Outcome, now_s: float = 0) -> None:
    circuit.settle(circuit.admit(now_s=now_s), outcome, now_s=now_s)


def opened(now_s: float = 0) -> CircuitBreaker:
    circuit = breaker()
    for _ in range(POLICY.min_failures):
        call(circuit, "failure", now_s)
    return circuit


@pytest.mark.requirement("providers:breaker")
def test_it_opens_after_enough_failures_and_says_for_how_long() -> None:
    circuit = opened()

    with pytest.raises(CircuitOpenError) as raised:
        circuit.admit(now_s=2)

    assert raised.value.retry_after_s == 3


def test_failures_among_more_successes_do_not_open_it() -> None:
    circuit = breaker()
    for _ in range(20):
        for outcome in ("success", "success", "failure", "unknown"):
            call(circuit, outcome)

    assert circuit.is_closed


@pytest.mark.parametrize(("gap_s", "is_closed"), [(14, False), (16, False), (31, True)])
def test_old_failures_are_forgotten(gap_s: float, *, is_closed: bool) -> None:
    circuit = breaker()
    for now_s in (0, 0, gap_s, gap_s):
        call(circuit, "failure", now_s)

    assert circuit.is_closed is is_closed


def test_after_its_rest_one_probe_goes_and_closes_it() -> None:
    circuit = opened()

    probe = circuit.admit(now_s=5)
    with pytest.raises(CircuitOpenError):
        circuit.admit(now_s=5)
    circuit.settle(probe, "success", now_s=6)

    assert probe.is_probe
    assert circuit.is_closed


def test_each_failed_probe_doubles_the_rest_up_to_its_bound() -> None:
    circuit = opened()
    now_s, rests_s = 5.0, list[float]()
    for _ in range(4):
        call(circuit, "failure", now_s)
        with pytest.raises(CircuitOpenError) as raised:
            circuit.admit(now_s=now_s)
        rests_s.append(raised.value.retry_after_s)
        now_s += raised.value.retry_after_s

    assert rests_s == [10, 20, 20, 20]


def test_a_cancelled_probe_makes_room_for_the_next() -> None:
    circuit = opened()

    call(circuit, "unknown", now_s=5)

    assert circuit.admit(now_s=5).is_probe


def test_calls_from_before_it_opened_decide_nothing() -> None:
    circuit = breaker()
    late = circuit.admit(now_s=0)
    for _ in range(POLICY.min_failures):
        call(circuit, "failure")
    probe = circuit.admit(now_s=5)

    circuit.settle(late, "success", now_s=5)

    assert not circuit.is_closed
    circuit.settle(probe, "success", now_s=5)
    assert circuit.is_closed


@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.sampled_from(["success", "failure", "unknown"])),
        max_size=80,
    )
)
def test_it_never_stays_open_for_ever(steps: list[tuple[float, Outcome]]) -> None:
    circuit, now_s = breaker(), 0.0
    for step_s, outcome in steps:
        now_s += step_s
        with suppress(CircuitOpenError):
            call(circuit, outcome, now_s)

    call(circuit, "success", now_s + POLICY.max_open_s)

    assert circuit.is_closed
