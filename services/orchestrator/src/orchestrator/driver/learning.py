"""What teams have told about their runs, and what each team's models weigh because of it.

The truth is in the store; what is remembered here may be half a minute old. A store that does not
answer costs a run its learnt weights, never its answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from orchestrator.coordination.weights import Evidence, evidence_of, learnt_weight
from orchestrator.store.scores import SeatScore
from orchestrator.store.writer import StoreUnavailableError
from service_kit.logging import get_logger
from wire.coordination import LearntWeight, LearntWeights, RunRecord, ScoredRun, ScoreRun
from wire.errors import CallerError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.driver.planning import Learnt
    from orchestrator.store.scores import Outcomes
    from service_kit.clock import Clock
    from wire.coordination import StartRun

FRESH_S = 30.0  # another replica's scores count here after at most this long
MAX_TEAMS = 1024
_DIGITS = 3

log = get_logger(__name__)


class NothingToScoreError(CallerError):
    """The run made no decision: it has not ended, failed, or a client's tool was called."""

    status = 409
    code = "run_without_decision"
    error_type = "caller_conflict"


class Scores(Protocol):
    """What is needed of `orchestrator.store.scores.ScoreBook`."""

    async def replace(self, run_id: str, seats: Sequence[SeatScore]) -> None: ...
    async def outcomes(self, tenant_id: str) -> list[Outcomes]: ...


class Learning:
    """Scores in, weights out."""

    def __init__(self, scores: Scores, clock: Clock) -> None:
        self._scores = scores
        self._clock = clock
        self._known: dict[str, tuple[float, Learnt]] = {}

    async def for_run(self, start: StartRun) -> Learnt:
        """What the run's team has learnt; empty where it decides nothing."""
        panel = start.panel
        if panel.weights == "equal" or len({agent.model.name for agent in panel.agents}) == 1:
            return {}
        now_s = self._clock.monotonic_s()
        read_at_s, known = self._known.get(start.tenant_id, (now_s - FRESH_S, {}))
        if now_s - read_at_s < FRESH_S:
            return known
        try:
            return self._remember(start.tenant_id, await self._scores.outcomes(start.tenant_id))
        except StoreUnavailableError as error:
            log.warning("learnt_weights_unavailable", error=error, run_id=start.run_id)
            return known

    async def weights(self, tenant_id: str) -> LearntWeights:
        """All that a team's scores say."""
        return LearntWeights(tuple(_weights(await self._scores.outcomes(tenant_id))))

    async def score(self, record: RunRecord, told: ScoreRun) -> ScoredRun:
        """Take a run's score, in place of an earlier one, and say what follows from it.

        Raises:
            NothingToScoreError: the run made no decision.
            InvalidRequestError: the score names an agent that did not answer.
        """
        seats = _seats(record, told, self._clock.unix_s())
        await self._scores.replace(record.run_id, seats)
        outcomes = await self._scores.outcomes(record.tenant_id)
        self._remember(record.tenant_id, outcomes)
        concerned = {(seat.model, seat.task_class) for seat in seats}
        of_run = [found for found in outcomes if (found.model, found.task_class) in concerned]
        return ScoredRun(record.run_id, told.score, seats[0].task_class, tuple(_weights(of_run)))

    def _remember(self, tenant_id: str, outcomes: Iterable[Outcomes]) -> Learnt:
        learnt = {
            (found.model, found.task_class): Evidence(found.right, found.wrong)
            for found in outcomes
        }
        self._known.pop(tenant_id, None)
        if len(self._known) >= MAX_TEAMS:
            self._known.pop(next(iter(self._known)))
        self._known[tenant_id] = (self._clock.monotonic_s(), learnt)
        return learnt


def _seats(record: RunRecord, told: ScoreRun, now_unix_s: float) -> list[SeatScore]:
    details = record.details
    if record.status != "completed" or details is None or details.winner is None:
        raise NothingToScoreError("The run made no decision, so there is nothing to score.")
    clusters = {tally.agent_id: tally.cluster for tally in details.tallies}
    _check(told, clusters)
    found = evidence_of(told.score, clusters, details.winner, told.agents)
    models = _models(record)
    seats = [
        SeatScore(
            run_id=record.run_id,
            agent_id=agent_id,
            tenant_id=record.tenant_id,
            model=models[agent_id],
            task_class=record.task_class or "",
            score=told.agents.get(agent_id, told.score),
            right=evidence.right,
            wrong=evidence.wrong,
            scored_unix_s=now_unix_s,
        )
        for agent_id, evidence in found.items()
        if agent_id in models  # a draft of an earlier turn: that turn's score speaks of it
    ]
    if not seats:
        raise NothingToScoreError("All answers of the run were made for an earlier one.")
    return seats


def _check(told: ScoreRun, clusters: Iterable[str]) -> None:
    for param, score in (("score", told.score), *(("agents", s) for s in told.agents.values())):
        if not 0.0 <= score <= 1.0:
            raise InvalidRequestError(f"A score is from 0 to 1, not {score:g}.", param=param)
    unknown = sorted(set(told.agents).difference(clusters))
    if unknown:
        raise InvalidRequestError(
            f"No answer of {unknown[0][:64]!r} was decided on; there are: {', '.join(clusters)}.",
            param="agents",
        )


def _models(record: RunRecord) -> Mapping[str, str]:
    """Whose words each seat's answer was: after a fallback not the seat's own model."""
    return {
        call.agent_id: call.model
        for call in record.calls
        if call.status != "failed" and call.phase in {"answer", "tool", "refine"}
    }


def _weights(outcomes: Iterable[Outcomes]) -> Iterable[LearntWeight]:
    for found in outcomes:
        yield LearntWeight(
            found.model,
            found.task_class,
            round(found.right, _DIGITS),
            round(found.wrong, _DIGITS),
            round(learnt_weight(Evidence(found.right, found.wrong)), _DIGITS),
        )
