"""What every phase of a run shares: answers, failures, open calls, the budget, the log.

Phases write here and leave the routing between phases to the session.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.coordination.answers import Answer
from orchestrator.coordination.budgets import Budget, BudgetKind, agent_cost_nano_usd, worst_case
from orchestrator.coordination.clusters import Fingerprint, fingerprint, form_clusters
from orchestrator.coordination.commands import CancelCall, SetTimer, StartCall, ToolUse
from orchestrator.coordination.events import (
    AgentFailed,
    AnswerAccepted,
    BudgetExceeded,
    CallCancelled,
    CallCut,
    CallEnd,
    CallReissued,
    CallRequested,
    ClusterFormed,
    LogEntry,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.coordination.answers import AnswerKind
    from orchestrator.coordination.commands import Brief, Command
    from orchestrator.coordination.events import CallFinished, Fact, Input
    from orchestrator.coordination.plan import PlannedAgent, RunPlan
    from wire.errors import ErrorInfo

_CHARS_PER_TOKEN = 3  # on the safe side for prose; the budget needs a bound, not a count
_FENCE_TOKENS = 24  # of one candidate


@dataclass(slots=True)
class OpenCall:
    """A call under way. `cut`: we ended it; whatever it still returns is ignored."""

    call: int
    agent_id: str
    brief: Brief
    started_ms: int
    hedge_of: int | None = None
    cut: bool = False


class Board:
    def __init__(self, plan: RunPlan) -> None:
        self.plan = plan
        self.now_ms = 0
        self.wrapping_up = False
        self.out_of_time = False
        self.answers: dict[str, Answer] = {}
        self.failures: dict[str, ErrorInfo] = {}
        self.open_calls: dict[int, OpenCall] = {}
        self.log: list[LogEntry] = []
        self._budget = Budget(plan.limits)
        self._commands: list[Command] = []
        self._next_call = 1
        self._fingerprints: dict[tuple[str, int], Fingerprint] = {}

    # ------------------------------------------------------------------------------ log, commands

    def begin(self, event: Input) -> None:
        """Take the event's time and write it down."""
        self.now_ms = max(self.now_ms, event.at_ms)
        self.log.append(event)

    def note(self, fact: Fact) -> None:
        self.log.append(fact)

    def emit(self, command: Command) -> None:
        self._commands.append(command)

    def take_commands(self) -> list[Command]:
        commands, self._commands = self._commands, []
        return commands

    # -------------------------------------------------------------------------------------- calls

    @property
    def panel_tools(self) -> ToolUse:
        """How the panel's own calls show the client's tools: byte-equal, for prefix caches."""
        return "dropped" if self.plan.tools == "dropped" else "withheld"

    def start_call(
        self, agent_id: str, brief: Brief, *, hedge_of: int | None = None
    ) -> int | BudgetKind:
        """Authorise and request one call; or say which limit stands against it."""
        agent = self.plan.agent(agent_id)
        output_tokens = _output_tokens(agent, brief)
        worst = worst_case(agent, agent.input_tokens + _extra_tokens(brief), output_tokens)
        refusal = self._budget.authorise(self._next_call, worst)
        if refusal is not None:
            self.note(BudgetExceeded(self.now_ms, refusal, brief.phase, agent_id))
            return refusal
        return self._request(agent, brief, output_tokens, hedge_of)

    def settle(self, event: CallEnd) -> OpenCall | None:
        """Book a call that ended and take it off the board."""
        call = self.open_calls.pop(event.call, None)
        if call is not None:
            nano_usd = agent_cost_nano_usd(self.plan.agent(call.agent_id), event.usage)
            self._budget.settle(event.call, event.usage, attempts=event.attempts, nano_usd=nano_usd)
        return call

    def cut(self, call: int, why: str) -> None:
        """End a call we no longer need. It stays open until its end is reported."""
        under_way = self.open_calls.get(call)
        if under_way is None or under_way.cut:
            return
        under_way.cut = True
        self.note(CallCut(self.now_ms, call, why))
        self.emit(CancelCall(call, why))

    def cut_all(self, why: str) -> None:
        for call in list(self.open_calls):
            self.cut(call, why)

    def reissue(self) -> None:
        """Calls under way died with their process: those still wanted are made again."""
        for call in list(self.open_calls.values()):
            if call.cut:
                self.settle(CallCancelled(self.now_ms, call.call))
                continue
            self._budget.calls += 1
            self.note(CallReissued(self.now_ms, call.call))
            output_tokens = _output_tokens(self.plan.agent(call.agent_id), call.brief)
            self.emit(StartCall(call.call, call.agent_id, call.brief, output_tokens))

    def _request(
        self, agent: PlannedAgent, brief: Brief, output_tokens: int, hedge_of: int | None
    ) -> int:
        call, self._next_call = self._next_call, self._next_call + 1
        self.open_calls[call] = OpenCall(call, agent.agent_id, brief, self.now_ms, hedge_of)
        repair_of = brief.repair.call if brief.repair else None
        self.note(
            CallRequested(
                self.now_ms, call, agent.agent_id, brief.phase, brief.round, hedge_of, repair_of
            )
        )
        self.emit(StartCall(call, agent.agent_id, brief, output_tokens))
        hedge_after_ms = self._hedge_after_ms(agent, brief)
        if hedge_of is None and hedge_after_ms is not None:
            self.emit(SetTimer(f"hedge:{call}", self.now_ms + hedge_after_ms))
        return call

    def _hedge_after_ms(self, agent: PlannedAgent, brief: Brief) -> int | None:
        if not self.plan.hedge or brief.phase not in {"answer", "ballot"} or brief.live != "no":
            return None
        return agent.ballot_p95_ms if brief.phase == "ballot" else agent.answer_p95_ms

    # ------------------------------------------------------------------------- answers, failures

    def accept(self, agent_id: str, answer: Answer) -> None:
        """The agent's answer from now on; its revision is counted here."""
        earlier = self.answers.get(agent_id)
        answer = replace(answer, revision=earlier.revision + 1 if earlier else 1)
        self.answers[agent_id] = answer
        self.failures.pop(agent_id, None)
        self.note(
            AnswerAccepted(
                self.now_ms,
                agent_id,
                answer.revision,
                answer.round,
                answer.call,
                answer.sha256,
                answer.output_tokens,
                answer.kind,
            )
        )

    def fail(self, agent_id: str, error: ErrorInfo) -> None:
        self.failures[agent_id] = error
        self.note(AgentFailed(self.now_ms, agent_id, error))

    def in_order(self) -> list[Answer]:
        """All answers, in the order of registration."""
        return [self.answers[a] for a in self.plan.agent_ids if a in self.answers]

    def candidates(self) -> list[Answer]:
        """The answers that count, in the order of registration: the best kind there is."""
        present = self.in_order()
        for kind in ("text", "tools", "lesser"):
            best = [answer for answer in present if answer.kind == kind]
            if best:
                return best
        return []

    def cluster(self, answers: Sequence[Answer], round_no: int) -> tuple[tuple[str, ...], ...]:
        """Group agents whose answers say the same, and write it down."""
        clusters = form_clusters({a.agent_id: self._fingerprint(a) for a in answers})
        for index, agents in enumerate(clusters):
            self.note(ClusterFormed(self.now_ms, round_no, index, agents))
        return tuple(clusters)

    def weights(self) -> dict[str, float]:
        return {agent.agent_id: agent.weight for agent in self.plan.agents}

    def _fingerprint(self, answer: Answer) -> Fingerprint:
        key = (answer.agent_id, answer.revision)
        if key not in self._fingerprints:
            self._fingerprints[key] = fingerprint(answer.refusal or answer.text)
        return self._fingerprints[key]


def answer_of(call: OpenCall, event: CallFinished, kind: AnswerKind) -> Answer:
    """A finished call as an answer; `accept` gives it its revision."""
    return Answer(
        agent_id=call.agent_id,
        revision=0,
        round=call.brief.round,
        call=event.call,
        kind=kind,
        text=event.text,
        finish_reason=event.finish_reason,
        refusal=event.refusal,
        tool_calls=event.tool_calls if kind == "tools" else (),
        output_tokens=event.usage.output_tokens,
    )


def _output_tokens(agent: PlannedAgent, brief: Brief) -> int:
    if brief.phase != "ballot":
        return agent.max_output_tokens
    refined = agent.max_output_tokens if brief.may_refine else 0
    return agent.ballot_output_tokens + refined


def _extra_tokens(brief: Brief) -> int:
    texts = [candidate.text for candidate in brief.candidates]
    texts += [text for text in (brief.own_answer, brief.objection) if text]
    return sum(len(text) // _CHARS_PER_TOKEN + _FENCE_TOKENS for text in texts)
