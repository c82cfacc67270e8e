"""The calls of a compaction, as they are booked."""

from __future__ import annotations

import msgspec
import pytest

from compactor.calls import CallBook, CallCounter, cost_nano_usd, cost_usd
from compactor.metrics import CompactorMetrics
from model_providers.calls import CallClosed, CallOpened
from services.compactor.tests.conversations import model
from wire.conversation import Usage
from wire.ids import CallId
from wire.specs import Prices

PRICES = Prices(input_usd_per_mtok=2.0, cached_input_usd_per_mtok=0.5, output_usd_per_mtok=8.0)
PRICED = msgspec.structs.replace(model(), name="priced", prices=PRICES)


def closed(usage: Usage, call_id: str = "ccall_1", at_s: float = 101.0) -> CallClosed:
    opened = CallOpened(
        call_id=CallId(call_id),
        attempt=1,
        provider="nowhere",
        model="priced",
        upstream_model="up",
        agent_id="compactor",
        phase="compact",
        reserved_output_tokens=100,
        opened_at_s=at_s,
    )
    return CallClosed(
        opened=opened,
        status="completed",
        usage=usage,
        basis="reported",
        first_token_at_s=at_s + 0.5,
        closed_at_s=at_s + 1,
        error=None,
    )


async def test_a_record_has_times_from_the_beginning_and_the_catalogues_price() -> None:
    book = CallBook((PRICED,), 100.0)

    await book.closed(closed(Usage(1000, 100, cached_tokens=400)))

    record = book.records()[0]
    assert (record.phase, record.agent_id) == ("compact", "compactor")
    assert (record.started_ms, record.first_token_ms, record.ended_ms) == (1000, 1500, 2000)
    assert record.cost_nano_usd == 600 * 2000 + 400 * 500 + 100 * 8000


async def test_records_stand_in_the_order_they_left_and_sum_up() -> None:
    book = CallBook((PRICED,), 100.0)
    await book.closed(closed(Usage(1, 2), "ccall_b", at_s=103))
    await book.closed(closed(Usage(10, 20), "ccall_a", at_s=101))

    assert [record.call_id for record in book.records()] == ["ccall_a", "ccall_b"]
    assert book.usage() == Usage(11, 22)


@pytest.mark.parametrize("prices", [Prices(), Prices(input_usd_per_mtok=1.0)])
def test_an_unknown_price_is_no_price(prices: Prices) -> None:
    assert cost_nano_usd(Usage(10, 10), prices) is None
    assert cost_usd(Usage(10, 10), prices) is None


def test_usd_are_nano_usd_by_a_billion() -> None:
    assert cost_usd(Usage(1_000_000, 0), PRICES) == pytest.approx(2.0)


async def test_every_call_counts() -> None:
    metrics = CompactorMetrics()

    await CallCounter(metrics).closed(closed(Usage()))

    name = "conclave_compactor_vendor_calls_total"
    labels = {"model": "priced", "status": "completed"}
    assert metrics.registry.get_sample_value(name, labels) == 1
