"""Any schedule: failures, hangs, garbage, any order, any timing. The run ends once, in bounds."""

import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.coordination.commands import Deliver, StartCall
from orchestrator.coordination.events import (
    AnswerAccepted,
    BallotIssued,
    CallRequested,
    CancelRequested,
    ClientGone,
    Input,
    PresentFinished,
)
from orchestrator.coordination.plan import CallLimits, PlannedAgent, RunPlan
from orchestrator.coordination.replay import encode_log, replay
from services.orchestrator.tests.coordination.virtual_panel import (
    Act,
    Behaviour,
    Fails,
    Garbles,
    Hangs,
    Outcome,
    Says,
    Votes,
    run,
)
from wire.conversation import ToolCall
from wire.errors import (
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)

TEXTS = (
    "42",
    "The answer is 42.",
    "41",
    "Water swallows red light first and so what lies deep in it appears blue or green to us",
    "A flame shines because hot particles of soot inside of it glow like the wire of a bulb",
    "",
    "   ",
)
ERRORS = (
    UpstreamRateLimitedError("x", provider="p"),
    UpstreamTimeoutError("x", provider="p"),
    UpstreamUnavailableError("x", provider="p"),
    UpstreamRejectedError("x", provider="p"),
)
DEADLINE_MS = 120_000


@dataclass(frozen=True)
class Schedule:
    plan: RunPlan
    behaviour: Behaviour
    extra: tuple[Input, ...]


def draw_schedule(dice: random.Random) -> Schedule:
    plan = draw_plan(dice)
    extra: list[Input] = []
    if dice.random() < 0.05:
        extra.append(ClientGone(dice.randint(0, 3_000)))
    if dice.random() < 0.03:
        extra.append(CancelRequested(dice.randint(0, 3_000), "by hand"))
    health = dice.choice([0.0, 0.3, 0.7, 1.0])
    return Schedule(plan, lambda start: draw_act(dice, start, health), tuple(extra))


def draw_plan(dice: random.Random) -> RunPlan:
    size = dice.choice([1, 2, 3, 3, 4, 5, 7])
    p95_ms = [dice.choice([None, 500, 5_000]) for _ in range(size)]
    return RunPlan(
        seed=str(dice.random()),
        agents=tuple(
            PlannedAgent(
                agent_id=f"agent{n}",
                weight=dice.choice([0.5, 1.0, 2.0]),
                answer_p95_ms=p95_ms[n],
                ballot_p95_ms=p95_ms[n],
            )
            for n in range(size)
        ),
        rule=dice.choice(["weighted", "weighted", "plurality"]),
        self_vote=dice.choice(["exclude", "exclude", "last", "allow"]),
        present=dice.choice(["verbatim", "verbatim", "polish", "synthesise"]),
        presenter=dice.choice([None, "agent0", "nobody"]),
        tools=dice.choice(["none", "none", "none", "lead", "vote", "withheld", "dropped"]),
        tool_call_required=dice.random() < 0.2,
        lead=dice.choice([None, "agent1"]),
        max_rounds=dice.choice([0, 1, 1, 3, 8]),
        quorum=dice.choice([None, None, 1, size]),
        hedge=dice.random() < 0.3,
        borda_weight=dice.choice([0.0, 2.0]),
        early_stop=dice.random() < 0.7,
        checked=dice.random() < 0.2,
        limits=CallLimits(max_calls=dice.choice([0, 1, 3, 5, 64, 64, 64])),
        wrap_up_ms=dice.choice([1_000, 100_000]),
        deadline_ms=DEADLINE_MS,
    )


def draw_act(dice: random.Random, start: StartCall, health: float) -> Act:
    ms = dice.choice([1, 50, 50, 900, 4_000, 30_000])
    if dice.random() > health:
        return dice.choice(
            [
                Hangs(),
                Fails(dice.choice(ERRORS).info(), ms, after_first_byte=dice.random() < 0.5),
                Garbles(ms) if start.brief.phase == "ballot" else Says("", ms),
                Says(refusal="no", ms=ms) if start.brief.phase != "ballot" else Hangs(),
            ]
        )
    if start.brief.phase == "ballot":
        return draw_vote(dice, ms)
    tools = (ToolCall("c", "f", f'{{"x":{dice.randint(0, 1)}}}'),)
    calls = start.brief.tools == "client" and dice.random() < 0.3
    return Says(
        dice.choice(TEXTS),
        ms,
        dice.choice(["stop", "stop", "length", "content_filter"]),
        tools=tools if calls else (),
        invalid="not JSON" if dice.random() < 0.1 else None,
    )


def draw_vote(dice: random.Random, ms: int) -> Votes:
    tastes = {text: dice.random() for text in TEXTS}
    approving = dice.random() < 0.5
    return Votes(
        rank=lambda text: tastes.get(text, 0.0),
        approve=lambda _: approving,
        refined=dice.choice([None, None, "a refined answer that nobody has given before at all"]),
        ms=ms,
    )


def check(schedule: Schedule) -> Outcome:
    outcome = run(schedule.plan, schedule.behaviour, *schedule.extra)
    ends_once(outcome)
    stays_in_bounds(schedule.plan, outcome)
    speaks_with_one_voice(outcome)
    issues_fair_ballots(schedule.plan, outcome)
    lines = encode_log(outcome.session.log)
    assert encode_log(replay(lines).log) == lines
    return outcome


def ends_once(outcome: Outcome) -> None:
    assert len(outcome.finishes) == 1
    assert outcome.ended_ms <= DEADLINE_MS
    assert outcome.session.board.open_calls == {}
    assert outcome.finish.status in {"completed", "failed", "cancelled"}
    assert (outcome.finish.error is None) == (outcome.finish.status == "completed")


def stays_in_bounds(plan: RunPlan, outcome: Outcome) -> None:
    n, rounds = len(plan.agents), plan.rounds_allowed
    asked = outcome.facts(CallRequested)
    extra = sum(call.hedge_of is not None or call.repair_of is not None for call in asked)
    leads = sum(call.phase == "tool" for call in asked)
    # A lead that fails before it answers costs a call, but then answers no more.
    assert len(asked) <= (rounds + 1) * 2 * n + 1 + extra
    assert len(asked) <= max(plan.limits.max_calls, 0)
    assert leads <= 2 * n


def speaks_with_one_voice(outcome: Outcome) -> None:
    delivered = [command for command in outcome.commands if isinstance(command, Deliver)]
    presented = outcome.facts(PresentFinished)
    assert len(delivered) <= 1
    assert len(presented) <= 1
    if delivered and presented and presented[0].mode == "verbatim":
        known = {fact.sha256 for fact in outcome.facts(AnswerAccepted)}
        assert presented[0].sha256 in known
        assert outcome.delivered == delivered[0].text


def issues_fair_ballots(plan: RunPlan, outcome: Outcome) -> None:
    for issued in outcome.facts(BallotIssued):
        assert (issued.voter_id in issued.order) == (plan.self_vote != "exclude")
        assert len(set(issued.labels)) == len(issued.order)


@pytest.mark.requirement("coordination:terminates")
@settings(max_examples=50)
@given(st.randoms(use_true_random=False))
def test_any_schedule_ends_once_within_its_bounds_and_replays(dice: random.Random) -> None:
    check(draw_schedule(dice))


@pytest.mark.requirement("coordination:fail-k-of-n")
@settings(max_examples=50)
@given(st.randoms(use_true_random=False), st.integers(2, 6), st.integers(1, 6))
def test_one_agent_that_answers_is_enough_however_the_others_fail(
    dice: random.Random, size: int, healthy: int
) -> None:
    answering = {f"agent{healthy % size}"}
    agents = tuple(PlannedAgent(agent_id=f"agent{n}") for n in range(size))
    plan = RunPlan(
        seed=str(dice.random()), agents=agents, present=dice.choice(["verbatim", "polish"])
    )

    def behave(start: StartCall) -> Act:
        if start.agent_id in answering and start.brief.phase == "answer":
            return Says("42", dice.randint(1, 50_000))
        return draw_act(dice, start, health=-1.0)

    outcome = run(plan, behave)

    # Refusals of others may not win over an answer, nor silence end the run.
    assert outcome.finish.status == "completed" or outcome.calls_of("present")
    if not outcome.calls_of("present"):
        assert outcome.delivered == "42"


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
@pytest.mark.requirement("coordination:terminates")
def test_a_hundred_thousand_schedules_end_once_within_their_bounds() -> None:
    for number in range(100_000):
        check(draw_schedule(random.Random(number)))  # noqa: S311 - a schedule, not a secret
