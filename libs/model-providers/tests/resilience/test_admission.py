"""The door to a deployment: circuit and places together."""

import asyncio

import msgspec
import pytest

from model_providers.resilience.admission import Doorkeeper, outcome_of
from model_providers.resilience.breaker import BreakerPolicy, Outcome
from model_providers.testing import MonotonicClock, ScriptedVendor
from wire.deadline import Deadline
from wire.errors import (
    ContextLengthExceededError,
    DeadlineExceededError,
    OverloadedError,
    PlatformFaultError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from wire.specs import ModelSpec


class ManualClock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic_s(self) -> float:
        return self.now_s


def model(name: str = "sim", max_concurrency: int = 1) -> ModelSpec:
    return ScriptedVendor("http://v/v1").model(name, max_concurrency=max_concurrency)


def soon(clock: ManualClock, left_s: float = 0.01) -> Deadline:
    return Deadline.after(left_s, now_s=clock.now_s)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, "success"),
        (UpstreamError("x", provider="v"), "failure"),
        (UpstreamProtocolError("x", provider="v"), "failure"),
        (UpstreamTimeoutError("x", provider="v"), "failure"),
        (UpstreamUnavailableError("x", provider="v"), "failure"),
        (UpstreamRejectedError("x", provider="v"), "success"),
        (UpstreamRateLimitedError("x", provider="v"), "success"),
        (ContextLengthExceededError("x"), "success"),
        (UpstreamAuthError("x", provider="v"), "unknown"),
        (DeadlineExceededError("x"), "unknown"),
        (PlatformFaultError("x"), "unknown"),
        (asyncio.CancelledError(), "unknown"),
        (GeneratorExit(), "unknown"),
    ],
)
def test_only_the_vendors_own_trouble_counts_against_it(
    error: BaseException | None, expected: Outcome
) -> None:
    assert outcome_of(error) == expected


@pytest.mark.requirement("providers:breaker")
async def test_a_circuit_is_one_deployments_own() -> None:
    clock = ManualClock()
    doorkeeper = Doorkeeper(clock, BreakerPolicy(min_failures=1))
    (await doorkeeper.admit(model("bad"), soon(clock))).leave("failure")

    (await doorkeeper.admit(model("good"), soon(clock))).leave("success")
    with pytest.raises(UpstreamUnavailableError, match="rests"):
        await doorkeeper.admit(model("bad"), soon(clock))
    clock.now_s += 5
    (await doorkeeper.admit(model("bad"), soon(clock))).leave("success")
    (await doorkeeper.admit(model("bad"), soon(clock))).leave("success")


@pytest.mark.requirement("providers:concurrency")
async def test_a_place_is_given_back_once_however_often_one_leaves() -> None:
    clock = ManualClock()
    doorkeeper = Doorkeeper(clock)
    first = await doorkeeper.admit(model(), soon(clock))

    first.leave("success")
    first.leave("failure")
    await doorkeeper.admit(model(), soon(clock))

    with pytest.raises(OverloadedError):
        await doorkeeper.admit(model(), soon(clock))


async def test_a_probe_that_finds_no_place_leaves_the_probing_to_others() -> None:
    clock = ManualClock()
    doorkeeper = Doorkeeper(clock, BreakerPolicy(min_failures=1))
    (await doorkeeper.admit(model("bad"), soon(clock))).leave("failure")
    clock.now_s += 5
    occupant = await doorkeeper.admit(model("good"), soon(clock))
    with pytest.raises(OverloadedError):
        await doorkeeper.admit(model("bad"), soon(clock))
    occupant.leave("success")

    (await doorkeeper.admit(model("bad"), soon(clock))).leave("success")


async def test_a_changed_limit_takes_effect_at_once() -> None:
    clock = ManualClock()
    doorkeeper = Doorkeeper(clock)
    await doorkeeper.admit(model(), soon(clock))

    for _ in range(3):
        await doorkeeper.admit(model(max_concurrency=3), soon(clock))

    with pytest.raises(OverloadedError):
        await doorkeeper.admit(model(max_concurrency=3), soon(clock))


async def test_the_wait_in_the_queue_obeys_the_deadline() -> None:
    clock = MonotonicClock()
    doorkeeper = Doorkeeper(clock)
    spec = msgspec.structs.replace(model(), name="other")
    deadline = Deadline.after(0.05, now_s=clock.monotonic_s())
    await doorkeeper.admit(spec, deadline)

    async with asyncio.timeout(5):
        with pytest.raises(OverloadedError):
            await doorkeeper.admit(spec, deadline)
