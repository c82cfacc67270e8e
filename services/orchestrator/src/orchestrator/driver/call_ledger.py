"""Every upstream attempt of one run: journalled, settled, priced, summed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from orchestrator.coordination.budgets import cost_nano_usd
from orchestrator.store.writes import CallJournalled, CallSettled
from wire.conversation import Usage
from wire.coordination import CallRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from model_providers.calls import CallClosed, CallOpened
    from orchestrator.driver.fenced_writer import RunWriter
    from wire.coordination import StartRun
    from wire.specs import ModelSpec, Prices

_encode = msgspec.json.Encoder().encode


class CallLedger:
    """The `CallObserver` of one run. `admitted_s` is the run's zero on the monotonic clock.

    `earlier`: attempts that another process made for the run.
    """

    def __init__(
        self,
        start: StartRun,
        writer: RunWriter,
        admitted_s: float,
        earlier: Iterable[CallRecord] = (),
    ) -> None:
        self._start = start
        self._writer = writer
        self._admitted_s = admitted_s
        self._prices = dict(_prices(agent.model for agent in start.panel.agents))
        self._open: set[tuple[str, int]] = set()
        self._records = {(record.call_id, record.attempt): record for record in earlier}

    @property
    def open_calls(self) -> int:
        return len(self._open)

    def records(self, delivered_call: str | None = None) -> tuple[CallRecord, ...]:
        """All attempts that ended, in the order they left; the delivered call's are marked."""
        ordered = sorted(self._records.values(), key=lambda call: (call.started_ms, call.call_id))
        return tuple(
            msgspec.structs.replace(call, delivered=call.call_id == delivered_call)
            for call in ordered
        )

    def usage(self) -> Usage:
        """Of all attempts together; those still open are not in it."""
        return sum_usage(self._records.values())

    def of_call(self, call_id: str) -> tuple[Usage, int]:
        """What one call used over all its attempts, and how many those were."""
        attempts = [record for key, record in self._records.items() if key[0] == call_id]
        return sum_usage(attempts), max(1, len(attempts))

    async def adopt(self, calls: Iterable[CallRecord]) -> None:
        """Book attempts that another service made for the run."""
        for record in calls:
            self._records[(record.call_id, record.attempt)] = record
        await self._writer.enqueue(*adopted_rows(self._start, calls))

    def correct(self, calls: Iterable[CallRecord]) -> None:
        """What vendors have told afterwards of attempts that ended, which is in the store."""
        self._records.update(((call.call_id, call.attempt), call) for call in calls)

    async def opened(self, call: CallOpened, /) -> None:
        """Journal the attempt; it leaves only when this is committed."""
        await self._writer.commit(self._journalled(call))
        self._open.add((call.call_id, call.attempt))

    def first_token(self, call: CallOpened, at_s: float, /) -> None:
        """Told again, with the time, when the attempt closes."""

    async def closed(self, call: CallClosed, /) -> None:
        record = self._record(call)
        key = (record.call_id, record.attempt)
        self._open.discard(key)
        self._records[key] = record
        await self._writer.enqueue(_settled(record))

    def _journalled(self, call: CallOpened) -> CallJournalled:
        return CallJournalled(
            run_id=self._start.run_id,
            tenant_id=self._start.tenant_id,
            call_id=call.call_id,
            attempt=call.attempt,
            agent_id=call.agent_id or "",
            phase=call.phase or "single",
            provider=call.provider,
            model=call.model,
            upstream_model=call.upstream_model,
            reserved_output_tokens=call.reserved_output_tokens,
            started_ms=self._since_admission_ms(call.opened_at_s),
        )

    def _record(self, call: CallClosed) -> CallRecord:
        opened = call.opened
        first_token_at_s = call.first_token_at_s
        prices = self._prices.get(opened.model)
        return CallRecord(
            call_id=opened.call_id,
            attempt=opened.attempt,
            agent_id=opened.agent_id or "",
            phase=opened.phase or "single",
            provider=opened.provider,
            model=opened.model,
            upstream_model=opened.upstream_model,
            status=call.status,
            usage=call.usage,
            basis=call.basis,
            started_ms=self._since_admission_ms(opened.opened_at_s),
            ended_ms=self._since_admission_ms(call.closed_at_s),
            first_token_ms=(
                None if first_token_at_s is None else self._since_admission_ms(first_token_at_s)
            ),
            cost_nano_usd=cost_nano_usd(call.usage, prices) if prices else None,
            error=call.error,
        )

    def _since_admission_ms(self, at_s: float) -> int:
        return round((at_s - self._admitted_s) * 1000)


def adopted_rows(
    start: StartRun, calls: Iterable[CallRecord]
) -> list[CallJournalled | CallSettled]:
    """The rows of attempts that another service made, as if they had been journalled here."""
    rows: list[CallJournalled | CallSettled] = []
    for record in calls:
        journalled = CallJournalled(
            run_id=start.run_id,
            tenant_id=start.tenant_id,
            call_id=record.call_id,
            attempt=record.attempt,
            agent_id=record.agent_id,
            phase=record.phase,
            provider=record.provider,
            model=record.model,
            upstream_model=record.upstream_model,
            reserved_output_tokens=None,
            started_ms=record.started_ms,
        )
        rows += journalled, _settled(record)
    return rows


def sum_usage(records: Iterable[CallRecord]) -> Usage:
    """Of several attempts; estimated as soon as one is."""
    return sum((record.usage for record in records), Usage())


def _settled(record: CallRecord) -> CallSettled:
    return CallSettled(
        call_id=record.call_id,
        attempt=record.attempt,
        status=record.status,
        basis=record.basis,
        usage=record.usage,
        ended_ms=record.ended_ms,
        first_token_ms=record.first_token_ms,
        cost_nano_usd=record.cost_nano_usd,
        error=None if record.error is None else _encode(record.error),
    )


def _prices(models: Iterable[ModelSpec]) -> Iterable[tuple[str, Prices]]:
    for model in models:
        yield model.name, model.prices
        yield from _prices(model.fallbacks)
