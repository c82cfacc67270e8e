import pytest

from orchestrator.coordination.answers import Answer, AnswerKind
from orchestrator.coordination.board import Board
from orchestrator.coordination.commands import Brief, CancelCall, Candidate, SetTimer, StartCall
from orchestrator.coordination.events import CallCancelled, CallFinished
from orchestrator.coordination.plan import CallLimits, PlannedAgent
from services.orchestrator.tests.coordination.virtual_panel import plan_for
from wire.conversation import Usage

ADA = PlannedAgent(
    agent_id="ada",
    input_tokens=1000,
    max_output_tokens=500,
    ballot_output_tokens=100,
    answer_p95_ms=700,
    input_usd_per_mtok=1.0,
    output_usd_per_mtok=1.0,
)


def answer(agent_id: str, kind: AnswerKind, text: str = "x") -> Answer:
    return Answer(agent_id, 0, 0, 1, kind, text, "stop")


def started(board: Board) -> list[StartCall]:
    return [command for command in board.take_commands() if isinstance(command, StartCall)]


@pytest.mark.requirement("coordination:budgets")
def test_a_call_is_authorised_with_its_candidates_and_its_cap() -> None:
    long_text = "word " * 300
    board = Board(plan_for(ADA, "bob", limits=CallLimits(max_input_tokens=1_400)))

    assert board.start_call("ada", Brief("answer")) == 1
    board.settle(CallFinished(5, 1, usage=Usage(0, 0)))
    assert board.start_call("ada", Brief("ballot", candidates=(Candidate("L", long_text),))) == (
        "input_tokens"
    )


@pytest.mark.parametrize(
    ("brief", "cap"),
    [(Brief("answer"), 500), (Brief("ballot"), 100), (Brief("ballot", may_refine=True), 600)],
)
def test_a_ballot_that_may_refine_has_room_for_an_answer(brief: Brief, cap: int) -> None:
    board = Board(plan_for(ADA, "bob"))
    board.start_call("ada", brief)

    assert [call.max_output_tokens for call in started(board)] == [cap]


def test_what_a_call_cost_is_booked_and_the_call_is_off_the_board() -> None:
    board = Board(plan_for(ADA, "bob", limits=CallLimits(max_nano_usd=2_000_000)))
    board.start_call("ada", Brief("answer"))

    call = board.settle(CallFinished(5, 1, usage=Usage(1_000, 400)))

    assert call is not None
    assert board.open_calls == {}
    assert board.start_call("ada", Brief("answer")) == "usd"
    assert board.settle(CallFinished(5, 1)) is None


def test_a_cut_is_asked_for_once_and_ends_with_the_calls_end() -> None:
    board = Board(plan_for(ADA, "bob"))
    board.start_call("ada", Brief("answer"))
    board.take_commands()

    board.cut(1, "late")
    board.cut(1, "late")
    board.cut(99, "unknown")

    assert board.take_commands() == [CancelCall(1, "late")]
    assert board.open_calls[1].cut
    board.settle(CallCancelled(9, 1))
    assert board.open_calls == {}


@pytest.mark.requirement("coordination:hedge")
def test_only_hedged_panels_set_a_timer_for_a_twin() -> None:
    plain, hedged = Board(plan_for(ADA, "bob")), Board(plan_for(ADA, "bob", hedge=True))
    for board in (plain, hedged):
        board.start_call("ada", Brief("answer"))

    assert SetTimer("hedge:1", 700) not in plain.take_commands()
    assert SetTimer("hedge:1", 700) in hedged.take_commands()


def test_the_best_kind_of_answer_counts_in_the_order_of_registration() -> None:
    board = Board(plan_for("ada", "bob", "cyd"))
    assert board.candidates() == []
    board.accept("cyd", answer("cyd", "lesser"))
    assert [a.agent_id for a in board.candidates()] == ["cyd"]
    board.accept("bob", answer("bob", "text"))
    board.accept("ada", answer("ada", "text"))

    assert [a.agent_id for a in board.candidates()] == ["ada", "bob"]


def test_each_new_answer_of_an_agent_is_a_new_revision() -> None:
    board = Board(plan_for("ada", "bob"))
    for text in ("one", "two"):
        board.accept("ada", answer("ada", "text", text))

    assert (board.answers["ada"].revision, board.answers["ada"].text) == (2, "two")
