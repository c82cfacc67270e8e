"""A refine round: the authors of the top two clusters answer the strongest objection.

A refined answer that came with a ballot is taken as it is and costs no call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.coordination.answers import Answer, UnusableOutputError, answer_kind
from orchestrator.coordination.ballots import draw_sheets
from orchestrator.coordination.board import answer_of
from orchestrator.coordination.commands import Brief, Candidate, Report
from orchestrator.coordination.events import (
    AnswerRejected,
    CallFinished,
    RoundOpened,
    TimerFired,
)
from orchestrator.coordination.gathering import Gathering
from orchestrator.coordination.phases import Refined
from orchestrator.coordination.refinement import refinements

if TYPE_CHECKING:
    from orchestrator.coordination.board import Board, OpenCall
    from orchestrator.coordination.decision import Decision
    from orchestrator.coordination.phases import PhaseEvent, PhaseResult, Voted
    from orchestrator.coordination.refinement import Refinement


class Refining:
    name = "REFINING"

    def __init__(self, board: Board, vote: Voted, decision: Decision) -> None:
        self._board = board
        self._vote = vote
        self._round = vote.round + 1
        self._tasks = refinements(vote.election, decision)
        self._changed = False
        self._gathering = Gathering(board, "refine", self._round, quorum=1)

    def open(self) -> PhaseResult | None:
        board = self._board
        board.note(RoundOpened(board.now_ms, self._round, "refine"))
        refined = self._take_refined_ballots()
        for task in self._tasks:
            if task.author not in refined:
                self._gathering.ask(task.author, self._brief(task))
        authors = ", ".join(self._gathering.out())
        if authors:
            board.emit(Report(f"No agreement yet; refining: {authors}", "refining"))
        return self._over()

    def handle(self, event: PhaseEvent, call: OpenCall | None) -> PhaseResult | None:
        match event:
            case CallFinished() if call is not None:
                self._take(event, call)
            case TimerFired(timer=timer):
                self._gathering.on_timer(timer)
            case _:
                pass  # an author that fails keeps the answer it had
        return self._over()

    def wrap_up(self) -> PhaseResult | None:
        self._gathering.cut_all("the run's time is nearly used up")
        return Refined(self._round, self._changed)

    def _take_refined_ballots(self) -> set[str]:
        refined: set[str] = set()
        for ballot in self._vote.ballots:
            if ballot.refined_answer is None:
                continue
            earlier = self._board.answers[ballot.voter_id]
            self._accept(_reworded(earlier, ballot.refined_answer, self._round))
            refined.add(ballot.voter_id)
        return refined

    def _brief(self, task: Refinement) -> Brief:
        board = self._board
        sheet = draw_sheets(
            [task.author, task.rival],
            self_vote="exclude",
            seed=board.plan.seed,
            round_no=-self._round,  # labels unlike those of any ballot
        )[0]
        return Brief(
            "refine",
            round=self._round,
            tools=board.panel_tools,
            candidates=(Candidate(sheet.labels[0], board.answers[task.rival].text),),
            own_answer=board.answers[task.author].text,
            objection=task.objection,
        )

    def _take(self, event: CallFinished, call: OpenCall) -> None:
        try:
            if event.invalid is not None:
                raise UnusableOutputError(event.invalid)  # noqa: TRY301 - one way out
            kind = answer_kind(event, call.brief.tools)
        except UnusableOutputError as error:
            board = self._board
            board.note(AnswerRejected(board.now_ms, call.agent_id, str(error), repair=False))
            return
        if kind == "text":
            self._accept(answer_of(call, event, kind))
        self._gathering.came_back(call.agent_id)

    def _accept(self, answer: Answer) -> None:
        self._board.accept(answer.agent_id, answer)
        self._changed = True

    def _over(self) -> PhaseResult | None:
        return None if self._gathering.out() else Refined(self._round, self._changed)


def _reworded(earlier: Answer, text: str, round_no: int) -> Answer:
    return Answer(
        agent_id=earlier.agent_id,
        revision=0,
        round=round_no,
        call=earlier.call,
        kind="text",
        text=text,
        finish_reason="stop",
        output_tokens=max(1, len(text) // 4),
    )
