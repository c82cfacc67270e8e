from collections.abc import AsyncGenerator

import pytest

from orchestrator.store.schema import MIGRATIONS
from orchestrator.store.scores import Outcomes, ScoreBook, SeatScore
from orchestrator.store.writer import StoreUnavailableError
from service_kit.sql import create_engine, migrate


@pytest.fixture
async def book(database_url: str) -> AsyncGenerator[ScoreBook]:
    await migrate(database_url, MIGRATIONS)
    engine = create_engine(database_url)
    yield ScoreBook(engine)
    await engine.dispose()


def seat(
    run_id: str, *, right: float, tenant: str = "t", agent: str = "ada", at_s: float = 1.0
) -> SeatScore:
    return SeatScore(
        run_id=run_id,
        agent_id=agent,
        tenant_id=tenant,
        model="m",
        task_class="exact",
        score=right,
        right=right,
        wrong=1 - right,
        scored_unix_s=at_s,
    )


@pytest.mark.requirement("coordination:weights:learnt")
async def test_outcomes_are_summed_by_model_and_class(book: ScoreBook) -> None:
    await book.replace("r1", [seat("r1", right=1.0), seat("r1", right=0.0, agent="bob")])
    await book.replace("r2", [seat("r2", right=0.5)])

    assert await book.outcomes("t") == [Outcomes("m", "exact", 1.5, 1.5)]


async def test_a_second_score_of_a_run_replaces_the_first(book: ScoreBook) -> None:
    await book.replace("r1", [seat("r1", right=1.0)])
    await book.replace("r1", [seat("r1", right=0.0)])

    assert await book.outcomes("t") == [Outcomes("m", "exact", 0.0, 1.0)]


@pytest.mark.requirement("orchestrator:records:tenant")
async def test_a_team_learns_from_its_own_runs_only(book: ScoreBook) -> None:
    await book.replace("r1", [seat("r1", right=1.0, tenant="theirs")])

    assert await book.outcomes("t") == []


async def test_old_scores_are_forgotten(book: ScoreBook) -> None:
    await book.replace("r1", [seat("r1", right=1.0, at_s=10)])
    await book.replace("r2", [seat("r2", right=1.0, at_s=20)])

    assert await book.forget(before_unix_s=15) == 1
    assert await book.outcomes("t") == [Outcomes("m", "exact", 1.0, 0.0)]


async def test_a_database_that_fails_is_said_to_be_unavailable(database_url: str) -> None:
    engine = create_engine(database_url)  # no tables
    book = ScoreBook(engine)

    with pytest.raises(StoreUnavailableError):
        await book.outcomes("t")
    with pytest.raises(StoreUnavailableError):
        await book.replace("r1", [seat("r1", right=1.0)])
    await engine.dispose()
