"""Agents at work at the same time: who is out, when enough are back, when to stop waiting."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.coordination.commands import Repair, Report, SetTimer
from orchestrator.coordination.events import QuorumReached
from orchestrator.coordination.quorum import GraceRule

if TYPE_CHECKING:
    from orchestrator.coordination.board import Board, OpenCall
    from orchestrator.coordination.budgets import BudgetKind
    from orchestrator.coordination.commands import Brief
    from wire.coordination import CallPhase


class Gathering:
    """One parallel phase of a run. An agent is out while any of its calls is open and uncut."""

    def __init__(self, board: Board, phase: CallPhase, round_no: int, quorum: int) -> None:
        self._board = board
        self._phase: CallPhase = phase
        self._round = round_no
        self._rule = GraceRule(quorum, board.plan.grace)
        self._opened_ms = board.now_ms
        self._back = 0
        self._quorum_reached = False
        self._started_ms: dict[str, int] = {}

    def ask(self, agent_id: str, brief: Brief) -> BudgetKind | None:
        """Start an agent's call; or say which limit stands against it."""
        started = self._board.start_call(agent_id, brief)
        if not isinstance(started, int):
            return started
        self._started_ms.setdefault(agent_id, self._board.now_ms)
        return None

    def ask_again(self, call: OpenCall, problem: str) -> bool:
        """One repair attempt; False when this was it already, or the budget refuses."""
        if call.brief.repair is not None:
            return False
        brief = replace(call.brief, repair=Repair(call.call, problem))
        return self.ask(call.agent_id, brief) is None

    def out(self) -> list[str]:
        """Agents still at work, in the order of registration."""
        busy = {call.agent_id for call in self._mine()}
        return [agent_id for agent_id in self._board.plan.agent_ids if agent_id in busy]

    def is_out(self, agent_id: str) -> bool:
        """Whether any call of the agent may still come back."""
        return any(call.agent_id == agent_id for call in self._mine())

    def came_back(self, agent_id: str, *, counts: bool = True) -> None:
        """A result is here: its twin is not needed, and at the quorum the stragglers' time runs.

        A result that `counts` for nothing, such as a refusal, brings no quorum nearer.
        """
        for call in self._mine():
            if call.agent_id == agent_id:
                self._board.cut(call.call, "its twin was faster")
        self._back += counts
        self._check_quorum()

    def _check_quorum(self) -> None:
        """Give the stragglers their time once enough are back; does so once."""
        if self._quorum_reached or self._back < self._rule.quorum or not self.out():
            return
        self._quorum_reached = True
        waiting = {agent_id: self._patience_ms(agent_id) for agent_id in self.out()}
        board = self._board
        board.note(QuorumReached(board.now_ms, self._phase, self._round, self._back, waiting))
        for agent_id, until_ms in waiting.items():
            board.emit(SetTimer(self._timer(agent_id), until_ms))
        text = f"Enough are back ({self._back}); waiting a little for {', '.join(waiting)}"
        board.emit(Report(text, "quorum"))

    def on_timer(self, timer: str) -> str | None:
        """The agent whose time is up and whose calls were cut, if the timer is about one."""
        if timer.startswith("hedge:"):
            self._hedge(int(timer.removeprefix("hedge:")))
            return None
        for agent_id in self.out():
            if timer == self._timer(agent_id):
                self.cut(agent_id, "too slow")
                return agent_id
        return None

    def cut(self, agent_id: str, why: str) -> None:
        for call in self._mine():
            if call.agent_id == agent_id:
                self._board.cut(call.call, why)

    def cut_all(self, why: str) -> None:
        for call in self._mine():
            self._board.cut(call.call, why)

    def _mine(self) -> list[OpenCall]:
        return [
            call
            for call in self._board.open_calls.values()
            if not call.cut and call.brief.phase == self._phase and call.brief.round == self._round
        ]

    def _patience_ms(self, agent_id: str) -> int:
        agent = self._board.plan.agent(agent_id)
        return self._rule.straggler_deadline_ms(
            opened_ms=self._opened_ms,
            quorum_ms=self._board.now_ms,
            started_ms=self._started_ms.get(agent_id, self._opened_ms),
            p95_ms=agent.ballot_p95_ms if self._phase == "ballot" else agent.answer_p95_ms,
        )

    def _hedge(self, call: int) -> None:
        slow = self._board.open_calls.get(call)
        if slow is None or slow.cut or slow not in self._mine():
            return
        self._board.start_call(slow.agent_id, slow.brief, hedge_of=call)

    def _timer(self, agent_id: str) -> str:
        return f"grace:{self._phase}:{self._round}:{agent_id}"
