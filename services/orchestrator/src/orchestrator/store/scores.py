"""What teams have told about their runs: one row per seat that answered. Sums of them are learnt.

Scores are rare, so they go past the writer, each in a transaction of its own. They outlive their
runs, and are forgotten in their turn: what a model did long ago says little about it today.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Column, Float, Index, Table, Text, delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.store.schema import metadata
from orchestrator.store.writer import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

# Of one answer; `right` and `wrong` are shares of a run, of which several make a posterior.
run_scores = Table(
    "run_scores",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("agent_id", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("task_class", Text, nullable=False),
    Column("score", Float, nullable=False),
    Column("right", Float, nullable=False),
    Column("wrong", Float, nullable=False),
    Column("scored_unix_s", Float, nullable=False),
    Index("run_scores_by_team", "tenant_id", "task_class", "model"),
    Index("run_scores_by_age", "scored_unix_s"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatScore:
    """What one score says of the model in one seat."""

    run_id: str
    agent_id: str
    tenant_id: str
    model: str
    task_class: str
    score: float
    right: float
    wrong: float
    scored_unix_s: float


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How often a model's answers were right and wrong in a team's scored runs."""

    model: str
    task_class: str
    right: float
    wrong: float


class ScoreBook:
    """Every method may raise `StoreUnavailableError`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def replace(self, run_id: str, seats: Sequence[SeatScore]) -> None:
        """What is known of the run from now on."""
        try:
            async with self._engine.begin() as connection:
                await connection.execute(delete(run_scores).where(run_scores.c.run_id == run_id))
                await connection.execute(insert(run_scores), [asdict(seat) for seat in seats])
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailableError from error

    async def outcomes(self, tenant_id: str) -> list[Outcomes]:
        """Of all scored runs of a team, by model and task class."""
        by = (run_scores.c.model, run_scores.c.task_class)
        sums = (func.sum(run_scores.c[name]).label(name) for name in ("right", "wrong"))
        query = (
            select(*by, *sums)
            .where(run_scores.c.tenant_id == tenant_id)
            .group_by(*by)
            .order_by(*by)
        )
        try:
            async with self._engine.connect() as connection:
                rows = (await connection.execute(query)).mappings()
                return [Outcomes(**row) for row in rows]
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailableError from error

    async def forget(self, *, before_unix_s: float) -> int:
        """Delete what is older; returns how many seats' scores."""
        async with self._engine.begin() as connection:
            deleted = await connection.execute(
                delete(run_scores).where(run_scores.c.scored_unix_s < before_unix_s)
            )
        return deleted.rowcount
