import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.estimates import PanelEstimate, estimate_panel
from wire.specs import AgentSpec, ModelSpec, PanelSpec, Present, Prices, ProviderSpec, Speed
from wire.specs import RunLimits as Limits

PROVIDER = ProviderSpec(name="p", kind="openai", base_url="https://host/v1")
CHEAP = ModelSpec(
    name="cheap",
    provider=PROVIDER,
    upstream_model="cheap",
    prices=Prices(input_usd_per_mtok=1, output_usd_per_mtok=10),
    speed=Speed(time_to_first_token_s=1, output_tokens_per_s=100),
)
DEAR = msgspec.structs.replace(
    CHEAP, name="dear", prices=Prices(input_usd_per_mtok=5, output_usd_per_mtok=50)
)


def panel(
    *models: ModelSpec, present: Present = "verbatim", rounds: int = 1, **fields: object
) -> PanelSpec:
    agents = tuple(AgentSpec(agent_id=f"a{n}", model=model) for n, model in enumerate(models))
    spec = PanelSpec(
        name="panel",
        agents=agents,
        present=present,
        max_rounds=rounds,
        limits=Limits(max_calls=1000, max_output_tokens=10**9, max_input_tokens=10**9),
    )
    return msgspec.structs.replace(spec, **fields)


def calls(estimate: PanelEstimate) -> tuple[int, int, int]:
    return estimate.calls_min, estimate.calls_typical, estimate.calls_max


@pytest.mark.requirement("catalogue:estimates")
@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (panel(CHEAP), (1, 1, 1)),
        (panel(CHEAP, CHEAP, rounds=0), (2, 4, 4)),
        (panel(CHEAP, CHEAP, CHEAP), (3, 6, 11)),
        (panel(CHEAP, CHEAP, CHEAP, CHEAP, rounds=2, present="synthesise"), (5, 9, 21)),
        (panel(CHEAP, CHEAP, CHEAP, rounds=9), (3, 6, 21)),
        (panel(CHEAP, CHEAP, rounds=0, hedge=True), (2, 4, 8)),
    ],
)
def test_calls_follow_the_rules_of_coordination(
    spec: PanelSpec, expected: tuple[int, int, int]
) -> None:
    assert calls(estimate_panel(spec, 1000, 100)) == expected


@pytest.mark.requirement("catalogue:estimates")
def test_tokens_and_cost_are_those_of_the_calls() -> None:
    estimate = estimate_panel(panel(CHEAP, DEAR, rounds=0), 1000, 100)

    assert estimate.input_tokens_min == 2 * (1000 + 300)
    assert estimate.output_tokens_min == 200
    assert estimate.usd_min == pytest.approx((1300 * 1 + 100 * 10 + 1300 * 5 + 100 * 50) / 1e6)
    # The ballots: one candidate of 100 tokens each, 250 tokens of ballot.
    assert estimate.input_tokens_typical == 2 * 1300 + 2 * (1300 + 120)
    assert estimate.output_tokens_typical == 200 + 2 * 250


@pytest.mark.requirement("catalogue:estimates")
def test_phases_follow_each_other_and_calls_of_a_phase_run_together() -> None:
    slow = msgspec.structs.replace(
        CHEAP, speed=Speed(time_to_first_token_s=2, output_tokens_per_s=10)
    )

    estimate = estimate_panel(panel(CHEAP, slow, rounds=0), 1000, 100)

    assert estimate.duration_s_min == pytest.approx(2 + 100 / 10)
    assert estimate.duration_s_typical == pytest.approx(2 + 100 / 10 + 2 + 250 / 10)


@pytest.mark.requirement("catalogue:estimates")
def test_what_is_not_known_is_not_guessed() -> None:
    unpriced = msgspec.structs.replace(CHEAP, prices=Prices(input_usd_per_mtok=1), speed=None)

    estimate = estimate_panel(panel(CHEAP, unpriced), 1000, 100)

    assert (estimate.usd_min, estimate.usd_typical, estimate.usd_max) == (None, None, None)
    assert estimate.duration_s_min is estimate.duration_s_max is None
    assert estimate.input_tokens_min > 0


@pytest.mark.requirement("catalogue:estimates")
def test_the_panels_limits_bound_every_figure() -> None:
    limits = Limits(
        wall_s=3, max_calls=4, max_input_tokens=2000, max_output_tokens=250, max_usd=0.001
    )

    estimate = estimate_panel(panel(CHEAP, CHEAP, CHEAP, limits=limits), 1000, 100)

    assert calls(estimate) == (3, 4, 4)
    assert estimate.input_tokens_max == 2000
    assert estimate.output_tokens_max == 250
    assert estimate.usd_max == 0.001
    assert estimate.duration_s_max == 3


def test_the_configured_presenter_is_the_one_that_is_paid() -> None:
    first = estimate_panel(panel(CHEAP, DEAR, present="polish", presenter="a0"), 1000, 100)
    second = estimate_panel(panel(CHEAP, DEAR, present="polish", presenter="a1"), 1000, 100)

    assert first.usd_min is not None
    assert second.usd_min is not None
    assert second.usd_min > first.usd_min


def test_answers_are_no_longer_than_their_agent_may_write() -> None:
    short = msgspec.structs.replace(CHEAP, max_output_tokens=40)

    assert estimate_panel(panel(short), 1000, 100).output_tokens_max == 40


@pytest.mark.requirement("catalogue:estimates")
@given(
    st.lists(st.sampled_from([CHEAP, DEAR]), min_size=1, max_size=8),
    st.integers(0, 3),
    st.sampled_from(["verbatim", "polish", "synthesise"]),
    st.integers(0, 100_000),
    st.integers(0, 10_000),
)
def test_least_is_never_more_than_typical_nor_typical_than_most(
    models: list[ModelSpec], rounds: int, present: Present, prompt: int, answer: int
) -> None:
    spec = panel(*models, present=present, rounds=rounds, limits=Limits(wall_s=1e9, max_calls=200))

    e = estimate_panel(spec, prompt, answer)

    assert e.calls_min <= e.calls_typical <= e.calls_max
    assert e.input_tokens_min <= e.input_tokens_typical <= e.input_tokens_max
    assert e.output_tokens_min <= e.output_tokens_typical <= e.output_tokens_max
    assert e.usd_min is not None
    assert e.usd_typical is not None
    assert e.usd_max is not None
    assert e.usd_min <= e.usd_typical <= e.usd_max + 1e-12
    hard_bound = (rounds + 1) * 2 * len(models) + 1
    assert e.calls_max <= hard_bound
