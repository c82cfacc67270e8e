"""Whole runs: a real server, a real client, a real simulator."""

import asyncio
import json
import logging
import time
from collections.abc import Generator
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from orchestrator.coordination.events import BallotIssued, PresentFinished
from orchestrator.coordination.replay import encode_log, replay
from service_kit.logging import configure_logging
from service_kit.sql import create_engine
from services.orchestrator.tests.running import (
    Orchestrator,
    ended,
    model,
    orchestrator,
    panel,
    progress_of,
    start_run,
    text_of,
)
from wire.conversation import (
    ChoiceFinished,
    FunctionTool,
    GenerationRequest,
    ReasoningDelta,
    ResponseFormat,
    Sampling,
    TextDelta,
    TextPart,
    ToolArgumentsDelta,
    ToolCall,
    ToolCallStarted,
    ToolChoice,
    ToolResult,
    Usage,
    user_text,
)
from wire.coordination import RunProgress, RunRecord, RunStarted, StartRun
from wire.endpoints import GET_RUN, START_RUN
from wire.specs import AgentSpec, Capabilities, PanelSpec, RunLimits

SKY = "Why is the sky blue?"
ECHO = "Reply with exactly this text and nothing else: pong"
TOOL = FunctionTool(
    "vote",
    "A client's own tool.",
    msgspec.Raw(b'{"type":"object","properties":{"x":{"type":"integer"}}}'),
)
ERRAND = (
    'Call the tool named `vote` exactly once with these arguments: {"x": 1} . '
    "After the tool result, reply with exactly: done and dusted"
)


def agents(service: Orchestrator, **personas: str) -> tuple[AgentSpec, ...]:
    return tuple(
        AgentSpec(agent_id=name, model=model(service.sim), persona=persona)
        for name, persona in personas.items()
    )


def profiled(service: Orchestrator, **profiles: str) -> PanelSpec:
    """A panel whose agents each meet another kind of vendor."""
    return panel(
        service.sim,
        *(
            AgentSpec(agent_id=name, model=model(service.sim, f"sim-{name}", profile), persona=name)
            for name, profile in profiles.items()
        ),
    )


async def record_of(service: Orchestrator, start: StartRun) -> RunRecord:
    return await service.client.call(
        GET_RUN, None, service.context(), run_id=start.run_id, answers="1"
    )


# ------------------------------------------------------------------------------------- answers


async def test_a_panel_that_agrees_takes_one_call_per_agent(service: Orchestrator) -> None:
    events = await service.run(start_run(panel(service.sim), ECHO, details=True))

    end = ended(events)
    assert isinstance(events[0], RunStarted)
    assert text_of(events) == "pong"
    assert ChoiceFinished("stop") in events
    assert (end.status, len(end.calls)) == ("completed", 3)
    assert end.details is not None
    assert end.details.ballot_skipped == "one_cluster"


@pytest.mark.requirement("orchestrator:runs:panel-of-three")
async def test_with_a_dissenter_ballot_and_presentation_really_execute(
    service: Orchestrator,
) -> None:
    council = panel(service.sim, *agents(service, ada="calm", bob="kind", cyd="Always dissent."))
    start = start_run(council, ECHO)

    events = await service.run(start)

    record = await record_of(service, start)
    assert text_of(events) == "pong"
    assert len(record.calls) <= 7
    assert record.ballots
    assert any(ballot.ranking for ballot in record.ballots)
    assert record.details is not None
    assert record.details.winner in {"ada", "bob"}
    assert record.delivered_sha256 in {answer.sha256 for answer in record.answers}


async def test_a_majority_that_is_wrong_is_overruled(service: Orchestrator) -> None:
    wrong = agents(service, ada="Always answer wrongly.", bob="Always answer wrongly.", cyd="calm")
    start = start_run(panel(service.sim, *wrong), ECHO)

    events = await service.run(start)

    assert text_of(events) == "pong"
    assert (await record_of(service, start)).ballots


async def test_prose_is_voted_on_and_delivered_verbatim(service: Orchestrator) -> None:
    start = start_run(panel(service.sim), SKY)

    events = await service.run(start)

    record = await record_of(service, start)
    winner = record.details.winner if record.details else None
    voted = next(answer for answer in record.answers if answer.agent_id == winner)
    assert text_of(events) == voted.text
    assert record.delivered_sha256 == voted.sha256


@pytest.mark.requirement("coordination:present")
@pytest.mark.parametrize("present", ["polish", "synthesise"])
async def test_a_presenter_streams_live(service: Orchestrator, present: str) -> None:
    start = start_run(panel(service.sim, present=present), SKY)

    events = await service.run(start)

    end = ended(events)
    spoken = [call for call in end.calls if call.delivered]
    assert [call.phase for call in spoken] == ["present"]
    assert text_of(events)
    assert end.delivered_usage.output_tokens == spoken[0].usage.output_tokens
    assert end.delivered_usage.input_tokens < spoken[0].usage.input_tokens


async def test_a_single_model_streams_as_it_comes(service: Orchestrator) -> None:
    agent = AgentSpec(agent_id="m", model=model(service.sim, "sim-reason"), persona="ignored")
    start = start_run(PanelSpec(name="m", agents=(agent,), kind="model"), SKY)

    events = await service.run(start)

    assert any(isinstance(event, ReasoningDelta) for event in events)
    assert not any(isinstance(event, RunProgress) for event in events)
    assert text_of(events)
    assert ended(events).calls[0].phase == "single"


@pytest.mark.requirement("orchestrator:progress")
async def test_progress_tells_the_course_and_nothing_of_the_answers(service: Orchestrator) -> None:
    events = await service.run(start_run(panel(service.sim), SKY))

    lines = progress_of(events)
    assert lines[0].startswith("Answering independently: ada, bob, cyd")
    assert any(line.startswith("Decided: ") for line in lines)
    words = {word for word in text_of(events).split() if len(word) > 7}
    assert not words & set(" ".join(lines).split())


async def test_progress_can_be_switched_off(service: Orchestrator) -> None:
    quiet = await service.run(start_run(panel(service.sim), ECHO, progress=False))
    by_panel = await service.run(start_run(panel(service.sim, progress=False), ECHO))

    assert progress_of(quiet) == progress_of(by_panel) == []


async def test_stop_sequences_and_limits_cut_answers_and_never_ballots(
    service: Orchestrator,
) -> None:
    sampling = Sampling(stop=("ranking", "reason"), max_output_tokens=12)
    request = GenerationRequest(items=(user_text(SKY),), sampling=sampling)
    start = start_run(panel(service.sim), request=request)

    events = await service.run(start)

    record = await record_of(service, start)
    assert ChoiceFinished("length") in events
    assert any(ballot.ranking for ballot in record.ballots)


async def test_log_probabilities_come_through_a_panel(service: Orchestrator) -> None:
    sampling = Sampling(logprobs=True, top_logprobs=1)
    request = GenerationRequest(items=(user_text(SKY),), sampling=sampling)

    events = await service.run(start_run(panel(service.sim), request=request))

    assert all(event.logprobs for event in events if isinstance(event, TextDelta))


# --------------------------------------------------------------------------------------- tools


def with_tools(
    *items: ToolCall | ToolResult, choice: ToolChoice | None = None
) -> GenerationRequest:
    return GenerationRequest(
        items=(user_text(ERRAND), *items), tools=(TOOL,), tool_choice=choice or ToolChoice()
    )


@pytest.mark.requirement("coordination:tools:lead")
async def test_a_turn_that_ends_in_a_tool_call_costs_one_call(service: Orchestrator) -> None:
    events = await service.run(start_run(panel(service.sim), request=with_tools()))

    called = [event for event in events if isinstance(event, ToolCallStarted)]
    arguments = "".join(e.text for e in events if isinstance(e, ToolArgumentsDelta))
    assert [call.name for call in called] == ["vote"]
    assert json.loads(arguments) == {"x": 1}
    assert ChoiceFinished("tool_calls") in events
    assert len(ended(events).calls) == 1
    assert ended(events).calls[0].delivered


@pytest.mark.requirement("coordination:tools:lead")
async def test_after_the_tools_result_the_panel_reviews_the_leads_answer(
    service: Orchestrator,
) -> None:
    result = ToolResult("c1", (TextPart("ok"),))
    start = start_run(
        panel(service.sim), request=with_tools(ToolCall("c1", "vote", '{"x":1}'), result)
    )

    events = await service.run(start)

    assert text_of(events) == "done and dusted"
    assert [call.phase for call in ended(events).calls] == ["tool", "answer", "answer"]


@pytest.mark.requirement("coordination:tools:off")
@pytest.mark.parametrize(("tools", "choice"), [("off", "auto"), ("lead", "none")])
async def test_tools_that_are_off_or_withheld_are_never_called(
    service: Orchestrator, tools: str, choice: str
) -> None:
    request = with_tools(choice=ToolChoice("none") if choice == "none" else ToolChoice())

    events = await service.run(start_run(panel(service.sim, tools=tools), request=request))

    assert not any(isinstance(event, ToolCallStarted) for event in events)
    assert text_of(events)


@pytest.mark.requirement("coordination:tools:vote")
async def test_tools_vote_makes_the_call_that_most_agents_propose(service: Orchestrator) -> None:
    events = await service.run(start_run(panel(service.sim, tools="vote"), request=with_tools()))

    assert len([event for event in events if isinstance(event, ToolCallStarted)]) == 1
    assert len(ended(events).calls) == 3


@pytest.mark.parametrize("choice", [ToolChoice("required"), ToolChoice("tool", "vote")])
async def test_a_required_tool_is_called(service: Orchestrator, choice: ToolChoice) -> None:
    request = GenerationRequest(items=(user_text(SKY),), tools=(TOOL,), tool_choice=choice)

    events = await service.run(start_run(panel(service.sim), request=request))

    assert ChoiceFinished("tool_calls") in events


# ----------------------------------------------------------------------------- structured output

SCHEMA = ResponseFormat(
    "json_schema",
    "answer",
    msgspec.Raw(
        b'{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],'
        b'"additionalProperties":false}'
    ),
    strict=True,
)


@pytest.mark.requirement("orchestrator:structured-output")
async def test_strict_output_of_a_panel_satisfies_its_schema(service: Orchestrator) -> None:
    request = GenerationRequest(items=(user_text(SKY),), response_format=SCHEMA)

    events = await service.run(start_run(panel(service.sim), request=request))

    assert isinstance(json.loads(text_of(events))["n"], int)


@pytest.mark.requirement("orchestrator:structured-output")
async def test_an_agent_that_breaks_the_schema_twice_is_left_out(service: Orchestrator) -> None:
    council = profiled(service, ada="garbage_ballot", bob="ttft=0", cyd="ttft=0")
    request = GenerationRequest(items=(user_text(SKY),), response_format=SCHEMA)
    start = start_run(council, request=request, details=True)

    events = await service.run(start)

    end = ended(events)
    assert isinstance(json.loads(text_of(events))["n"], int)
    assert end.details is not None
    assert list(end.details.failed_agents) == ["ada"]
    assert [c.phase for c in end.calls if c.agent_id == "ada"] == ["answer", "answer"]


@pytest.mark.requirement("orchestrator:structured-output")
async def test_a_model_without_structured_output_is_checked_before_anybody_sees_it(
    service: Orchestrator,
) -> None:
    weak = msgspec.structs.replace(
        model(service.sim, "sim", "reply=no%20JSON%20at%20all"),
        capabilities=Capabilities(structured_outputs=False),
    )
    single = PanelSpec(name="m", agents=(AgentSpec(agent_id="m", model=weak),), kind="model")
    request = GenerationRequest(items=(user_text(SKY),), response_format=SCHEMA)

    events = await service.run(start_run(single, request=request))

    end = ended(events)
    assert (end.status, text_of(events), len(end.calls)) == ("failed", "", 2)
    assert end.error is not None
    assert end.error.status == 502


async def test_a_schema_that_cannot_be_used_is_a_400_before_anything_starts(
    service: Orchestrator,
) -> None:
    bad = ResponseFormat("json_schema", "x", msgspec.Raw(b'{"type":"nonsense"}'), strict=True)
    request = GenerationRequest(items=(user_text(SKY),), response_format=bad)

    with pytest.raises(Exception, match="response_format") as raised:
        await service.run(start_run(panel(service.sim), request=request))

    assert getattr(raised.value, "code", None) == "invalid_json_schema"
    assert await service.sim.record() == []


# ------------------------------------------------------------------------------------- failures


@pytest.mark.requirement("coordination:fail-k-of-n")
@pytest.mark.parametrize(
    "fault", ["500", "429", "401", "reset", "malformed", "empty", "error_body_200"]
)
async def test_two_of_three_agents_failing_still_gives_an_answer(
    service: Orchestrator, fault: str
) -> None:
    council = profiled(service, ada=f"fault={fault}", bob="ttft=0", cyd=f"fault={fault}")

    events = await service.run(start_run(council, ECHO, details=True))

    end = ended(events)
    assert (end.status, text_of(events)) == ("completed", "pong")
    assert end.details is not None
    assert end.details.ballot_skipped == "one_answer"
    assert set(end.details.failed_agents) == {"ada", "cyd"}


@pytest.mark.requirement("coordination:all-failing")
@pytest.mark.parametrize(
    ("fault", "status", "attempts"),
    [("500", 502, 6), ("429", 429, 6), ("401", 502, 3), ("503", 503, 6), ("400", 400, 3)],
)
async def test_all_agents_failing_is_a_typed_error_after_two_attempts_each(
    service: Orchestrator, fault: str, status: int, attempts: int
) -> None:
    council = profiled(service, **dict.fromkeys(("ada", "bob", "cyd"), f"fault={fault}"))

    events = await service.run(start_run(council, ECHO))

    end = ended(events)
    assert (end.status, text_of(events)) == ("failed", "")
    assert end.error is not None
    assert end.error.status == status
    assert len(await service.sim.record()) == attempts
    assert len(end.calls) == attempts


@pytest.mark.requirement("coordination:all-failing")
async def test_a_context_that_is_too_long_for_all_stays_a_400(service: Orchestrator) -> None:
    council = profiled(service, **dict.fromkeys(("ada", "bob"), "window=10"))

    end = ended(await service.run(start_run(council, SKY * 20)))

    assert end.error is not None
    assert (end.error.status, end.error.code) == (400, "context_length_exceeded")


@pytest.mark.requirement("coordination:all-failing")
async def test_agents_that_hang_end_at_the_runs_deadline(service: Orchestrator) -> None:
    council = profiled(service, **dict.fromkeys(("ada", "bob"), "hang"))
    short = msgspec.structs.replace(council, limits=RunLimits(wall_s=0.4))

    end = ended(await service.run(start_run(short, ECHO)))

    assert end.error is not None
    assert end.error.status == 504
    assert {call.status for call in end.calls} <= {"cancelled", "failed"}
    assert (await service.sim.count("idle"))["active"] == 0


@pytest.mark.requirement("coordination:ballots:repair")
@pytest.mark.parametrize("fault", ["garbage_ballot", "empty_ballot"])
async def test_unusable_ballots_are_repaired_once_then_abstain(
    service: Orchestrator, fault: str
) -> None:
    await service.sim.add_rules({"match": {"kind": "ballot"}, "profile": {"fault": fault}})
    start = start_run(panel(service.sim), SKY)

    events = await service.run(start)

    record = await record_of(service, start)
    assert ended(events).status == "completed"
    assert text_of(events)
    assert len([call for call in record.calls if call.phase == "ballot"]) == 6
    assert all(ballot.abstained for ballot in record.ballots)


async def test_a_presenter_that_breaks_before_its_first_byte_is_replaced(
    service: Orchestrator,
) -> None:
    await service.sim.add_rules({"match": {"kind": "present"}, "profile": {"fault": 500}})

    events = await service.run(start_run(panel(service.sim, present="polish"), SKY))

    assert ended(events).status == "completed"
    assert text_of(events)


async def test_a_live_model_that_breaks_mid_answer_fails_the_run(service: Orchestrator) -> None:
    spec = model(service.sim, "sim", "reset_after=5,tokens=50")
    single = PanelSpec(name="m", agents=(AgentSpec(agent_id="m", model=spec),), kind="model")

    events = await service.run(start_run(single, SKY))

    end = ended(events)
    assert text_of(events)
    assert (end.status, len(end.calls)) == ("failed", 1)


@pytest.mark.slow
async def test_an_endless_answer_is_cut(service: Orchestrator) -> None:
    council = profiled(service, ada="endless", bob="ttft=0")
    request = GenerationRequest(items=(user_text(ECHO),), sampling=Sampling(max_output_tokens=5))

    events = await service.run(start_run(council, request=request))

    assert ended(events).status == "completed"
    assert (await service.sim.count("idle"))["active"] == 0


# ------------------------------------------------------------------------------------ hanging up


async def hang_up(service: Orchestrator, start: StartRun, *, until: str) -> float:
    """Leave once the simulator is busy (or has said a first word); how long it stayed busy."""
    context = service.context()
    async with aclosing(service.client.stream(START_RUN, start, context)) as events:
        async for event in events:
            if until == "busy":
                await service.sim.count("active")
                break
            if until == "voting" and "Voting" in getattr(event, "text", ""):
                await service.sim.count("active")
                break
            if until == "text" and isinstance(event, TextDelta):
                break
        left_s = time.monotonic()
    records = await service.sim.record()
    return max(float(str(line["ended_s"])) for line in records) - left_s


@pytest.mark.requirement("orchestrator:runs:hang-up")
@pytest.mark.parametrize(
    ("until", "profile", "options"),
    [
        ("busy", "ttft=60000", {}),
        ("busy", "ttft=0,call=60000,tokens=400", {}),
        ("voting", "ttft=0", {}),
        ("text", "ttft=0", {"present": "polish"}),
    ],
    ids=["before the first token", "mid-answer", "in the ballot", "presenting"],
)
async def test_a_client_that_hangs_up_frees_every_upstream_call_within_250_ms(
    service: Orchestrator, until: str, profile: str, options: dict[str, str]
) -> None:
    await service.sim.add_rules(
        {"match": {"kind": "ballot"}, "profile": {"ttft_ms": 60_000 if until == "voting" else 0}},
        {"match": {"kind": "present"}, "profile": {"total_ms": 60_000, "tokens": 400}},
    )
    council = profiled(service, **dict.fromkeys(("ada", "bob", "cyd"), profile))
    start = start_run(msgspec.structs.replace(council, **options), SKY)

    freed_s = await hang_up(service, start, until=until)

    assert freed_s <= 0.25
    run = service.app.supervisor.find("team-a", start.run_id)
    assert run is not None
    async with asyncio.timeout(5):
        await run.ended.wait()
    record = await record_of(service, start)
    assert record.status == "cancelled"
    assert record.calls_in_flight == 0


# --------------------------------------------------------------------------------------- records


@pytest.mark.requirement("orchestrator:journal:exact")
async def test_a_runs_usage_is_what_the_vendor_counted(service: Orchestrator) -> None:
    start = start_run(panel(service.sim, early_stop=False), SKY)

    end = ended(await service.run(start))

    billed = {str(line["request_id"]): line for line in await service.sim.record()}
    assert len(billed) == len(end.calls) == 6
    for call in end.calls:
        line = billed[f"{call.call_id}.{call.attempt}"]
        assert call.basis == "reported"
        assert call.usage.input_tokens == line["prompt_tokens"]
        assert call.usage.output_tokens == line["completion_tokens"]
    assert end.usage == sum((call.usage for call in end.calls), Usage())
    assert end.delivered_usage == next(c.usage for c in end.calls if c.delivered)


@pytest.mark.requirement("orchestrator:records:recomputable")
async def test_the_stored_log_gives_the_decision_again(tmp_path: Path) -> None:
    async with orchestrator(tmp_path) as service:
        start = start_run(panel(service.sim), SKY)
        await service.run(start)
    async with orchestrator(tmp_path) as service:
        record = await record_of(service, start)

    lines = [bytes(line) for line in record.log]
    again = replay(lines)
    assert encode_log(again.log) == lines
    issued = [entry for entry in again.log if isinstance(entry, BallotIssued)]
    assert len(issued) == len(record.ballots) == 3
    presented = [entry for entry in again.log if isinstance(entry, PresentFinished)]
    assert presented[0].sha256 == record.delivered_sha256


async def test_texts_are_not_kept_where_the_operator_says_so(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, store_answers=False) as service:
        start = start_run(panel(service.sim), SKY)
        text = text_of(await service.run(start))
    async with orchestrator(tmp_path) as service:
        record = await record_of(service, start)

    assert record.log == ()
    assert [answer.text for answer in record.answers] == [None] * 3
    assert not any(text.encode() in stored for stored in files_in(tmp_path))


def files_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir()]


@pytest.mark.requirement("orchestrator:journal:before-first-byte")
async def test_without_a_journal_nothing_leaves(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, store_timeout_s=0.2) as service:
        other = create_engine(f"sqlite:///{service.database}")
        async with other.begin() as connection:
            await connection.execute(text("SELECT 1"))

            end = ended(await service.run(start_run(panel(service.sim), ECHO)))

        await other.dispose()
        assert await service.sim.record() == []
    assert end.error is not None
    assert (end.status, end.error.status) == ("failed", 503)


# ------------------------------------------------------------------------------------- telemetry


@pytest.fixture
def full_logs() -> Generator[None]:
    """Everything the process logs, on standard output; as it was before, afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("orchestrator", "debug", "json")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.requirement("orchestrator:traces")
@pytest.mark.requirement("orchestrator:telemetry:no-content")
@pytest.mark.usefixtures("full_logs")
async def test_a_run_leaves_one_trace_and_figures_and_none_of_its_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with orchestrator(tmp_path) as service:
        start = start_run(panel(service.sim), "canary-prompt-1: why is the sky blue?")
        events = await service.run(start)

    calls = len(ended(events).calls)
    names = [span.name for span in service.spans.spans]
    assert names.count("chat sim") == calls
    assert len({span.context.trace_id for span in service.spans.spans}) == 1
    told = capsys.readouterr().out + repr(service.spans.spans)
    assert "canary-prompt-1" not in told
    assert text_of(events)[:40] not in told
    counted = service.metrics.registry.get_sample_value(
        "conclave_orchestrator_runs_total", {"panel": "council", "status": "completed"}
    )
    assert counted == 1


@pytest.mark.requirement("orchestrator:runs:panel-of-three")
async def test_a_panel_of_three_asks_at_most_seven_times_and_each_phase_at_once(
    service: Orchestrator,
) -> None:
    council = profiled(service, **dict.fromkeys(("ada", "bob", "cyd"), "ttft=20,call=80"))

    end = ended(await service.run(start_run(council, SKY)))

    assert len(end.calls) <= 7
    answers = [call for call in end.calls if call.phase == "answer"]
    ballots = [call for call in end.calls if call.phase == "ballot"]
    for phase in (answers, ballots):
        assert max(call.started_ms for call in phase) < min(call.ended_ms for call in phase)
    assert max(call.ended_ms for call in answers) <= min(call.started_ms for call in ballots)
