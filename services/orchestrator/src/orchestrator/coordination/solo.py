"""A run of one agent: nothing to coordinate, so its words go out as they arrive.

Except where they must satisfy a schema first (`plan.checked`): then they are held, checked,
asked for once more, and delivered whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.coordination.board import answer_of
from orchestrator.coordination.commands import Brief, Deliver, Repair
from orchestrator.coordination.events import (
    AnswerRejected,
    CallFailed,
    CallFinished,
    PresentFinished,
)
from orchestrator.coordination.outcomes import budget_exhausted, unusable
from orchestrator.coordination.phases import Ended

if TYPE_CHECKING:
    from orchestrator.coordination.board import Board, OpenCall
    from orchestrator.coordination.phases import PhaseEvent, PhaseResult


class Solo:
    name = "PRESENTING"

    def __init__(self, board: Board) -> None:
        self._board = board

    def open(self) -> PhaseResult | None:
        return self._ask(None)

    def handle(self, event: PhaseEvent, call: OpenCall | None) -> PhaseResult | None:
        match event:
            case CallFinished() if call is not None:
                return self._finished(event, call)
            case CallFailed(error=error) if call is not None:
                self._board.fail(call.agent_id, error)
                return Ended("failed", error)
            case _:
                return None

    def wrap_up(self) -> PhaseResult | None:
        return None

    def _ask(self, repair: Repair | None) -> PhaseResult | None:
        plan = self._board.plan
        offered = plan.tools in {"lead", "vote", "none"}
        brief = Brief(
            "single",
            live="no" if plan.checked else "text",
            tools="client" if offered else self._board.panel_tools,
            repair=repair,
        )
        started = self._board.start_call(plan.agents[0].agent_id, brief)
        return None if isinstance(started, int) else Ended("failed", budget_exhausted(started))

    def _finished(self, event: CallFinished, call: OpenCall) -> PhaseResult | None:
        if event.invalid is not None:
            return self._reject(event.invalid, call)
        board = self._board
        answer = answer_of(call, event, "tools" if event.tool_calls else "text")
        board.accept(call.agent_id, answer)
        if call.brief.live == "no":
            board.emit(
                Deliver(
                    event.call, event.text, event.finish_reason, event.refusal, event.tool_calls
                )
            )
        board.note(PresentFinished(board.now_ms, "single", event.call, answer.sha256))
        return Ended("completed")

    def _reject(self, problem: str, call: OpenCall) -> PhaseResult | None:
        board, again = self._board, call.brief.repair is None
        board.note(AnswerRejected(board.now_ms, call.agent_id, problem, again))
        if again:
            return self._ask(Repair(call.call, problem))
        error = unusable(f"{call.agent_id}: {problem}")
        board.fail(call.agent_id, error)
        return Ended("failed", error)
