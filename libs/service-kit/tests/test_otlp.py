"""Spans as a collector receives them."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from service_kit.http import Receive, Scope, Send, header, read_body, send_response
from service_kit.otlp import ExportFailedError, OtlpExporter
from service_kit.testing import WAIT_S, running_service
from service_kit.tracing import SpanRecord, TraceContext

SPAN = SpanRecord(
    name="POST /v1/chat/completions",
    context=TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", sampled=True),
    parent_span_id="00f067aa0ba902b7",
    start_unix_ns=1_700_000_000_000_000_000,
    end_unix_ns=1_700_000_001_000_000_000,
    attributes={"gen_ai.request.model": "council", "conclave.rounds": 2},
    status="error",
    kind="server",
)


class Collector:
    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.paths: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(scope, receive, max_bytes=10**6, timeout_s=WAIT_S)
        assert header(scope, b"content-type") == "application/x-protobuf"
        self.requests.append(ExportTraceServiceRequest.FromString(body))
        self.paths.append(scope["path"])
        await send_response(send, 200, b"", content_type=b"application/x-protobuf")


async def test_a_span_arrives_with_its_times_ids_and_attributes() -> None:
    collector = Collector()
    async with running_service(collector) as service:
        exporter = OtlpExporter(service.url(), "gateway", timeout_s=WAIT_S)
        await asyncio.to_thread(exporter.export, [SPAN])
        exporter.close()

    (resource_spans,) = collector.requests[0].resource_spans
    (span,) = resource_spans.scope_spans[0].spans
    resource = {each.key: each.value.string_value for each in resource_spans.resource.attributes}
    assert collector.paths == ["/v1/traces"]
    assert resource == {"service.name": "conclave-gateway"}
    assert span.trace_id.hex() == SPAN.context.trace_id
    assert span.span_id.hex() == SPAN.context.span_id
    assert span.parent_span_id.hex() == SPAN.parent_span_id
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (
        SPAN.start_unix_ns,
        SPAN.end_unix_ns,
    )
    assert {each.key for each in span.attributes} == set(SPAN.attributes)
    assert (span.kind, span.status.code) == (2, 2)


def test_a_collector_that_cannot_be_reached_is_an_error() -> None:
    exporter = OtlpExporter("http://127.0.0.1:1", "gateway", timeout_s=0.2)

    with pytest.raises(ExportFailedError):
        exporter.export([SPAN])
    exporter.close()
