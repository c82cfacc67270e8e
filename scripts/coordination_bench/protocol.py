"""How many calls, how much time: the production state machine next to MassGen's rule.

Both under the same seeds: the k-th call of an agent takes the same time in both, and an agent that
has seen the others' answers is content with them or wants to better its own by the same coin.
A call takes a lognormal time (median 20 s, sigma 0.5), 3 % of them six times as long.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass
from itertools import count
from statistics import mean
from typing import TYPE_CHECKING

from orchestrator.coordination.events import (
    AnswerAccepted,
    BallotIssued,
    CallEnd,
    CallRequested,
    VoteCast,
)
from orchestrator.coordination.plan import PlannedAgent, RunPlan
from services.orchestrator.tests.coordination.virtual_panel import (
    Act,
    Outcome,
    Says,
    Votes,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from coordination_bench.bars import Bars
    from orchestrator.coordination.commands import StartCall
    from wire.specs import Present

MEDIAN_MS, SIGMA, STRAGGLERS, SLOWER = 20_000, 0.5, 0.03, 6
MASSGEN_TIMEOUT_MS = 1_800_000
P95_MS = 55_000  # of such calls, as the rolling window has it


@dataclass(frozen=True, slots=True)
class Agents:
    """What agents do in one run, the same whatever the protocol. `restless`: wants to refine."""

    seed: str
    restless: float

    def call_ms(self, agent: int, number: int) -> int:
        dice = self._dice("ms", agent, number)
        slow = SLOWER if dice.random() < STRAGGLERS else 1
        return max(1, round(MEDIAN_MS * math.exp(dice.gauss(0, SIGMA)) * slow))

    def refines(self, agent: int, number: int) -> bool:
        return self._dice("refines", agent, number).random() < self.restless

    def _dice(self, *of: str | int) -> random.Random:
        return random.Random("/".join(map(str, (self.seed, *of))))  # noqa: S311 - a simulation


@dataclass(frozen=True, slots=True)
class Cost:
    """`wasted`: ballots thrown away. `idle_ms`: time in which no call was under way."""

    calls: int
    wasted: int
    wall_ms: int
    idle_ms: int = 0
    in_bounds: bool = True
    timed_out: bool = False


# --------------------------------------------------------------------------------------- MassGen


def massgen(agents: Agents, n: int) -> Cost:
    """Any new answer clears all votes and restarts everybody; the end is when all have voted."""
    started = [0] * n
    queue: list[tuple[int, int, int, int]] = []  # end, agent, revision it saw, whether it saw any
    revision = wasted = now_ms = 0
    votes: set[int] = set()
    busy: set[int] = set()

    def start(agent: int) -> None:
        ends_ms = now_ms + agents.call_ms(agent, started[agent])
        started[agent] += 1
        busy.add(agent)
        heapq.heappush(queue, (ends_ms, agent, revision, int(revision > 0)))

    for agent in range(n):
        start(agent)
    while len(votes) < n:
        now_ms, agent, saw, saw_any = heapq.heappop(queue)
        if now_ms > MASSGEN_TIMEOUT_MS:
            return Cost(sum(started), wasted, MASSGEN_TIMEOUT_MS, timed_out=True)
        busy.discard(agent)
        if not saw_any or agents.refines(agent, started[agent]):
            revision += 1
            wasted += len(votes)
            votes.clear()
            for other in range(n):
                if other not in busy:
                    start(other)
        elif saw != revision:
            wasted += 1
            start(agent)
        else:
            votes.add(agent)
    return Cost(sum(started) + 1, wasted, now_ms + agents.call_ms(n, 0))


# -------------------------------------------------------------------------------------- Conclave


def conclave(agents: Agents, n: int, present: Present = "verbatim", *, same: bool = False) -> Cost:
    """The production session on a virtual clock. `same`: every answer says the same."""
    seats = tuple(
        PlannedAgent(agent_id=f"a{i}", answer_p95_ms=P95_MS, ballot_p95_ms=P95_MS) for i in range(n)
    )
    plan = RunPlan(seed=agents.seed, agents=seats, present=present)
    made = [0] * n
    fresh = count(1000)

    def behave(start: StartCall) -> Act:
        agent = int(start.agent_id[1:])
        ms = agents.call_ms(agent, made[agent])
        made[agent] += 1
        if start.brief.phase != "ballot":
            return Says("42" if same else str(next(fresh)), ms)
        restless = start.brief.may_refine and agents.refines(agent, made[agent])
        refined = str(next(fresh)) if restless else None
        return Votes(_taste(agents.seed), lambda _: not restless, refined=refined, ms=ms)

    return _cost(run(plan, behave), plan)


def _taste(seed: str) -> Callable[[str], float]:
    return lambda text: random.Random(f"{seed}/{text}").random()  # noqa: S311


def _cost(outcome: Outcome, plan: RunPlan) -> Cost:
    asked = outcome.facts(CallRequested)
    hedges = sum(call.hedge_of is not None for call in asked)
    repairs = sum(call.repair_of is not None for call in asked)
    most = (plan.rounds_allowed + 1) * 2 * len(plan.agents) + 1 + hedges + repairs
    return Cost(
        calls=len(asked),
        wasted=_stale_votes(outcome),
        wall_ms=outcome.ended_ms,
        idle_ms=outcome.ended_ms - _busy_ms(outcome),
        in_bounds=len(asked) <= most,
    )


def _stale_votes(outcome: Outcome) -> int:
    """Votes for answers that were no longer the newest when the vote was cast."""
    newest: dict[str, int] = {}
    shown: dict[tuple[int, str], dict[str, int]] = {}
    stale = 0
    for entry in outcome.session.log:
        match entry:
            case AnswerAccepted():
                newest[entry.agent_id] = entry.revision
            case BallotIssued():
                shown[entry.round, entry.voter_id] = entry.revisions
            case VoteCast():
                seen = shown[entry.round, entry.voter_id]
                stale += any(newest[agent] != revision for agent, revision in seen.items())
            case _:
                pass
    return stale


def _busy_ms(outcome: Outcome) -> int:
    """The critical path: the time in which at least one call was under way."""
    began = {call.call: call.at_ms for call in outcome.facts(CallRequested)}
    ends = [entry for entry in outcome.session.log if isinstance(entry, CallEnd)]
    busy = until = 0
    spans = sorted((began[end.call], min(end.at_ms, outcome.ended_ms)) for end in ends)
    for start_ms, end_ms in spans:
        busy += max(0, end_ms - max(start_ms, until))
        until = max(until, end_ms)
    return busy


# ------------------------------------------------------------------------------------- the table


def measure(bars: Bars, runs: int) -> None:
    """Calls, ballots thrown away and time, side by side."""
    for n in (3, 4, 5, 8):
        for restless in (0.2, 0.5):
            panels = [Agents(f"{n}/{restless}/{number}", restless) for number in range(runs)]
            ours = [conclave(agents, n) for agents in panels]
            _compare(f"n={n}, refining {restless:.0%}", ours, [massgen(a, n) for a in panels])
            bars.at_most("ballots thrown away", sum(cost.wasted for cost in ours), 0)
            bars.holds("calls within (R+1) x 2n + 1 + hedges", met=all(c.in_bounds for c in ours))
            idle = max(cost.idle_ms / cost.wall_ms for cost in ours)
            bars.at_most("wall beyond the critical path, worst share", idle, 0.01)
    _measure_bounds(bars, runs)


def _compare(name: str, ours: Sequence[Cost], theirs: Sequence[Cost]) -> None:
    for who, costs in (("Conclave", ours), ("MassGen's rule", theirs)):
        walls_s = sorted(cost.wall_ms / 1000 for cost in costs)
        timeouts = sum(cost.timed_out for cost in costs) / len(costs)
        print(
            f"  {name}: {who:<15} calls {mean(c.calls for c in costs):6.1f}  thrown away "
            f"{mean(c.wasted for c in costs):5.1f}  p50 {walls_s[len(walls_s) // 2]:6.0f} s  "
            f"p95 {walls_s[int(len(walls_s) * 0.95)]:6.0f} s  timeouts {timeouts:.1%}"
        )


def _measure_bounds(bars: Bars, runs: int) -> None:
    for n in (2, 3, 5, 8):
        calm = [Agents(f"calm/{n}/{number}", 0.0) for number in range(runs // 4)]
        voted = max(conclave(agents, n).calls for agents in calm)
        bars.at_most(f"n={n}: calls without refinement, most", voted, 2 * n)
        written = max(conclave(agents, n, "synthesise").calls for agents in calm)
        bars.at_most(f"n={n}: calls without refinement, synthesised, most", written, 2 * n + 1)
        agreed = max(conclave(agents, n, same=True).calls for agents in calm)
        bars.at_most(f"n={n}: calls when unanimous, most", agreed, n)
