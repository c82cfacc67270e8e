"""The ballot: every author judges the others' answers under labels of its own.

Votes are for exactly the revisions on the sheet; nothing changes while a ballot is open, so a
stale vote cannot exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.coordination.ballots import InvalidBallotError, draw_sheets, read_paper
from orchestrator.coordination.commands import Brief, Candidate, Report
from orchestrator.coordination.decision import Election, decide
from orchestrator.coordination.early_stop import is_agreed, leader_is_safe
from orchestrator.coordination.events import (
    BallotIssued,
    BallotReturned,
    CallFailed,
    RoundOpened,
    TimerFired,
    VoteCast,
    VoteInvalid,
)
from orchestrator.coordination.gathering import Gathering
from orchestrator.coordination.phases import BallotRefused, Voted
from orchestrator.coordination.quorum import quorum_of

if TYPE_CHECKING:
    from orchestrator.coordination.answers import Answer
    from orchestrator.coordination.ballots import Ballot, BallotSheet
    from orchestrator.coordination.board import Board, OpenCall
    from orchestrator.coordination.phases import PhaseEvent, PhaseResult


class Balloting:
    name = "BALLOT"

    def __init__(
        self,
        board: Board,
        answers: list[Answer],
        clusters: tuple[tuple[str, ...], ...],
        round_no: int,
    ) -> None:
        self._board = board
        self._answers = {answer.agent_id: answer for answer in answers}
        self._clusters = clusters
        self._round = round_no
        plan = board.plan
        self._may_refine = round_no < plan.rounds_allowed
        self._sheets = {
            sheet.voter_id: sheet
            for sheet in draw_sheets(
                list(self._answers), self_vote=plan.self_vote, seed=plan.seed, round_no=round_no
            )
        }
        self._ballots: dict[str, Ballot] = {}
        quorum = quorum_of(len(self._sheets), plan.quorum)
        self._gathering = Gathering(board, "ballot", round_no, quorum)

    def open(self) -> PhaseResult | None:
        board = self._board
        board.note(RoundOpened(board.now_ms, self._round, "ballot"))
        refusal = None
        for sheet in self._sheets.values():
            refusal = self._gathering.ask(sheet.voter_id, self._brief(sheet)) or refusal
            if self._gathering.is_out(sheet.voter_id):
                self._note_issued(sheet)
        voters = self._gathering.out()
        if not voters:
            return BallotRefused(refusal or "calls")
        board.emit(Report(f"Voting: {', '.join(voters)}", "voting"))
        return None

    def handle(self, event: PhaseEvent, call: OpenCall | None) -> PhaseResult | None:
        match event:
            case BallotReturned() if call is not None:
                self._take(event, call)
            case CallFailed() if call is not None:
                if not self._gathering.is_out(call.agent_id):
                    self._abstain(call.agent_id, "the call failed")
            case TimerFired(timer=timer):
                slow = self._gathering.on_timer(timer)
                if slow is not None:
                    self._abstain(slow, "too slow")
            case _:
                return None
        return self._over()

    def wrap_up(self) -> PhaseResult | None:
        return self._close("the run's time is nearly used up")

    def election(self) -> Election:
        plan = self._board.plan
        return Election(
            clusters=self._clusters,
            weights=self._board.weights(),
            ballots=tuple(self._ballots[v] for v in self._sheets if v in self._ballots),
            rule=plan.rule,
            borda_weight=plan.borda_weight,
            seed=plan.seed,
        )

    def _brief(self, sheet: BallotSheet) -> Brief:
        shown = zip(sheet.order, sheet.labels, strict=True)
        return Brief(
            "ballot",
            round=self._round,
            tools=self._board.panel_tools,
            candidates=tuple(Candidate(label, self._answers[agent].text) for agent, label in shown),
            may_refine=self._may_refine,
        )

    def _note_issued(self, sheet: BallotSheet) -> None:
        revisions = {agent: self._answers[agent].revision for agent in sheet.order}
        self._board.note(
            BallotIssued(
                self._board.now_ms,
                sheet.voter_id,
                self._round,
                sheet.order,
                sheet.labels,
                revisions,
            )
        )

    def _take(self, event: BallotReturned, call: OpenCall) -> None:
        try:
            ballot = self._read(event, call.agent_id)
        except InvalidBallotError as error:
            self._reject(str(error), call)
            return
        self._ballots[call.agent_id] = ballot
        self._note_cast(ballot)
        self._gathering.came_back(call.agent_id)

    def _read(self, event: BallotReturned, voter_id: str) -> Ballot:
        if event.paper is None:
            raise InvalidBallotError(event.invalid or "the output is not a ballot")
        return read_paper(self._sheets[voter_id], event.paper)

    def _note_cast(self, ballot: Ballot) -> None:
        board = self._board
        refined = self._may_refine and ballot.refined_answer is not None
        board.note(
            VoteCast(
                board.now_ms,
                ballot.voter_id,
                self._round,
                ballot.ranking,
                ballot.approved,
                ballot.reason,
                refined,
            )
        )
        done, of = len(self._ballots), len(self._sheets)
        text = f"{ballot.voter_id} has voted ({done} of {of})"
        board.emit(Report(text, "voted", ballot.voter_id))

    def _reject(self, problem: str, call: OpenCall) -> None:
        again = self._gathering.ask_again(call, problem)
        if again or not self._gathering.is_out(call.agent_id):
            self._abstain(call.agent_id, problem, repair=again)

    def _abstain(self, voter_id: str, problem: str, *, repair: bool = False) -> None:
        board = self._board
        board.note(VoteInvalid(board.now_ms, voter_id, self._round, problem, repair))

    def _over(self) -> PhaseResult | None:
        if not self._gathering.out():
            return self._close("")
        return self._close("the leader cannot be overtaken") if self._is_settled() else None

    def _is_settled(self) -> bool:
        """Nothing still open could change the winner, nor whether there is agreement on it."""
        if not self._board.plan.early_stop or not self._ballots:
            return False
        election = self.election()
        still_open = [self._sheets[voter] for voter in self._gathering.out()]
        if not leader_is_safe(election, still_open):
            return False
        if not self._may_refine:
            return True
        return is_agreed(election, decide(election).cluster, len(self._sheets))

    def _close(self, why: str) -> Voted:
        self._gathering.cut_all(why)
        return Voted(self._round, self.election(), len(self._sheets), tuple(self._ballots.values()))
