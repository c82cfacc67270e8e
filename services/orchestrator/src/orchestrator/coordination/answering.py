"""Blind answers: every agent for itself, no peeking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.coordination.answers import UnusableOutputError, answer_kind
from orchestrator.coordination.board import answer_of
from orchestrator.coordination.commands import Brief, Report
from orchestrator.coordination.events import (
    AnswerRejected,
    CallFailed,
    CallFinished,
    RoundOpened,
    TimerFired,
)
from orchestrator.coordination.gathering import Gathering
from orchestrator.coordination.outcomes import budget_exhausted, too_slow, unusable
from orchestrator.coordination.phases import Answered
from orchestrator.coordination.quorum import quorum_of

if TYPE_CHECKING:
    from orchestrator.coordination.board import Board, OpenCall
    from orchestrator.coordination.commands import ToolUse
    from orchestrator.coordination.phases import PhaseEvent, PhaseResult


class Answering:
    """All agents that have no answer yet, in parallel, up to the quorum and its grace."""

    name = "ANSWERING"

    def __init__(self, board: Board) -> None:
        self._board = board
        plan = board.plan
        self._tools: ToolUse = "client" if plan.tools in {"vote", "none"} else board.panel_tools
        self._asked = [a for a in plan.agent_ids if a not in board.answers | board.failures]
        ready = len(board.answers)
        quorum = max(1, quorum_of(len(plan.agents), plan.quorum) - ready)  # a lead's text counts
        self._gathering = Gathering(board, "answer", 0, quorum)

    def open(self) -> PhaseResult | None:
        board = self._board
        board.note(RoundOpened(board.now_ms, 0, "answer"))
        for agent_id in self._asked:
            refusal = self._gathering.ask(agent_id, Brief("answer", tools=self._tools))
            if refusal is not None:
                board.fail(agent_id, budget_exhausted(refusal))
        names = ", ".join(self._gathering.out())
        if names:
            board.emit(Report(f"Answering independently: {names}", "answering"))
        return self._over()

    def handle(self, event: PhaseEvent, call: OpenCall | None) -> PhaseResult | None:
        match event:
            case CallFinished() if call is not None:
                self._take(event, call)
            case CallFailed() if call is not None:
                if not self._gathering.is_out(call.agent_id):
                    self._drop(call.agent_id, event)
            case TimerFired(timer=timer):
                slow = self._gathering.on_timer(timer)
                if slow is not None:
                    self._board.fail(slow, too_slow())
            case _:
                return None
        return self._over()

    def wrap_up(self) -> PhaseResult | None:
        if not self._board.candidates():
            return None
        for agent_id in self._gathering.out():
            self._board.fail(agent_id, too_slow())
        self._gathering.cut_all("the run's time is nearly used up")
        return Answered()

    def _take(self, event: CallFinished, call: OpenCall) -> None:
        problem = event.invalid or self._accept(event, call)
        if problem is None:
            return
        board, agent_id = self._board, call.agent_id
        again = event.invalid is not None and self._gathering.ask_again(call, problem)
        board.note(AnswerRejected(board.now_ms, agent_id, problem, again))
        if not again and not self._gathering.is_out(agent_id):
            board.fail(agent_id, unusable(f"{agent_id}: {problem}"))

    def _accept(self, event: CallFinished, call: OpenCall) -> str | None:
        """Take the answer, or say what is wrong with it."""
        try:
            kind = answer_kind(event, call.brief.tools)
        except UnusableOutputError as error:
            return str(error)
        self._board.accept(call.agent_id, answer_of(call, event, kind))
        done, of = len(self._board.answers), len(self._board.plan.agents)
        text = f"{call.agent_id} has answered ({done} of {of})"
        self._board.emit(Report(text, "answered", call.agent_id))
        self._gathering.came_back(call.agent_id, counts=kind != "lesser")
        return None

    def _drop(self, agent_id: str, event: CallFailed) -> None:
        self._board.fail(agent_id, event.error)
        self._board.emit(Report(f"{agent_id} could not answer", "failed", agent_id))

    def _over(self) -> PhaseResult | None:
        return None if self._gathering.out() else Answered()
