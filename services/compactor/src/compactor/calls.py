"""The vendor calls of one compaction, as the caller has to book them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wire.conversation import Usage
from wire.coordination import CallRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from compactor.metrics import CompactorMetrics
    from model_providers.calls import CallClosed, CallOpened
    from wire.specs import ModelSpec, Prices

AGENT = "compactor"
# 1 USD per million tokens is 1,000 nano-USD a token.
_NANO_USD_PER_USD_MTOK = 1000
_USD_PER_NANO_USD = 1e-9


class CallCounter:
    """The `CallObserver` of the process: every call to a vendor counts."""

    def __init__(self, metrics: CompactorMetrics) -> None:
        self._metrics = metrics

    async def opened(self, call: CallOpened, /) -> None:
        """Counted when it closes."""

    def first_token(self, call: CallOpened, at_s: float, /) -> None:
        """Not measured here."""

    async def closed(self, call: CallClosed, /) -> None:
        self._metrics.vendors.calls.of(call.opened.model, call.status).inc()


class CallBook:
    """The `CallObserver` of one compaction. `began_s` is its zero on the monotonic clock."""

    def __init__(self, models: Iterable[ModelSpec], began_s: float) -> None:
        self._began_s = began_s
        self._prices = dict(_prices(models))
        self._records: list[CallRecord] = []

    def records(self) -> tuple[CallRecord, ...]:
        """All attempts that ended, in the order they left."""
        return tuple(sorted(self._records, key=lambda call: (call.started_ms, call.call_id)))

    def usage(self) -> Usage:
        """Of all attempts together."""
        return sum((record.usage for record in self._records), Usage())

    async def opened(self, call: CallOpened, /) -> None:
        """Nothing to do before an attempt leaves: the caller journals the compaction."""

    def first_token(self, call: CallOpened, at_s: float, /) -> None:
        """Told again, with the time, when the attempt closes."""

    async def closed(self, call: CallClosed, /) -> None:
        opened = call.opened
        first_token_at_s = call.first_token_at_s
        prices = self._prices.get(opened.model)
        self._records.append(
            CallRecord(
                call_id=opened.call_id,
                attempt=opened.attempt,
                agent_id=AGENT,
                phase="compact",
                provider=opened.provider,
                model=opened.model,
                upstream_model=opened.upstream_model,
                status=call.status,
                usage=call.usage,
                basis=call.basis,
                started_ms=self._since_began_ms(opened.opened_at_s),
                ended_ms=self._since_began_ms(call.closed_at_s),
                first_token_ms=(
                    None if first_token_at_s is None else self._since_began_ms(first_token_at_s)
                ),
                cost_nano_usd=None if prices is None else cost_nano_usd(call.usage, prices),
                error=call.error,
            )
        )

    def _since_began_ms(self, at_s: float) -> int:
        return round((at_s - self._began_s) * 1000)


def cost_nano_usd(usage: Usage, prices: Prices) -> int | None:
    """What a call costs by the catalogue's prices; None when a price that matters is unknown."""
    if prices.input_usd_per_mtok is None or prices.output_usd_per_mtok is None:
        return None
    cached_price = prices.cached_input_usd_per_mtok
    if cached_price is None:
        cached_price = prices.input_usd_per_mtok
    usd_mtok = (
        (usage.input_tokens - usage.cached_tokens) * prices.input_usd_per_mtok
        + usage.cached_tokens * cached_price
        + usage.output_tokens * prices.output_usd_per_mtok
    )
    return round(usd_mtok * _NANO_USD_PER_USD_MTOK)


def cost_usd(usage: Usage, prices: Prices) -> float | None:
    """The same in USD, for estimates."""
    nano_usd = cost_nano_usd(usage, prices)
    return None if nano_usd is None else nano_usd * _USD_PER_NANO_USD


def _prices(models: Iterable[ModelSpec]) -> Iterable[tuple[str, Prices]]:
    for model in models:
        yield model.name, model.prices
        yield from _prices(model.fallbacks)
