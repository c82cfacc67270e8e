from orchestrator.driver.spans import RunSpans
from service_kit.testing import InMemoryExporter
from service_kit.tracing import SpanRecord, Tracer
from services.orchestrator.tests.driver.test_planning import started
from wire.conversation import Usage
from wire.coordination import CallPhase, CallRecord, CallStatus
from wire.errors import UpstreamError


def call(
    call_id: str, attempt: int, agent: str, phase: CallPhase, status: CallStatus = "completed"
) -> CallRecord:
    return CallRecord(
        call_id=call_id,
        attempt=attempt,
        agent_id=agent,
        phase=phase,
        provider="p",
        model="m",
        upstream_model="vendor-m",
        status=status,
        usage=Usage(10, 5),
        basis="reported",
        started_ms=5 * attempt,
        ended_ms=5 * attempt + 4,
        error=UpstreamError("x", provider="p").info() if status == "failed" else None,
    )


CALLS = [
    call("c1", 1, "ada", "answer", "failed"),
    call("c1", 2, "ada", "answer"),
    call("c2", 1, "bob", "answer"),
    call("c3", 1, "ada", "ballot"),
]


async def recorded(*, sample_ratio: float, keep: bool) -> list[SpanRecord]:
    exporter = InMemoryExporter()
    tracer = Tracer(exporter, sample_ratio=sample_ratio)
    spans = RunSpans(tracer, tracer.new_context(None), admitted_unix_s=1_700_000_000.0)
    spans.record(started(), "completed", CALLS, 100, keep=keep)
    await tracer._export_queued(exporter)
    return exporter.spans


async def test_a_run_is_one_tree_without_orphans() -> None:
    spans = await recorded(sample_ratio=1.0, keep=False)

    known = {span.context.span_id for span in spans}
    roots = [span for span in spans if span.parent_span_id is None]
    assert [span.name for span in roots] == ["invoke_workflow council"]
    assert all(span.parent_span_id in known for span in spans if span not in roots)
    assert len({span.context.trace_id for span in spans}) == 1
    assert sorted(span.name for span in spans) == [
        *["chat vendor-m"] * 4,
        *["invoke_agent ada"] * 2,
        "invoke_agent bob",
        "invoke_workflow council",
        "round answer",
        "round ballot",
    ]


async def test_a_failed_attempt_is_marked_and_lies_within_its_agent() -> None:
    spans = await recorded(sample_ratio=1.0, keep=False)

    failed = [span for span in spans if span.status == "error"]
    assert [span.attributes["error.type"] for span in failed] == ["provider_error"]
    parent = next(s for s in spans if s.context.span_id == failed[0].parent_span_id)
    assert parent.start_unix_ns <= failed[0].start_unix_ns < failed[0].end_unix_ns
    assert failed[0].end_unix_ns <= parent.end_unix_ns


async def test_an_unsampled_run_is_recorded_only_when_it_is_worth_keeping() -> None:
    assert await recorded(sample_ratio=0.0, keep=False) == []
    assert len(await recorded(sample_ratio=0.0, keep=True)) == 10
