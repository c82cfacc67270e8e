import random

import pytest

from orchestrator.coordination.quorum import GraceRule, quorum_of

RULE = GraceRule(quorum=2, grace=0.5)


@pytest.mark.parametrize(
    ("agents", "asked", "quorum"),
    [(1, None, 1), (2, None, 2), (3, None, 2), (4, None, 3), (5, 2, 2), (3, 9, 3), (3, 0, 2)],
)
def test_the_quorum_is_a_majority_unless_the_panel_asks_otherwise(
    agents: int, asked: int | None, quorum: int
) -> None:
    assert quorum_of(agents, asked) == quorum


@pytest.mark.requirement("coordination:grace")
def test_stragglers_get_half_of_the_time_so_far() -> None:
    until_ms = RULE.straggler_deadline_ms(
        opened_ms=1_000, quorum_ms=21_000, started_ms=1_000, p95_ms=15_000
    )

    assert until_ms == 31_000


@pytest.mark.requirement("coordination:slow-model-heard")
def test_a_steadily_slow_model_gets_its_own_p95() -> None:
    until_ms = RULE.straggler_deadline_ms(
        opened_ms=0, quorum_ms=10_000, started_ms=0, p95_ms=44_000
    )

    assert until_ms == 44_000


@pytest.mark.requirement("coordination:slow-model-heard")
def test_a_model_nothing_is_known_of_is_heard_at_four_times_the_others_pace() -> None:
    until_ms = RULE.straggler_deadline_ms(opened_ms=0, quorum_ms=10_000, started_ms=0, p95_ms=None)

    assert until_ms >= 40_000


@pytest.mark.requirement("coordination:stragglers")
def test_the_95th_percentile_with_stragglers_is_at_most_half_of_waiting_for_all() -> None:
    dice = random.Random(3)  # noqa: S311 - a simulation

    def call_ms() -> int:
        duration = 20_000 * dice.lognormvariate(0, 0.5)
        return int(duration * 6 if dice.random() < 0.03 else duration)

    p95_ms = sorted(call_ms() for _ in range(4000))[3800]
    with_grace: list[int] = []
    for_all: list[int] = []
    for _ in range(4000):
        calls = sorted(call_ms() for _ in range(4))
        until_ms = GraceRule(3, 0.5).straggler_deadline_ms(
            opened_ms=0, quorum_ms=calls[2], started_ms=0, p95_ms=p95_ms
        )
        with_grace.append(min(calls[3], until_ms))
        for_all.append(calls[3])

    assert sorted(with_grace)[3800] <= 0.5 * sorted(for_all)[3800]
