"""Trace contexts and finished spans."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_kit import tracing
from service_kit.lifecycle import Lifecycle
from service_kit.settings import ServiceSettings
from service_kit.testing import InMemoryExporter, until
from service_kit.tracing import SpanRecord, TraceContext, Tracer, create_tracer, parse_traceparent

if TYPE_CHECKING:
    from collections.abc import Sequence

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def record(tracer: Tracer, context: TraceContext, *, keep: bool = False) -> None:
    tracer.record("hop", context, start_unix_ns=1, end_unix_ns=2, keep=keep)


async def exported(tracer: Tracer, exporter: InMemoryExporter) -> list[SpanRecord]:
    lifecycle = Lifecycle()
    lifecycle.add_background("spans", tracer.run)
    async with lifecycle.running():
        await asyncio.sleep(0)
    return exporter.spans


@pytest.mark.requirement("service-kit:tracing:one-tree")
def test_a_callers_span_becomes_the_parent() -> None:
    context = Tracer().new_context(PARENT)

    assert context.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert context.parent_span_id == "b7ad6b7169203331"
    assert context.span_id != context.parent_span_id
    assert context.sampled


@pytest.mark.requirement("service-kit:tracing:one-tree")
def test_a_trace_goes_on_over_two_hops() -> None:
    tracer = Tracer(InMemoryExporter())
    first = tracer.new_context()

    second = tracer.new_context(tracer.traceparent(first))

    assert second.trace_id == first.trace_id
    assert second.parent_span_id == first.span_id
    assert second.sampled == first.sampled


@pytest.mark.parametrize(
    "header",
    [
        None, "", "00", "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        PARENT + "-extra",
    ],
)  # fmt: skip
def test_a_malformed_parent_begins_a_new_trace(header: str | None) -> None:
    assert parse_traceparent(header) is None
    assert Tracer().new_context(header).parent_span_id is None


def test_a_header_of_a_newer_version_is_read_as_far_as_we_know_it() -> None:
    assert parse_traceparent("01" + PARENT[2:] + "-more") is not None


@given(st.text(max_size=80))
def test_no_header_breaks_the_parser(header: str) -> None:
    parse_traceparent(header)


@pytest.mark.parametrize(("ratio", "sampled"), [(0.0, False), (1.0, True)])
def test_the_head_decides_about_sampling(ratio: float, sampled: bool) -> None:  # noqa: FBT001
    tracer = Tracer(InMemoryExporter(), sample_ratio=ratio)

    assert {tracer.new_context().sampled for _ in range(50)} == {sampled}


async def test_finished_spans_are_exported_with_their_place_in_the_tree() -> None:
    exporter = InMemoryExporter()
    tracer = Tracer(exporter)
    root = tracer.new_context()
    child = tracer.child(root)
    record(tracer, child)
    record(tracer, root)

    spans = await exported(tracer, exporter)

    assert [(span.context.span_id, span.parent_span_id) for span in spans] == [
        (child.span_id, root.span_id),
        (root.span_id, None),
    ]
    assert exporter.closed


async def test_an_unsampled_span_is_exported_only_when_it_turned_out_worth_keeping() -> None:
    exporter = InMemoryExporter()
    tracer = Tracer(exporter, sample_ratio=0)
    record(tracer, tracer.new_context())
    record(tracer, tracer.new_context(), keep=True)

    assert len(await exported(tracer, exporter)) == 1


async def test_a_parent_given_at_the_end_wins() -> None:
    exporter = InMemoryExporter()
    tracer = Tracer(exporter)
    other = tracer.new_context()
    tracer.record("hop", tracer.new_context(), other, start_unix_ns=1, end_unix_ns=2)

    (span,) = await exported(tracer, exporter)

    assert span.parent_span_id == other.span_id


@pytest.mark.requirement("service-kit:tracing:never-in-the-way")
def test_a_full_queue_drops_spans_and_counts_them() -> None:
    tracer = Tracer(InMemoryExporter())
    context = tracer.new_context()

    for _ in range(tracing.MAX_QUEUED_SPANS + 10):
        record(tracer, context)

    assert tracer.dropped_spans == 10


@pytest.mark.requirement("service-kit:tracing:never-in-the-way")
async def test_a_dead_collector_costs_spans_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Dead:
        def export(self, spans: Sequence[SpanRecord]) -> None:
            raise ConnectionError(f"{len(spans)} lost")

        def close(self) -> None:
            pass

    monkeypatch.setattr(tracing, "EXPORT_INTERVAL_S", 0.001)
    tracer = Tracer(Dead())
    record(tracer, tracer.new_context())
    lifecycle = Lifecycle()
    lifecycle.add_background("spans", tracer.run)

    async with lifecycle.running():
        await until(lambda: tracer.dropped_spans == 1)

    assert lifecycle.failure is None


@pytest.mark.requirement("service-kit:tracing:never-in-the-way")
async def test_a_slow_collector_holds_the_shutdown_only_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()

    class Slow:
        def export(self, spans: Sequence[SpanRecord]) -> None:
            del spans
            release.wait(10)

        def close(self) -> None:
            pass

    monkeypatch.setattr(tracing, "EXPORT_TIMEOUT_S", 0.05)
    tracer = Tracer(Slow())
    record(tracer, tracer.new_context())
    lifecycle = Lifecycle()
    lifecycle.add_background("spans", tracer.run)

    async with asyncio.timeout(2), lifecycle.running():
        await asyncio.sleep(0)
    release.set()


async def test_without_a_collector_nothing_is_kept() -> None:
    tracer = create_tracer(ServiceSettings(), "gateway")
    record(tracer, tracer.new_context(PARENT))

    await tracer.run()

    assert len(tracer._queue) == 0


def test_the_exporter_is_loaded_only_where_a_collector_is_set() -> None:
    program = (
        "import sys, service_kit.tracing as t, service_kit.settings as s;"
        "t.create_tracer(s.ServiceSettings(), 'x');"
        "print('opentelemetry' in sys.modules);"
        "t.create_tracer(s.ServiceSettings(otlp_endpoint='http://127.0.0.1:1'), 'x');"
        "print('opentelemetry' in sys.modules)"
    )

    result = subprocess.run(  # noqa: S603 - our own interpreter and our own text
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )

    assert result.stdout.split() == ["False", "True"]
