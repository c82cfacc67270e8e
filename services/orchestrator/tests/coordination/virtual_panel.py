"""A panel on a virtual clock: commands go in, events come out when their time has come.

What each agent does with each call is a function; nothing here waits.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from orchestrator.coordination.commands import (
    CancelCall,
    Candidate,
    Command,
    Deliver,
    Finish,
    Report,
    SetTimer,
    StartCall,
)
from orchestrator.coordination.events import (
    BallotPaper,
    BallotReturned,
    CallCancelled,
    CallFailed,
    CallFinished,
    DeadlineReached,
    DeliveryBegan,
    Input,
    RunAdmitted,
    TimerFired,
)
from orchestrator.coordination.plan import PlannedAgent, RunPlan
from orchestrator.coordination.session import Session
from wire.conversation import FinishReason, ToolCall, Usage
from wire.errors import ErrorInfo

FactT = TypeVar("FactT")
USAGE = Usage(100, 20)


@dataclass(frozen=True)
class Says:
    """An answer after some milliseconds."""

    text: str = ""
    ms: int = 100
    finish: FinishReason = "stop"
    refusal: str | None = None
    tools: tuple[ToolCall, ...] = ()
    invalid: str | None = None


@dataclass(frozen=True)
class Votes:
    """A ballot, written in texts: `rank` orders the candidates by their text, best first."""

    rank: Callable[[str], float] = len
    approve: Callable[[str], bool] = lambda _: True
    reason: str = "a reason"
    refined: str | None = None
    ms: int = 100


@dataclass(frozen=True)
class Garbles:
    """A ballot call whose output is no ballot."""

    ms: int = 100


@dataclass(frozen=True)
class Fails:
    error: ErrorInfo = field(
        default_factory=lambda: ErrorInfo(502, "server_error", "no", "provider_error")
    )
    ms: int = 50
    after_first_byte: bool = False


@dataclass(frozen=True)
class Hangs:
    """Never answers; only a cut ends it."""


Act = Says | Votes | Garbles | Fails | Hangs
Behaviour = Callable[[StartCall], Act]


@dataclass
class Outcome:
    """`delivered`: the text that a client would have."""

    session: Session
    commands: list[Command]
    ended_ms: int
    delivered: str
    finishes: list[Finish]
    calls: list[StartCall]

    @property
    def finish(self) -> Finish:
        return self.finishes[0]

    def calls_of(self, phase: str) -> list[StartCall]:
        return [call for call in self.calls if call.brief.phase == phase]

    def facts(self, kind: type[FactT]) -> list[FactT]:
        return [entry for entry in self.session.log if isinstance(entry, kind)]


class VirtualPanel:
    """Runs one session to its end; every event that was scheduled is delivered."""

    def __init__(self, plan: RunPlan, behaviour: Behaviour) -> None:
        self._plan = plan
        self._behaviour = behaviour
        self._session = Session()
        self._queue: list[tuple[int, int, Input | None, int]] = []
        self._order = count()
        self._open: set[int] = set()
        self._live_texts: dict[int, str] = {}
        self._outcome = Outcome(self._session, [], 0, "", [], [])
        self._now = 0

    def run(self, *extra: Input) -> Outcome:
        for event in extra:
            self._at(event.at_ms, event)
        self._at(self._plan.deadline_ms, DeadlineReached(self._plan.deadline_ms))
        self._feed(RunAdmitted(0, self._plan))
        while self._queue and not (self._session.finished and not self._open):
            self._now, _, event, call = heapq.heappop(self._queue)
            if event is None or (call and call not in self._open):
                continue
            if isinstance(event, DeliveryBegan):
                self._outcome.delivered += self._live_texts.pop(call)
            elif call:
                self._open.discard(call)
            self._feed(event)
        return self._outcome

    def _feed(self, event: Input) -> None:
        was_finished = self._session.finished is not None
        for command in self._session.handle(event):
            assert not was_finished, f"{command} after the end"
            self._outcome.commands.append(command)
            self._perform(command)
        if self._session.finished and not was_finished:
            self._outcome.ended_ms = self._now

    def _perform(self, command: Command) -> None:
        outcome = self._outcome
        match command:
            case StartCall():
                outcome.calls.append(command)
                self._open.add(command.call)
                self._start(command)
            case CancelCall(call=call):
                self._at(self._now + 1, CallCancelled(self._now + 1, call, USAGE), call)
            case SetTimer(timer=timer, at_ms=at_ms):
                at_ms = max(at_ms, self._now)
                self._at(at_ms, TimerFired(at_ms, timer))
            case Deliver(text=text):
                outcome.delivered += text
            case Finish():
                outcome.finishes.append(command)
            case Report():
                pass

    def _start(self, start: StartCall) -> None:
        act = self._behaviour(start)
        match act:
            case Hangs():
                return
            case Says():
                self._say(start, act)
            case Votes():
                self._vote(start, act)
            case Garbles():
                at = self._now + act.ms
                self._end(start, BallotReturned(at, start.call, None, "not JSON", USAGE))
            case Fails():
                at = self._now + act.ms
                if act.after_first_byte and start.brief.live != "no":
                    self._begin(start, at - 1, "the beginning of ")
                self._end(start, CallFailed(at, start.call, act.error, Usage(100, 0)))

    def _say(self, start: StartCall, act: Says) -> None:
        at = self._now + act.ms
        live = start.brief.live
        if (live == "text" and act.text.strip()) or (live == "tools" and act.tools):
            self._begin(start, at - 1, act.text)
        self._end(
            start,
            CallFinished(
                at, start.call, act.text, act.finish, act.refusal, act.tools, act.invalid, USAGE
            ),
        )

    def _vote(self, start: StartCall, act: Votes) -> None:
        shown: list[Candidate] = sorted(
            start.brief.candidates,
            key=lambda candidate: (-act.rank(candidate.text), candidate.text),
        )
        paper = BallotPaper(
            ranking=tuple(candidate.label for candidate in shown),
            approve=tuple(c.label for c in shown if act.approve(c.text)),
            reason=act.reason,
            refined_answer=act.refined if start.brief.may_refine else None,
        )
        at = self._now + act.ms
        self._end(start, BallotReturned(at, start.call, paper, None, USAGE))

    def _begin(self, start: StartCall, at_ms: int, text: str) -> None:
        self._live_texts[start.call] = text
        self._at(at_ms, DeliveryBegan(at_ms, start.call), start.call)

    def _end(self, start: StartCall, event: Input) -> None:
        self._at(event.at_ms, event, start.call)

    def _at(self, at_ms: int, event: Input, call: int = 0) -> None:
        heapq.heappush(self._queue, (at_ms, next(self._order), event, call))


def plan_for(*agents: str | PlannedAgent, **options: object) -> RunPlan:
    seats = tuple(
        PlannedAgent(agent_id=agent) if isinstance(agent, str) else agent for agent in agents
    )
    return RunPlan(seed="5eed", agents=seats, **options)  # type: ignore[arg-type]


def scripted(script: Mapping[str, Act], ballot: Act | None = None) -> Behaviour:
    """One act per agent for its answer, one for all ballots."""

    def behave(start: StartCall) -> Act:
        if start.brief.phase == "ballot":
            return ballot or Votes()
        return script[start.agent_id]

    return behave


def run(plan: RunPlan, behaviour: Behaviour, *extra: Input) -> Outcome:
    return VirtualPanel(plan, behaviour).run(*extra)
