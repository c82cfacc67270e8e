"""Spans to an OpenTelemetry collector, OTLP over HTTP. Imported only where a collector is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service_kit.tracing import SpanRecord

_SCOPE = InstrumentationScope("conclave")
_KINDS = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}
_STATUSES = {"unset": StatusCode.UNSET, "ok": StatusCode.OK, "error": StatusCode.ERROR}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class ExportFailedError(Exception):
    """The collector did not take the spans."""


class OtlpExporter:
    def __init__(self, endpoint: str, service: str, *, timeout_s: float) -> None:
        self._resource = Resource({"service.name": f"conclave-{service}"})
        self._exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=timeout_s
        )

    def export(self, spans: Sequence[SpanRecord]) -> None:
        result = self._exporter.export([self._readable(span) for span in spans])
        if result is not SpanExportResult.SUCCESS:
            raise ExportFailedError

    def close(self) -> None:
        self._exporter.shutdown()

    def _readable(self, span: SpanRecord) -> ReadableSpan:
        trace_id = span.context.trace_id
        return ReadableSpan(
            name=span.name,
            context=_span_context(trace_id, span.context.span_id, remote=False),
            parent=(
                None
                if span.parent_span_id is None
                else _span_context(trace_id, span.parent_span_id, remote=True)
            ),
            resource=self._resource,
            attributes=span.attributes,
            kind=_KINDS[span.kind],
            status=Status(_STATUSES[span.status]),
            start_time=span.start_unix_ns,
            end_time=span.end_unix_ns,
            instrumentation_scope=_SCOPE,
        )


def _span_context(trace_id: str, span_id: str, *, remote: bool) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=remote, trace_flags=_SAMPLED)
