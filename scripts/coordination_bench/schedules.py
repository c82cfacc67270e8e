"""Slow agents, failing agents, ballots, replay and prefixes: properties over many seeds."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from model_providers.openai_chat.encode import encode_request
from model_providers.provider import ModelCall
from orchestrator.agents.prompts import Seat, build_request
from orchestrator.coordination.ballots import draw_sheets
from orchestrator.coordination.commands import Brief, Candidate, StartCall
from orchestrator.coordination.events import (
    AnswerAccepted,
    BallotIssued,
    BallotSkipped,
    ClusterFormed,
    DecisionMade,
    PresentFinished,
    VoteCast,
)
from orchestrator.coordination.plan import PlannedAgent, RunPlan
from orchestrator.coordination.replay import encode_log, replay
from orchestrator.driver.latencies import Latencies
from services.orchestrator.tests.coordination.test_session_schedules import check, draw_schedule
from services.orchestrator.tests.coordination.virtual_panel import (
    Act,
    Fails,
    Hangs,
    Outcome,
    Says,
    Votes,
    run,
)
from wire.conversation import FunctionTool, GenerationRequest, Message, TextPart, user_text
from wire.deadline import Deadline
from wire.ids import new_call_id
from wire.specs import AgentSpec, ModelSpec, PanelSpec, ProviderSpec

if TYPE_CHECKING:
    from coordination_bench.bars import Bars

MEDIAN_MS, SIGMA, STRAGGLERS, SLOWER = 20_000, 0.5, 0.03, 6


# ------------------------------------------------------------------------------------ slow agents


def measure_stragglers(bars: Bars, runs: int) -> None:
    """The answering phase of four, against waiting for all; p95s from the rolling window."""
    dice = random.Random("stragglers")  # noqa: S311 - a simulation
    latencies = Latencies()
    ours, waiting = list[int](), list[int]()
    for number in range(runs):
        ms = [_call_ms(dice) for _ in range(4)]
        p95_ms = latencies.p95_ms("m", "answer")
        outcome = _answering(ms, [p95_ms] * 4, seed=str(number))
        ours.append(_answered_ms(outcome))
        waiting.append(max(ms))
        for one in ms:
            latencies.add("m", "answer", min(one, ours[-1]))
    ratio = _p95(ours) / _p95(waiting)
    bars.note("answering, n=4, 3 % stragglers of 6x: p95 of waiting for all", _p95(waiting), "ms")
    bars.note("answering, n=4, 3 % stragglers of 6x: p95 of quorum and grace", _p95(ours), "ms")
    bars.at_most("p95 of the answering phase over that of waiting for all", ratio, 0.5)


def measure_slow_model(bars: Bars, runs: int) -> None:
    """One of four takes four times as long, always, give or take a few per cent.

    Nothing is known of it at first.
    """
    dice = random.Random("slow model")  # noqa: S311
    latencies = Latencies()
    heard = 0
    for number in range(runs):
        ms = [round(MEDIAN_MS * math.exp(dice.gauss(0, 0.05))) for _ in range(4)]
        ms[3] *= 4
        p95s_ms = [latencies.p95_ms("slow" if i == 3 else "m", "answer") for i in range(4)]  # noqa: PLR2004
        outcome = _answering(ms, p95s_ms, seed=str(number))
        heard += "a3" in outcome.session.board.answers
        for i, one in enumerate(ms):
            latencies.add("slow" if i == 3 else "m", "answer", one)  # noqa: PLR2004
    bars.at_least("a model steadily 4x slower is heard, share of runs", heard / runs, 1.0)


def _answering(ms: list[int], p95s_ms: list[int | None], seed: str) -> Outcome:
    seats = tuple(
        PlannedAgent(agent_id=f"a{i}", answer_p95_ms=p95_ms) for i, p95_ms in enumerate(p95s_ms)
    )

    def behave(start: StartCall) -> Act:
        seat = int(start.agent_id[1:])
        return Votes(ms=1) if start.brief.phase == "ballot" else Says(str(seat), ms[seat])

    return run(RunPlan(seed=seed, agents=seats, max_rounds=0), behave)


def _answered_ms(outcome: Outcome) -> int:
    return outcome.facts(ClusterFormed)[0].at_ms


def _call_ms(dice: random.Random) -> int:
    slow = SLOWER if dice.random() < STRAGGLERS else 1
    return round(MEDIAN_MS * math.exp(dice.gauss(0, SIGMA)) * slow)


def _p95(values: list[int]) -> int:
    return sorted(values)[int(len(values) * 0.95)]


# ---------------------------------------------------------------------------------- broken agents


def measure_schedules(bars: Bars, count: int) -> None:
    """Any failures, hangs, garbage, timing: ends once, in bounds, and replays byte for byte."""
    for number in range(count):
        check(draw_schedule(random.Random(number)))  # noqa: S311
    name = "fuzzed schedules that end once, within bounds, and replay byte for byte"
    bars.at_least(name, count, count)
    survived = sum(_one_healthy(random.Random(f"k/{number}")) for number in range(count))  # noqa: S311
    bars.at_least("k <= n-1 agents failing in any way: still an answer", survived / count, 1.0)
    told = sum(_none_healthy(random.Random(f"n/{number}")) for number in range(count // 10))  # noqa: S311
    bars.at_least("n of n agents failing: one typed error", told / (count // 10), 1.0)


def _one_healthy(dice: random.Random) -> bool:
    size = dice.randint(2, 7)
    healthy = f"a{dice.randrange(size)}"

    def behave(start: StartCall) -> Act:
        if start.agent_id == healthy and start.brief.phase == "answer":
            return Says("42", dice.randint(1, 50_000))
        return _broken(dice)

    outcome = run(_plan(size, str(dice.random())), behave)
    return outcome.finish.status == "completed" and outcome.delivered == "42"


def _none_healthy(dice: random.Random) -> bool:
    size = dice.randint(2, 7)
    outcome = run(_plan(size, str(dice.random())), lambda _: _broken(dice))
    return outcome.finish.status == "failed" and outcome.finish.error is not None


def _broken(dice: random.Random) -> Act:
    return dice.choice(
        [Hangs(), Fails(ms=dice.randint(1, 60_000)), Says("", dice.randint(1, 9_000))]
    )


def _plan(size: int, seed: str) -> RunPlan:
    return RunPlan(seed=seed, agents=tuple(PlannedAgent(agent_id=f"a{i}") for i in range(size)))


# ---------------------------------------------------------------------------------------- ballots


def measure_ballots(bars: Bars, seeds: int) -> None:
    """Latin squares, absent authors, labels that nothing can be told from."""
    fair = absent = True
    labels: set[tuple[str, ...]] = set()
    drawn = 0
    for seed in range(seeds):
        for n in range(2, 9):
            agents = [f"a{i}" for i in range(n)]
            sheets = draw_sheets(agents, self_vote="exclude", seed=str(seed), round_no=0)
            absent &= all(sheet.voter_id not in sheet.order for sheet in sheets)
            places = {(who, place) for s in sheets for place, who in enumerate(s.order)}
            fair &= len(places) == n * (n - 1)
            labels.update(sheet.labels for sheet in sheets)
            drawn += n
    bars.holds("each answer in each slot exactly once over its voters", met=fair)
    bars.holds("own answer absent from every ballot", met=absent)
    # By chance two single labels of a million are alike; whole sheets never are.
    repeated = 1 - len(labels) / drawn
    bars.at_most("sheets whose labels were drawn before, share", repeated, 0.001)


# ----------------------------------------------------------------------- what really executes


def measure_executions(bars: Bars) -> None:
    """From the run's own log: a dissenter, a wrong majority that is talked round, a replay."""
    dissent = _voted({"a0": "42", "a1": "42", "a2": "17"}, best="42")
    bars.holds(
        "a dissenting agent: ballots, votes and presentation execute", met=_executed(dissent)
    )
    wrong = _voted({"a0": "17", "a1": "17", "a2": "42"}, best="42")
    met = _executed(wrong) and wrong.delivered == "42"
    bars.holds("a majority wrong at first: voted, and the right answer delivered", met=met)
    lines = encode_log(wrong.session.log)
    bars.holds("replay of a record is byte-equal", met=encode_log(replay(lines).log) == lines)


def _voted(answers: dict[str, str], best: str) -> Outcome:
    def behave(start: StartCall) -> Act:
        if start.brief.phase != "ballot":
            return Says(answers[start.agent_id])
        return Votes(lambda text: float(text == best), lambda text: text == best)

    return run(_plan(len(answers), "executions"), behave)


def _executed(outcome: Outcome) -> bool:
    kinds = (AnswerAccepted, BallotIssued, VoteCast, DecisionMade, PresentFinished)
    return not outcome.facts(BallotSkipped) and all(outcome.facts(kind) for kind in kinds)


# --------------------------------------------------------------------------------------- prefixes


def measure_prefixes(bars: Bars) -> None:
    """Bytes that the calls of one model share, over the conversation's bytes."""
    conversation = _long_conversation()
    provider = ProviderSpec(name="p", kind="openai", base_url="http://p")
    model = ModelSpec(name="m", provider=provider, upstream_model="m")
    seats = tuple(AgentSpec(agent_id=f"a{i}", model=model, persona=f"Sage {i}") for i in range(4))
    panel = PanelSpec(name="council", agents=seats)
    sheets = draw_sheets([s.agent_id for s in seats], self_vote="exclude", seed="s", round_no=0)
    bodies = [
        _encoded(conversation, Seat(panel, seats[i], i), _ballot(sheet.labels, seats[i].agent_id))
        for i, sheet in enumerate(sheets)
    ]
    size = len(_encoded(conversation, Seat(panel, seats[0], 0), None))
    shared = min(_common(one, other) for one, other in pairwise(bodies)) / size
    bars.at_least("common prefix of one model's voters, of the conversation", shared, 0.95)


def _long_conversation() -> GenerationRequest:
    turns = [
        message
        for number in range(40)
        for message in (
            user_text(f"Question {number}: " + "why " * 60),
            Message("assistant", (TextPart(f"Answer {number}: " + "because " * 90),)),
        )
    ]
    tools = (FunctionTool("read", "Reads a file.", msgspec.Raw(b'{"type":"object"}')),)
    return GenerationRequest(items=(*turns, user_text("And now?")), tools=tools)


def _ballot(labels: tuple[str, ...], agent_id: str) -> StartCall:
    shown = tuple(Candidate(label, f"A candidate under {label}.") for label in labels)
    brief = Brief("ballot", tools="withheld", candidates=shown, may_refine=True)
    return StartCall(1, agent_id, brief, 1024)


def _encoded(conversation: GenerationRequest, seat: Seat, start: StartCall | None) -> bytes:
    request = conversation if start is None else build_request(conversation, seat, start)
    deadline = Deadline.after(60, now_s=0)
    return encode_request(
        ModelCall(call_id=new_call_id(), model=seat.agent.model, request=request, deadline=deadline)
    )


def _common(one: bytes, other: bytes) -> int:
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
