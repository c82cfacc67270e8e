"""One trace tree per run, made at its end: workflow -> phase -> agent -> model call."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service_kit.tracing import AttributeValue, SpanStatus, TraceContext, Tracer
    from wire.coordination import CallRecord, RunStatus, StartRun

_NS_PER_MS = 1_000_000


class RunSpans:
    """`root` was made at admission, so that vendors could be told of it."""

    def __init__(self, tracer: Tracer, root: TraceContext, admitted_unix_s: float) -> None:
        self._tracer = tracer
        self._root = root
        self._admitted_unix_ns = int(admitted_unix_s * 1000) * _NS_PER_MS

    def record(
        self,
        start: StartRun,
        status: RunStatus,
        calls: Sequence[CallRecord],
        duration_ms: int,
        *,
        keep: bool,
    ) -> None:
        """Hand over every span of the run; an unsampled run hands over none unless `keep`."""
        if not (self._root.sampled or keep):
            return
        self._tracer.record(
            f"invoke_workflow {start.panel.name}",
            self._root,
            start_unix_ns=self._admitted_unix_ns,
            end_unix_ns=self._ns(duration_ms),
            attributes={"conclave.run_id": start.run_id, "conclave.panel": start.panel.name},
            status="error" if status == "failed" else "ok",
            keep=keep,
        )
        ordered = sorted(calls, key=lambda call: (call.phase, call.started_ms))
        for phase, of_phase in groupby(ordered, key=lambda call: call.phase):
            self._record_phase(phase, list(of_phase), keep=keep)

    def _record_phase(self, phase: str, calls: Sequence[CallRecord], *, keep: bool) -> None:
        context = self._tracer.child(self._root)
        self._span(f"round {phase}", context, self._root, calls, {}, keep=keep)
        by_call = sorted(calls, key=lambda call: (call.call_id, call.attempt))
        for _, attempts in groupby(by_call, key=lambda call: call.call_id):
            self._record_call(context, list(attempts), keep=keep)

    def _record_call(
        self, parent: TraceContext, attempts: Sequence[CallRecord], *, keep: bool
    ) -> None:
        agent = self._tracer.child(parent)
        name = attempts[0].agent_id
        self._span(
            f"invoke_agent {name}", agent, parent, attempts, {"gen_ai.agent.name": name}, keep=keep
        )
        for attempt in attempts:
            self._span(
                f"chat {attempt.upstream_model}",
                self._tracer.child(agent),
                agent,
                [attempt],
                _attributes(attempt),
                keep=keep,
            )

    def _span(
        self,
        name: str,
        context: TraceContext,
        parent: TraceContext,
        calls: Sequence[CallRecord],
        attributes: dict[str, AttributeValue],
        *,
        keep: bool,
    ) -> None:
        failed = all(call.status == "failed" for call in calls)
        status: SpanStatus = "error" if failed else "ok"
        self._tracer.record(
            name,
            context,
            parent,
            start_unix_ns=self._ns(min(call.started_ms for call in calls)),
            end_unix_ns=self._ns(max(call.ended_ms for call in calls)),
            attributes=attributes,
            status=status,
            keep=keep,
        )

    def _ns(self, at_ms: int) -> int:
        return self._admitted_unix_ns + at_ms * _NS_PER_MS


def _attributes(call: CallRecord) -> dict[str, AttributeValue]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": call.provider,
        "gen_ai.request.model": call.upstream_model,
        "gen_ai.usage.input_tokens": call.usage.input_tokens,
        "gen_ai.usage.output_tokens": call.usage.output_tokens,
        "conclave.call_id": call.call_id,
        "conclave.attempt": call.attempt,
        "conclave.call_status": call.status,
        **({"error.type": call.error.error_type} if call.error else {}),
    }
