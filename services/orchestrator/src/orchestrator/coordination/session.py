"""One run: `handle(event) -> commands`. The map of what follows what, and nothing else.

    ADMITTED -> ANSWERING -> BALLOT -> DECIDED -> PRESENTING -> DONE
                   ^___ REFINING (no agreement, rounds and budget left) ___|
    any state -> CANCELLED | FAILED

Terminates: each phase waits only for calls it started, each call ends or is cut by a timer or the
deadline, and refine rounds are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.coordination.answering import Answering
from orchestrator.coordination.answers import NO_CALL
from orchestrator.coordination.balloting import Balloting
from orchestrator.coordination.board import Board
from orchestrator.coordination.commands import Finish, Report, SetTimer
from orchestrator.coordination.decision import Election, decide
from orchestrator.coordination.drafts import take_up
from orchestrator.coordination.early_stop import is_agreed
from orchestrator.coordination.events import (
    BallotReturned,
    BallotSkipped,
    CallCancelled,
    CallFailed,
    CallFinished,
    CancelRequested,
    ClientGone,
    DeadlineReached,
    DecisionMade,
    DeliveryBegan,
    RunAdmitted,
    RunFinished,
    RunResumed,
    TimerFired,
    ToolsRequested,
)
from orchestrator.coordination.leading import Leading
from orchestrator.coordination.outcomes import all_failed, cancelled, out_of_time
from orchestrator.coordination.phases import (
    Answered,
    BallotRefused,
    Ended,
    LeadAnswered,
    Refined,
    Voted,
)
from orchestrator.coordination.presenting import Presenting
from orchestrator.coordination.refining import Refining
from orchestrator.coordination.solo import Solo
from orchestrator.coordination.tool_votes import winning_calls
from wire.coordination import Tally

if TYPE_CHECKING:
    from orchestrator.coordination.answers import Answer
    from orchestrator.coordination.board import OpenCall
    from orchestrator.coordination.commands import Command
    from orchestrator.coordination.decision import Decision
    from orchestrator.coordination.events import Input, LogEntry
    from orchestrator.coordination.phases import Phase, PhaseResult

_WRAP_UP = "wrap_up"


class NotAdmittedError(RuntimeError):
    """The first event of a run must be `RunAdmitted`, and only the first."""


class Session:
    """Drives one run. Feed it every event in the order of arrival; perform what it returns."""

    def __init__(self) -> None:
        self._board: Board | None = None
        self._phase: Phase | None = None
        self._finish: Finish | None = None
        self._last_vote: Voted | None = None
        self._clusters: tuple[tuple[str, ...], ...] = ()

    # ------------------------------------------------------------------------------------ reading

    @property
    def state(self) -> str:
        if self._finish is not None:
            return {"completed": "DONE", "cancelled": "CANCELLED"}.get(
                self._finish.status, "FAILED"
            )
        return self._phase.name if self._phase is not None else "ADMITTED"

    @property
    def finished(self) -> Finish | None:
        return self._finish

    @property
    def board(self) -> Board:
        if self._board is None:
            raise NotAdmittedError("no RunAdmitted yet")
        return self._board

    @property
    def log(self) -> list[LogEntry]:
        """Inputs and facts so far, in order."""
        return self.board.log

    # ------------------------------------------------------------------------------------- driving

    def handle(self, event: Input) -> list[Command]:
        """Advance the run. After the end events are only booked and written down."""
        if isinstance(event, RunAdmitted):
            return self._admit(event)
        board = self.board
        board.begin(event)
        call = self._settle(event)
        if self._finish is None:
            self._react(event, call)
        return board.take_commands()

    def _admit(self, event: RunAdmitted) -> list[Command]:
        if self._board is not None:
            raise NotAdmittedError("RunAdmitted came twice")
        board = self._board = Board(event.plan)
        board.begin(event)
        board.emit(SetTimer(_WRAP_UP, event.plan.wrap_up_ms))
        take_up(event.plan.drafts, board)
        self._enter(self._first_phase(event))
        return board.take_commands()

    def _first_phase(self, event: RunAdmitted) -> Phase:
        plan = event.plan
        if len(plan.agents) == 1:
            return Solo(self.board)
        return Leading(self.board) if plan.tools == "lead" else Answering(self.board)

    def _settle(self, event: Input) -> OpenCall | None:
        if not isinstance(event, CallFinished | BallotReturned | CallFailed | CallCancelled):
            return None
        call = self.board.settle(event)
        return None if call is None or call.cut else call

    def _react(self, event: Input, call: OpenCall | None) -> None:
        match event:
            case ClientGone():
                self._cancel("the client is gone")
            case CancelRequested(reason=reason):
                self._cancel(reason)
            case DeadlineReached():
                self._run_out_of_time()
            case TimerFired(timer=timer) if timer == _WRAP_UP:
                self.board.wrapping_up = True
                self._follow(self._current.wrap_up())
            case RunResumed():
                self.board.reissue()
            case CallCancelled():
                pass  # settled; whoever cut it has moved on
            case CallFinished() | BallotReturned() | CallFailed() | DeliveryBegan() | TimerFired():
                self._follow(self._current.handle(event, call))
            case RunAdmitted():
                raise NotAdmittedError("RunAdmitted came twice")

    @property
    def _current(self) -> Phase:
        if self._phase is None:
            raise NotAdmittedError("no RunAdmitted yet")
        return self._phase

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._follow(phase.open())

    def _follow(self, result: PhaseResult | None) -> None:
        """What comes after a phase."""
        match result:
            case None:
                pass
            case LeadAnswered():
                self._enter(Answering(self.board))
            case Answered():
                self._after_answers()
            case Voted():
                self._after_vote(result)
            case BallotRefused(which=which):
                self._decide_without_ballot(f"budget: {which}")
            case Refined():
                self._after_refining(result)
            case Ended(status=status, error=error):
                self._finish_run(Finish(status, error))

    # ---------------------------------------------------------------------------------- transitions

    def _after_answers(self) -> None:
        board = self.board
        tool_turn = self._tool_turn()
        if tool_turn is not None:
            self._enter(Presenting(board, tool_turn))
            return
        candidates = board.candidates()
        if not candidates:
            self._finish_run(Finish("failed", all_failed(board.failures)))
            return
        self._clusters = board.cluster(candidates, 0)
        self._vote_or_decide(candidates, round_no=0)

    def _tool_turn(self) -> Answer | None:
        board, plan = self.board, self.board.plan
        if plan.tools != "vote":
            return None
        winner = winning_calls(
            [answer for answer in board.in_order() if answer.call != NO_CALL],
            board.weights(),
            required=plan.tool_call_required,
            seed=plan.seed,
        )
        if winner is not None:
            names = tuple(call.name for call in winner.tool_calls)
            board.note(ToolsRequested(board.now_ms, winner.agent_id, winner.call, names))
        return winner

    def _vote_or_decide(self, candidates: list[Answer], round_no: int) -> None:
        skip = self._reason_to_skip(candidates)
        if skip is not None:
            self._decide_without_ballot(skip)
        else:
            self._enter(Balloting(self.board, candidates, self._clusters, round_no))

    def _reason_to_skip(self, candidates: list[Answer]) -> str | None:
        if len(candidates) == 1:
            return "one_answer"
        if candidates[0].kind != "text":
            return "no_full_answer"
        if len(self._clusters) == 1:
            return "one_cluster"
        return "deadline" if self.board.wrapping_up else None

    def _after_vote(self, vote: Voted) -> None:
        board = self.board
        self._last_vote = vote
        decision = decide(vote.election)
        agreed = is_agreed(vote.election, decision.cluster, vote.voters)
        may_refine = (
            bool(vote.ballots)  # nobody has said what there is to mend
            and vote.round < board.plan.rounds_allowed
            and not board.wrapping_up
        )
        if agreed or not may_refine or len(vote.election.clusters) == 1:
            self._decided(vote.election, decision, "majority" if agreed else "plurality")
        else:
            self._enter(Refining(board, vote, decision))

    def _after_refining(self, refined: Refined) -> None:
        board, vote = self.board, self._last_vote
        if not refined.changed and vote is not None:
            self._decided(vote.election, decide(vote.election), "plurality")
            return
        candidates = board.candidates()
        self._clusters = board.cluster(candidates, refined.round)
        self._vote_or_decide(candidates, refined.round)

    def _decide_without_ballot(self, why: str) -> None:
        board = self.board
        board.note(BallotSkipped(board.now_ms, why))
        election = self._election_without_ballots()
        decision = decide(election)
        voters = len(election.candidates)
        if len(self._clusters) == 1:
            agreement = "unanimous" if voters > 1 else "sole"
        else:
            agreed = is_agreed(election, decision.cluster, voters)
            agreement = "majority" if agreed else "plurality"
        self._decided(election, decision, agreement)

    def _election_without_ballots(self) -> Election:
        plan = self.board.plan
        return Election(
            self._clusters, self.board.weights(), (), plan.rule, plan.borda_weight, plan.seed
        )

    def _decided(self, election: Election, decision: Decision, agreement: str) -> None:
        board = self.board
        winner = board.answers[decision.winner]
        board.note(
            DecisionMade(
                board.now_ms,
                election.rule,
                winner.agent_id,
                winner.revision,
                agreement,
                _tallies(election, decision),
            )
        )
        board.emit(Report(f"Decided: {winner.agent_id} ({agreement})", "decided"))
        self._enter(Presenting(board, winner))

    # -------------------------------------------------------------------------------------- the end

    def _run_out_of_time(self) -> None:
        board = self.board
        board.wrapping_up = board.out_of_time = True
        self._follow(self._current.wrap_up())
        if self._finish is None:
            self._finish_run(Finish("failed", out_of_time()))

    def _cancel(self, why: str) -> None:
        self._finish_run(Finish("cancelled", cancelled(why)))

    def _finish_run(self, finish: Finish) -> None:
        board = self.board
        board.cut_all("the run is over")
        board.note(RunFinished(board.now_ms, finish.status, finish.error))
        board.emit(finish)
        self._finish = finish


def _tallies(election: Election, decision: Decision) -> tuple[Tally, ...]:
    return tuple(
        Tally(
            agent_id=candidate,
            score=round(decision.scores[index], 6),
            cluster=index,
            first_choices=decision.first_choices[candidate],
        )
        for index, cluster in enumerate(election.clusters)
        for candidate in cluster
    )
