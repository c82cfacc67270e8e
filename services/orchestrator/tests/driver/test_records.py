import msgspec
import pytest

from orchestrator.coordination.commands import StartCall
from orchestrator.coordination.replay import encode_log
from orchestrator.driver.records import (
    RunSummary,
    delivered_call,
    delivered_usage,
    run_details,
    run_record,
    with_texts,
)
from services.orchestrator.tests.coordination.answer_texts import PROSE, SEA
from services.orchestrator.tests.coordination.virtual_panel import (
    Act,
    Fails,
    Outcome,
    Says,
    Votes,
    plan_for,
    run,
)
from services.orchestrator.tests.driver.test_planning import started
from wire.conversation import ToolCall, Usage
from wire.coordination import CallPhase, CallRecord


def panel(present: str = "verbatim", refined: str | None = None) -> Outcome:
    def behave(start: StartCall) -> Act:
        if start.agent_id == "dan":
            return Fails()
        if start.brief.phase == "ballot":
            return Votes(
                rank=lambda text: float(text == SEA),
                approve=lambda _: refined is None,
                reason="clearest",
                refined=refined,
            )
        return Says("polished" if start.brief.phase == "present" else PROSE[start.agent_id])

    plan = plan_for("ada", "bob", "cyd", "dan", present=present, early_stop=False)
    return run(plan, behave)


def call(agent: str, phase: CallPhase, usage: Usage, *, delivered: bool = False) -> CallRecord:
    return CallRecord(
        call_id=f"{agent}-{phase}",
        attempt=1,
        agent_id=agent,
        phase=phase,
        provider="p",
        model="m",
        upstream_model="m",
        status="completed",
        usage=usage,
        basis="reported",
        started_ms=0,
        ended_ms=1,
        cost_nano_usd=500_000_000,
        delivered=delivered,
    )


CALLS = (
    call("ada", "answer", Usage(100, 40)),
    call("bob", "answer", Usage(101, 50, 30), delivered=True),
    call("bob", "ballot", Usage(400, 20)),
)


def summary(calls: tuple[CallRecord, ...] = CALLS) -> RunSummary:
    return RunSummary(
        start=started(),
        status="completed",
        created_unix_s=1.0,
        duration_ms=5,
        calls=calls,
        calls_in_flight=0,
        error=None,
    )


def test_details_say_who_won_how_and_at_what_cost() -> None:
    details = run_details(panel().session, summary())

    assert (details.winner, details.agreement, details.rule) == ("bob", "majority", "weighted")
    assert details.failed_agents == {"dan": "failed"}
    assert details.usage_by_agent == {"ada": Usage(100, 40), "bob": Usage(501, 70, 30)}
    assert (details.calls, details.cost_usd) == (3, 1.5)
    assert [tally.agent_id for tally in details.tallies] == ["ada", "bob", "cyd"]


def test_one_unpriced_call_leaves_the_cost_open() -> None:
    unpriced = msgspec.structs.replace(CALLS[0], cost_nano_usd=None)

    assert run_details(panel().session, summary((unpriced, *CALLS[1:]))).cost_usd is None


def test_delivered_usage_is_the_winners_prompt_and_the_words_delivered() -> None:
    assert delivered_usage(panel().session, CALLS) == Usage(101, 50, 30)

    presented = (*(msg for msg in CALLS[:1]), call("bob", "answer", Usage(101, 50)))
    presenter = call("bob", "present", Usage(900, 33), delivered=True)
    assert delivered_usage(panel("polish").session, (*presented, presenter)) == Usage(101, 33)


def test_nothing_delivered_is_no_usage() -> None:
    assert delivered_usage(panel().session, CALLS[:1]) == Usage()


def test_a_tool_turn_delivers_the_leads_call() -> None:
    tools = (ToolCall("c", "f", "{}"),)
    outcome = run(plan_for("ada", "bob", tools="lead"), lambda _: Says(tools=tools))

    assert delivered_call(outcome.session) == 1


@pytest.mark.requirement("orchestrator:records:redacted")
def test_a_record_holds_answers_only_where_they_are_asked_for() -> None:
    session = panel().session
    record = run_record(session, summary(), with_seed=True)

    assert [answer.text for answer in record.answers] == [None, None, None]
    assert record.log == ()
    full = with_texts(record, session.log, encode_log(session.log))
    assert [answer.text for answer in full.answers] == [PROSE[a] for a in ("ada", "bob", "cyd")]
    assert len(full.log) == len(session.log)


def test_a_record_says_who_voted_how_and_why() -> None:
    record = run_record(panel().session, summary(), with_seed=True)

    by_voter = {ballot.voter_id: ballot for ballot in record.ballots}
    assert set(by_voter) == {"ada", "bob", "cyd"}
    assert by_voter["ada"].ranking[0] == "bob"
    assert by_voter["ada"].reason == "clearest"
    assert set(by_voter["ada"].order) == {"bob", "cyd"}
    assert record.answers[0].cluster == 0


def test_refined_answers_have_their_texts_too() -> None:
    refined = "a refined answer that came with a ballot and that nobody had given before"
    session = panel(refined=refined).session
    record = run_record(session, summary(), with_seed=False)

    full = with_texts(record, session.log, [])

    assert [a.text for a in full.answers if a.revision == 2] == [refined] * 3
    assert record.seed is None
    assert record.details is not None
    assert record.details.rounds == 1
