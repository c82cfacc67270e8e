"""The lead's turn with the client's tools: one agent at single cost, the next where it fails.

A turn that ends in tool calls is the run's answer. Text is only the lead's own answer: the others
answer too, and the ballot decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.coordination.answers import UnusableOutputError, answer_kind
from orchestrator.coordination.board import answer_of
from orchestrator.coordination.commands import Brief, Repair, Report
from orchestrator.coordination.events import (
    AnswerRejected,
    CallFailed,
    CallFinished,
    DeliveryBegan,
    ToolsRequested,
)
from orchestrator.coordination.outcomes import all_failed, budget_exhausted, unusable
from orchestrator.coordination.phases import Ended, LeadAnswered

if TYPE_CHECKING:
    from orchestrator.coordination.answers import AnswerKind
    from orchestrator.coordination.board import Board, OpenCall
    from orchestrator.coordination.phases import PhaseEvent, PhaseResult

_NO_TOOL_CALL = "answered with text where the client requires a tool call"


class Leading:
    name = "ANSWERING"

    def __init__(self, board: Board) -> None:
        self._board = board
        self._queue = _lead_first(board)
        self._began = False

    def open(self) -> PhaseResult | None:
        board = self._board
        while self._queue:
            lead = self._queue.pop(0)
            started = board.start_call(lead, Brief("tool", live="tools", tools="client"))
            if isinstance(started, int):
                board.emit(Report(f"{lead} leads", "answering", lead))
                return None
            board.fail(lead, budget_exhausted(started))
        return Ended("failed", all_failed(board.failures))

    def handle(self, event: PhaseEvent, call: OpenCall | None) -> PhaseResult | None:
        match event:
            case DeliveryBegan():
                self._began = True
                return None
            case CallFinished() if call is not None:
                return self._finished(event, call)
            case CallFailed(error=error) if call is not None:
                self._board.fail(call.agent_id, error)
                return Ended("failed", error) if self._began else self.open()
            case _:
                return None

    def wrap_up(self) -> PhaseResult | None:
        return None

    def _finished(self, event: CallFinished, call: OpenCall) -> PhaseResult | None:
        if event.invalid is not None and not self._began:
            return self._ask_again(event.invalid, call)
        try:
            kind = self._kind(event, call)
        except UnusableOutputError as error:
            return self._give_up(str(error), call)
        self._board.accept(call.agent_id, answer_of(call, event, kind))
        return LeadAnswered() if kind != "tools" else self._tool_turn(event, call)

    def _kind(self, event: CallFinished, call: OpenCall) -> AnswerKind:
        kind = answer_kind(event, call.brief.tools)
        if kind == "text" and self._board.plan.tool_call_required:
            raise UnusableOutputError(_NO_TOOL_CALL)
        return kind

    def _tool_turn(self, event: CallFinished, call: OpenCall) -> PhaseResult:
        board = self._board
        names = tuple(tool_call.name for tool_call in event.tool_calls)
        board.note(ToolsRequested(board.now_ms, call.agent_id, call.call, names))
        board.emit(Report(f"{call.agent_id} asks for a tool", "tools", call.agent_id))
        return Ended("completed")

    def _ask_again(self, problem: str, call: OpenCall) -> PhaseResult | None:
        """One repair attempt with the same lead."""
        board = self._board
        if call.brief.repair is None:
            brief = Brief("tool", live="tools", repair=Repair(call.call, problem))
            if isinstance(board.start_call(call.agent_id, brief), int):
                board.note(AnswerRejected(board.now_ms, call.agent_id, problem, repair=True))
                return None
        return self._give_up(problem, call)

    def _give_up(self, problem: str, call: OpenCall) -> PhaseResult | None:
        board = self._board
        board.note(AnswerRejected(board.now_ms, call.agent_id, problem, repair=False))
        error = unusable(f"{call.agent_id}: {problem}")
        board.fail(call.agent_id, error)
        return Ended("failed", error) if self._began else self.open()


def _lead_first(board: Board) -> list[str]:
    ids = list(board.plan.agent_ids)
    lead = board.plan.lead
    return [lead, *(a for a in ids if a != lead)] if lead in ids else ids
