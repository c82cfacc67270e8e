"""Spans made from timestamps at the end of a hop, ids made up front.

A live span of an SDK costs more than the rest of a request's bookkeeping; here a hop keeps two
numbers and an id, and says at its end what it was. Only then is it decided whether to export:
when its trace is sampled (`traceparent`'s flag, decided at the head), or when the hop ended in a
way worth keeping.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from service_kit.logging import get_logger

if TYPE_CHECKING:
    from service_kit.settings import ServiceSettings

AttributeValue = str | int | float | bool | Sequence[str]
SpanKind = Literal["internal", "server", "client"]
SpanStatus = Literal["unset", "ok", "error"]

MAX_QUEUED_SPANS = 4096
BATCH_SPANS = 512
EXPORT_INTERVAL_S = 1.0
EXPORT_TIMEOUT_S = 5.0

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 0x01

log = get_logger(__name__)


class TraceContext(msgspec.Struct, frozen=True):
    """One span to be: whose trace it is in, its own id, its parent's. Ids in lower-case hex."""

    trace_id: str
    span_id: str
    sampled: bool
    parent_span_id: str | None = None


@dataclass(frozen=True, slots=True)
class SpanRecord:
    name: str
    context: TraceContext
    parent_span_id: str | None
    start_unix_ns: int
    end_unix_ns: int
    attributes: Mapping[str, AttributeValue]
    status: SpanStatus
    kind: SpanKind


class SpanExporter(Protocol):
    """Called in a worker thread, one batch at a time."""

    def export(self, spans: Sequence[SpanRecord]) -> None: ...

    def close(self) -> None: ...


class Tracer:
    """Makes contexts, takes finished spans, exports them in the background.

    Without an exporter nothing is kept. `run` belongs in `Lifecycle.add_background`; a slow or dead
    collector costs spans (`dropped_spans`), never a request's time.
    """

    def __init__(self, exporter: SpanExporter | None = None, *, sample_ratio: float = 1.0) -> None:
        self._exporter = exporter
        self._sample_ratio = sample_ratio
        self._queue: deque[SpanRecord] = deque()
        self.dropped_spans = 0

    def new_context(self, traceparent: str | None = None) -> TraceContext:
        """A span under the caller's, or the root of a new trace when there is no valid parent."""
        parent = parse_traceparent(traceparent)
        if parent is not None:
            return self.child(parent)
        sampled = self._exporter is not None and random.random() < self._sample_ratio  # noqa: S311
        ids = _new_id(24)
        return TraceContext(ids[:32], ids[32:], sampled)

    def child(self, context: TraceContext) -> TraceContext:
        return TraceContext(context.trace_id, _new_id(8), context.sampled, context.span_id)

    def traceparent(self, context: TraceContext) -> str:
        """What to send so that the callee's span becomes this one's child."""
        flags = "01" if context.sampled else "00"
        return f"00-{context.trace_id}-{context.span_id}-{flags}"

    def record(
        self,
        name: str,
        context: TraceContext,
        parent: TraceContext | None = None,
        *,
        start_unix_ns: int,
        end_unix_ns: int,
        attributes: Mapping[str, AttributeValue] | None = None,
        status: SpanStatus = "unset",
        kind: SpanKind = "internal",
        keep: bool = False,
    ) -> None:
        """A hop is over. `parent` overrides the context's own; `keep` exports even if unsampled."""
        if self._exporter is None or not (context.sampled or keep):
            return
        if len(self._queue) >= MAX_QUEUED_SPANS:
            self.dropped_spans += 1
            return
        parent_span_id = context.parent_span_id if parent is None else parent.span_id
        self._queue.append(
            SpanRecord(
                name, context, parent_span_id, start_unix_ns, end_unix_ns, attributes or {}, status,
                kind,
            )
        )  # fmt: skip

    async def run(self) -> None:
        """Export until cancelled, then what is left, for at most `EXPORT_TIMEOUT_S`."""
        if self._exporter is None:
            return
        try:
            while True:
                await asyncio.sleep(EXPORT_INTERVAL_S)
                await self._export_queued(self._exporter)
        finally:
            await self._flush(self._exporter)

    async def _flush(self, exporter: SpanExporter) -> None:
        try:
            async with asyncio.timeout(EXPORT_TIMEOUT_S):
                await self._export_queued(exporter)
                await asyncio.to_thread(exporter.close)
        except TimeoutError:
            self.dropped_spans += len(self._queue)
            log.warning("spans_dropped", spans=len(self._queue))

    async def _export_queued(self, exporter: SpanExporter) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH_SPANS, len(self._queue)))]
            try:
                await asyncio.to_thread(exporter.export, batch)
            except Exception:
                self.dropped_spans += len(batch)
                log.exception("span_export_failed", spans=len(batch))


def parse_traceparent(value: str | None) -> TraceContext | None:
    """The caller's span, or None for an absent or malformed header (then a new trace begins).

    Source: W3C Trace Context, level 2.
    """
    found = _TRACEPARENT.fullmatch(value.strip()) if value is not None else None
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    malformed = version == "ff" or (version == "00" and rest is not None)
    if malformed or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))


def create_tracer(settings: ServiceSettings, service: str) -> Tracer:
    """A tracer as the operator configured it; without a collector it keeps nothing."""
    if settings.otlp_endpoint is None:
        return Tracer()
    # The exporter, requests and protobuf cost 15 MB; only who exports pays.
    from service_kit.otlp import OtlpExporter  # noqa: PLC0415

    exporter = OtlpExporter(settings.otlp_endpoint, service, timeout_s=EXPORT_TIMEOUT_S)
    return Tracer(exporter, sample_ratio=settings.trace_sample_ratio)


def _new_id(size_bytes: int) -> str:
    return os.urandom(size_bytes).hex()
