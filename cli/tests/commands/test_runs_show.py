import msgspec
import pytest
from aiohttp import web

from cli.tests.endpoint_double import refusing, serving
from conclave_cli.commands.runs_show import described, fetch_run
from conclave_cli.errors import RequestFailedError
from wire.conversation import Usage
from wire.coordination import (
    AnswerEntry,
    BallotEntry,
    CallRecord,
    RunDetails,
    RunMoment,
    RunRecord,
)
from wire.errors import ErrorInfo

CALL = CallRecord(
    call_id="ccall_1",
    attempt=1,
    agent_id="analyst",
    phase="answer",
    provider="sim",
    model="sim",
    upstream_model="sim",
    status="completed",
    usage=Usage(input_tokens=60, output_tokens=3),
    basis="reported",
    started_ms=3,
    ended_ms=11,
)
RECORD = RunRecord(
    run_id="run_1",
    request_id="req_1",
    tenant_id="default",
    key_id="key_1",
    public_model="council",
    panel="council",
    status="completed",
    created_unix_s=0,
    duration_ms=30,
    usage=Usage(input_tokens=60, output_tokens=3),
    calls=(CALL,),
    details=RunDetails(run_id="run_1", rule="weighted", winner="analyst", agreement="majority"),
    timeline=(RunMoment(at_ms=18, kind="decided", text="by weighted", agent_id="analyst"),),
)


def test_a_run_is_told_with_decision_timeline_and_calls():
    assert list(described(RECORD)) == [
        "run_1  council  completed  30 ms",
        "1 calls, 60 + 3 tokens in all",
        "winner: analyst (weighted, majority)",
        "",
        "     18 ms  analyst: by weighted",
        "",
        "      3 ms       8 ms  analyst      answer   sim  60 + 3  completed",
    ]


def test_what_failed_is_told_with_its_message():
    error = ErrorInfo(status=502, type="server_error", message="it broke", error_type="x")
    failed = msgspec.structs.replace(CALL, status="failed", error=error)
    record = msgspec.structs.replace(RECORD, calls=(failed,), error=error, details=None)

    lines = list(described(record))

    assert "error: it broke" in lines
    assert lines[-1].endswith("it broke")


def test_votes_are_told_with_their_reasons_and_abstentions_too():
    voted = BallotEntry(
        voter_id="critic", round=0, order=("analyst",), ranking=("analyst",), reason="It holds."
    )
    silent = BallotEntry(voter_id="analyst", round=0, order=("critic",), abstained="too slow")

    lines = list(described(msgspec.structs.replace(RECORD, ballots=(voted, silent))))

    assert "ballot 0  critic ranks analyst: It holds." in lines
    assert "ballot 0  analyst abstains: too slow" in lines


def test_cost_weights_and_the_slowest_call_are_told_where_they_are_known():
    slow = msgspec.structs.replace(CALL, agent_id="critic", ended_ms=500)
    details = RunDetails(run_id="run_1", rule="weighted", winner="critic", cost_usd=0.0025)
    record = msgspec.structs.replace(
        RECORD,
        calls=(CALL, slow),
        details=details,
        task_class="code",
        weights={"analyst": 0.5, "critic": 1.5},
    )

    lines = list(described(record))

    assert lines[1] == "2 calls, 60 + 3 tokens in all, 0.002500 USD"
    assert "weights: analyst 0.5, critic 1.5 (task class code)" in lines
    assert "slowest: critic's answer, 497 ms" in lines


def test_answers_are_shown_where_they_were_asked_for():
    answer = AnswerEntry(
        agent_id="critic", revision=1, round=0, sha256="0", output_tokens=1, text="No."
    )

    lines = list(described(msgspec.structs.replace(RECORD, answers=(answer,))))

    assert "\ncritic, revision 1:\nNo.\n" in lines


@pytest.mark.parametrize(("answers", "query"), [(False, ""), (True, "answers=1")])
async def test_the_record_is_asked_for_by_its_id(answers: bool, query: str):  # noqa: FBT001
    async def answer(request: web.Request) -> web.Response:
        assert request.raw_path.partition("?")[::2] == ("/v1/conclave/runs/run%2F1", query)
        return web.Response(body=msgspec.json.encode(RECORD))

    async with serving(answer) as endpoint:
        body = await fetch_run(endpoint, "run/1", answers=answers)

    assert msgspec.json.decode(body, type=RunRecord) == RECORD


async def test_an_unknown_run_is_a_failure():
    async with serving(refusing(404, "No run found")) as endpoint:
        with pytest.raises(RequestFailedError, match="No run found"):
            await fetch_run(endpoint, "run_2", answers=False)
