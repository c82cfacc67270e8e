"""The winning answer goes out, from exactly one mouth.

verbatim: the voted text itself, no call. polish, synthesise: one presenter writes, live; if it
fails before its first byte is out, the voted text goes out instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.coordination.answers import Answer, text_sha256
from orchestrator.coordination.ballots import draw_sheets
from orchestrator.coordination.commands import Brief, Candidate, Deliver, Report
from orchestrator.coordination.events import (
    CallFailed,
    CallFinished,
    DeliveryBegan,
    PresentFinished,
    PresentStarted,
)
from orchestrator.coordination.outcomes import out_of_time
from orchestrator.coordination.phases import Ended

if TYPE_CHECKING:
    from orchestrator.coordination.board import Board, OpenCall
    from orchestrator.coordination.phases import PhaseEvent, PhaseResult
    from wire.specs import Present

_LABEL_ROUND = -100  # labels unlike those of any ballot or refine round


class Presenting:
    name = "PRESENTING"

    def __init__(self, board: Board, winner: Answer) -> None:
        self._board = board
        self._winner = winner
        self._mode: Present = _mode(board, winner)
        self._call: int | None = None
        self._began = False

    def open(self) -> PhaseResult | None:
        board, presenter = self._board, self._presenter()
        if self._mode != "verbatim":
            started = board.start_call(presenter, self._brief())
            if isinstance(started, int):
                self._call = started
                board.note(PresentStarted(board.now_ms, self._mode, presenter))
                board.emit(Report(f"{presenter} writes the final answer", "presenting", presenter))
                return None
        return self._deliver_winner()

    def handle(self, event: PhaseEvent, call: OpenCall | None) -> PhaseResult | None:
        match event:
            case DeliveryBegan(call=number) if number == self._call:
                self._began = True
                return None
            case CallFinished() if call is not None and call.call == self._call:
                return self._finished(event, call)
            case CallFailed(error=error) if call is not None and call.call == self._call:
                return Ended("failed", error) if self._began else self._deliver_winner()
            case _:
                return None

    def wrap_up(self) -> PhaseResult | None:
        """Only the deadline itself ends a presentation; its time was set aside."""
        if not self._board.out_of_time:
            return None
        if self._call is not None:
            self._board.cut(self._call, "the run's time is used up")
        return Ended("failed", out_of_time()) if self._began else self._deliver_winner()

    def _presenter(self) -> str:
        wished = self._board.plan.presenter
        usable = wished in self._board.plan.agent_ids and wished not in self._board.failures
        return wished if usable and wished is not None else self._winner.agent_id

    def _brief(self) -> Brief:
        board = self._board
        answers = [self._winner] if self._mode == "polish" else board.candidates()
        sheet = draw_sheets(
            [answer.agent_id for answer in answers],
            self_vote="allow",
            seed=board.plan.seed,
            round_no=_LABEL_ROUND,
        )[0]
        return Brief(
            "present",
            live="no" if board.plan.checked else "text",
            tools=board.panel_tools,
            present=self._mode,
            candidates=tuple(
                Candidate(label, board.answers[agent].text)
                for agent, label in zip(sheet.order, sheet.labels, strict=True)
            ),
        )

    def _finished(self, event: CallFinished, call: OpenCall) -> PhaseResult:
        usable = event.invalid is None and bool(event.text.strip())
        if not usable and not self._began:
            return self._deliver_winner()
        if call.brief.live == "no":
            self._board.emit(Deliver(event.call, event.text, event.finish_reason))
        return self._ended(self._mode, event.call, text_sha256(event.text))

    def _deliver_winner(self) -> PhaseResult:
        winner, board = self._winner, self._board
        board.note(PresentStarted(board.now_ms, "verbatim", winner.agent_id))
        board.emit(
            Deliver(
                winner.call,
                winner.text,
                winner.finish_reason,
                winner.refusal,
                winner.tool_calls,
            )
        )
        return self._ended("verbatim", winner.call, winner.sha256)

    def _ended(self, mode: str, call: int, sha256: str) -> PhaseResult:
        self._board.note(PresentFinished(self._board.now_ms, mode, call, sha256))
        return Ended("completed")


def _mode(board: Board, winner: Answer) -> Present:
    """Tool calls, refusals and an answer in a hurry go out as they are."""
    if winner.kind != "text" or board.out_of_time:
        return "verbatim"
    return board.plan.present
