import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.coordination.budgets import (
    Budget,
    WorstCase,
    agent_cost_nano_usd,
    cost_nano_usd,
    worst_case,
)
from orchestrator.coordination.plan import CallLimits, PlannedAgent
from wire.conversation import Usage
from wire.specs import Prices

SMALL = WorstCase(100, 50, 1000)


@pytest.mark.requirement("coordination:budgets")
@pytest.mark.parametrize(
    ("limits", "which"),
    [
        (CallLimits(max_calls=1), "calls"),
        (CallLimits(max_input_tokens=199), "input_tokens"),
        (CallLimits(max_output_tokens=99), "output_tokens"),
        (CallLimits(max_nano_usd=1999), "usd"),
    ],
)
def test_a_second_call_is_refused_with_the_limit_that_stands_against_it(
    limits: CallLimits, which: str
) -> None:
    budget = Budget(limits)

    assert budget.authorise(1, SMALL) is None
    assert budget.authorise(2, SMALL) == which


@pytest.mark.requirement("coordination:budgets")
def test_what_a_call_did_not_use_is_free_again() -> None:
    budget = Budget(CallLimits(max_input_tokens=150))
    budget.authorise(1, SMALL)
    assert budget.authorise(2, SMALL) == "input_tokens"

    budget.settle(1, Usage(20, 5), attempts=1, nano_usd=10)

    assert budget.authorise(2, SMALL) is None


def test_settling_twice_books_once_and_attempts_count_as_calls() -> None:
    budget = Budget(CallLimits())
    budget.authorise(1, SMALL)

    budget.settle(1, Usage(20, 5), attempts=2, nano_usd=10)
    budget.settle(1, Usage(20, 5), attempts=2, nano_usd=10)

    assert (budget.calls, budget.input_tokens, budget.nano_usd) == (2, 20, 10)


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 100), st.integers(0, 900)), max_size=40)
)
def test_reserved_and_spent_never_pass_the_limits(calls: list[tuple[int, int, int]]) -> None:
    limits = CallLimits(
        max_calls=10, max_input_tokens=500, max_output_tokens=300, max_nano_usd=2000
    )
    budget, worsts = Budget(limits), list[WorstCase]()

    for number, (tokens_in, tokens_out, nano_usd) in enumerate(calls):
        worst = WorstCase(tokens_in, tokens_out, nano_usd)
        if budget.authorise(number, worst) is None:
            worsts.append(worst)
            if number % 2:
                used = Usage(tokens_in, tokens_out // 2)
                budget.settle(number, used, attempts=1, nano_usd=nano_usd)

    assert budget.calls <= 10
    assert budget.input_tokens <= 500
    assert budget.output_tokens <= 300
    assert budget.nano_usd <= 2000
    assert sum(worst.input_tokens for worst in worsts) <= 500


def test_prices_are_nano_usd_a_token() -> None:
    agent = PlannedAgent(agent_id="a", input_usd_per_mtok=0.15, output_usd_per_mtok=0.6)

    assert worst_case(agent, 1000, 100).nano_usd == 150_000 + 60_000
    assert agent_cost_nano_usd(agent, Usage(1000, 100)) == 210_000


def test_cached_input_has_its_own_price_and_an_unknown_price_is_no_price() -> None:
    prices = Prices(input_usd_per_mtok=1.0, cached_input_usd_per_mtok=0.1, output_usd_per_mtok=2.0)

    assert cost_nano_usd(Usage(1000, 10, cached_tokens=400), prices) == 660_000
    assert cost_nano_usd(Usage(1000, 10, cache_write_tokens=400), prices) == 1_020_000
    assert cost_nano_usd(Usage(1000, 10), Prices(input_usd_per_mtok=1.0)) is None
