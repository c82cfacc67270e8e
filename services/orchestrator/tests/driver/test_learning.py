from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pytest

from orchestrator.coordination.weights import Evidence
from orchestrator.driver.learning import FRESH_S, MAX_TEAMS, Learning, NothingToScoreError
from orchestrator.store.scores import Outcomes, SeatScore
from orchestrator.store.writer import StoreUnavailableError
from service_kit.testing import FakeClock
from services.orchestrator.tests.driver.test_planning import PANEL, started
from wire.conversation import Usage
from wire.coordination import CallRecord, RunDetails, RunRecord, ScoreRun, StartRun, Tally
from wire.errors import InvalidRequestError
from wire.specs import PanelSpec


@dataclass
class Book:
    """Scores in memory; `broken` answers nothing."""

    rows: dict[str, Sequence[SeatScore]] = field(default_factory=dict[str, Sequence[SeatScore]])
    reads: int = 0
    broken: bool = False

    async def replace(self, run_id: str, seats: Sequence[SeatScore]) -> None:
        self.rows[run_id] = seats

    async def outcomes(self, tenant_id: str) -> list[Outcomes]:
        self.reads += 1
        if self.broken:
            raise StoreUnavailableError
        return [
            Outcomes(seat.model, seat.task_class, seat.right, seat.wrong)
            for seats in self.rows.values()
            for seat in seats
            if seat.tenant_id == tenant_id
        ]


def call(agent_id: str, model: str, phase: str = "answer") -> CallRecord:
    return CallRecord(
        call_id=f"{agent_id}-{phase}",
        attempt=1,
        agent_id=agent_id,
        phase=phase,  # type: ignore[arg-type]
        provider="p",
        model=model,
        upstream_model=model,
        status="completed",
        usage=Usage(),
        basis="reported",
        started_ms=0,
        ended_ms=1,
    )


RECORD = RunRecord(
    run_id="r1",
    request_id="q",
    tenant_id="t",
    key_id="k",
    public_model="council",
    panel="council",
    status="completed",
    created_unix_s=1.0,
    task_class="exact",
    calls=(call("ada", "strong"), call("bob", "weak"), call("bob", "other", "ballot")),
    details=RunDetails(
        run_id="r1",
        rule="weighted",
        winner="ada",
        tallies=(Tally("ada", 3.0, 0), Tally("bob", 1.0, 1)),
    ),
)


def mixed(**options: object) -> StartRun:
    ada, bob = PANEL.agents
    other = msgspec.structs.replace(bob.model, name="n")
    agents = (ada, msgspec.structs.replace(bob, model=other))
    panel = PanelSpec(name="council", agents=agents, **options)  # type: ignore[arg-type]
    return msgspec.structs.replace(started(panel), tenant_id="t")


@pytest.mark.requirement("coordination:weights:learnt")
async def test_a_score_says_what_the_runs_models_weigh_now() -> None:
    learning = Learning(Book(), FakeClock())

    told = await learning.score(RECORD, ScoreRun(1.0))

    assert (told.run_id, told.task_class) == ("r1", "exact")
    assert [(w.model, w.right, w.wrong) for w in told.weights] == [("strong", 1, 0), ("weak", 0, 1)]
    assert told.weights[0].weight > 1 > told.weights[1].weight
    assert (await learning.weights("t")).weights == told.weights
    assert (await learning.weights("other")).weights == ()


async def test_a_score_counts_in_the_teams_next_run() -> None:
    book, start = Book(), mixed()
    learning = Learning(book, FakeClock())
    await learning.for_run(start)

    await learning.score(RECORD, ScoreRun(1.0))

    assert (await learning.for_run(start))["strong", "exact"] == Evidence(1, 0)


async def test_scores_of_another_process_count_within_half_a_minute() -> None:
    book, clock, start = Book(), FakeClock(), mixed()
    learning = Learning(book, clock)
    assert await learning.for_run(start) == {}
    await Learning(book, clock).score(RECORD, ScoreRun(0.0))

    assert await learning.for_run(start) == {}
    clock.advance(FRESH_S)
    assert (await learning.for_run(start))["strong", "exact"] == Evidence(0, 1)


@pytest.mark.requirement("coordination:weights:switch")
async def test_a_panel_of_equal_weights_or_of_one_model_asks_nothing() -> None:
    book = Book()
    learning = Learning(book, FakeClock())

    assert await learning.for_run(mixed(weights="equal")) == {}
    assert await learning.for_run(started(PANEL)) == {}
    assert book.reads == 0


async def test_a_store_that_fails_costs_the_weights_and_not_the_run() -> None:
    learning = Learning(Book(broken=True), FakeClock())

    assert await learning.for_run(mixed()) == {}


@pytest.mark.parametrize(
    "record",
    [
        msgspec.structs.replace(RECORD, status="in_progress"),
        msgspec.structs.replace(RECORD, status="failed"),
        msgspec.structs.replace(RECORD, details=None),
        msgspec.structs.replace(RECORD, details=RunDetails(run_id="r1", rule="weighted")),
    ],
)
async def test_a_run_without_a_decision_cannot_be_scored(record: RunRecord) -> None:
    with pytest.raises(NothingToScoreError):
        await Learning(Book(), FakeClock()).score(record, ScoreRun(1.0))


async def test_a_score_of_an_agent_that_gave_no_answer_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"'eve'.*ada, bob"):
        await Learning(Book(), FakeClock()).score(RECORD, ScoreRun(1.0, {"eve": 1.0}))


@pytest.mark.parametrize(
    ("told", "param"),
    [(ScoreRun(1.5), "score"), (ScoreRun(-0.1), "score"), (ScoreRun(1.0, {"ada": 2.0}), "agents")],
)
async def test_a_score_outside_zero_to_one_is_refused(told: ScoreRun, param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        await Learning(Book(), FakeClock()).score(RECORD, told)

    assert refused.value.param == param


async def test_only_so_many_teams_are_remembered() -> None:
    learning = Learning(Book(), FakeClock())
    for number in range(MAX_TEAMS + 10):
        await learning.for_run(msgspec.structs.replace(mixed(), tenant_id=f"t{number}"))

    assert len(learning._known) == MAX_TEAMS
