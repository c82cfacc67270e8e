from dataclasses import dataclass, field
from typing import cast

import pytest

from model_providers.calls import CallClosed, CallOpened
from orchestrator.driver.call_ledger import CallLedger
from orchestrator.store.writer import StoreUnavailableError, StoreWriter
from orchestrator.store.writes import CallJournalled, CallSettled, Write
from services.orchestrator.tests.driver.test_planning import PANEL, started
from wire.conversation import Usage
from wire.errors import UpstreamError
from wire.ids import CallId
from wire.specs import AgentSpec, ModelSpec, PanelSpec, Prices, ProviderSpec

USED = Usage(1000, 100)
PRICED = ModelSpec(
    name="priced",
    provider=ProviderSpec(name="p", kind="openai", base_url="http://x"),
    upstream_model="up",
    prices=Prices(input_usd_per_mtok=1.0, output_usd_per_mtok=2.0),
    fallbacks=(
        ModelSpec(
            name="fallback",
            provider=ProviderSpec(name="q", kind="openai", base_url="http://y"),
            upstream_model="up2",
            prices=Prices(input_usd_per_mtok=10.0, output_usd_per_mtok=20.0),
        ),
    ),
)


@dataclass
class Journal:
    """Takes the place of the writer."""

    committed: list[Write] = field(default_factory=list[Write])
    enqueued: list[Write] = field(default_factory=list[Write])
    broken: bool = False

    async def commit(self, *writes: Write) -> None:
        if self.broken:
            raise StoreUnavailableError
        self.committed += writes

    async def enqueue(self, *writes: Write) -> None:
        self.enqueued += writes


def journal_as_writer() -> StoreWriter:
    return cast("StoreWriter", Journal())


def ledger(journal: Journal, model: ModelSpec = PRICED) -> CallLedger:
    panel = PanelSpec(name="c", agents=(AgentSpec(agent_id="ada", model=model),))
    return CallLedger(started(panel), cast("StoreWriter", journal), admitted_s=100.0)


def opened(attempt: int = 1, model: str = "priced", call_id: str = "c1") -> CallOpened:
    return CallOpened(
        call_id=CallId(call_id),
        attempt=attempt,
        provider="p",
        model=model,
        upstream_model="up",
        agent_id="ada",
        phase="answer",
        reserved_output_tokens=50,
        opened_at_s=100.5,
    )


def closed(call: CallOpened, usage: Usage = USED) -> CallClosed:
    return CallClosed(
        opened=call,
        status="completed",
        usage=usage,
        basis="reported",
        first_token_at_s=100.6,
        closed_at_s=101.0,
        error=None,
    )


@pytest.mark.requirement("orchestrator:journal:before-first-byte")
async def test_an_attempt_is_journalled_before_it_may_leave() -> None:
    journal = Journal()
    calls = ledger(journal)

    await calls.opened(opened())

    (row,) = journal.committed
    assert isinstance(row, CallJournalled)
    assert (row.call_id, row.reserved_output_tokens, row.started_ms) == ("c1", 50, 500)
    assert calls.open_calls == 1


@pytest.mark.requirement("orchestrator:journal:before-first-byte")
async def test_without_a_journal_the_attempt_is_refused() -> None:
    calls = ledger(Journal(broken=True))

    with pytest.raises(StoreUnavailableError):
        await calls.opened(opened())

    assert calls.open_calls == 0


async def test_a_closed_attempt_is_settled_priced_and_timed() -> None:
    journal = Journal()
    calls = ledger(journal)
    await calls.opened(opened())

    await calls.closed(closed(opened()))

    (record,) = calls.records()
    assert record.cost_nano_usd == 1000 * 1000 + 100 * 2000
    assert (record.started_ms, record.first_token_ms, record.ended_ms) == (500, 600, 1000)
    assert isinstance(journal.enqueued[0], CallSettled)
    assert calls.open_calls == 0


async def test_a_fallback_has_its_own_price_and_an_unpriced_model_none() -> None:
    calls = ledger(Journal())
    await calls.closed(closed(opened(model="fallback")))
    assert calls.records()[0].cost_nano_usd == 10 * (1000 * 1000 + 100 * 2000)

    unpriced = ledger(Journal(), PANEL.agents[0].model)
    await unpriced.closed(closed(opened(model="m")))
    assert unpriced.records()[0].cost_nano_usd is None


async def test_a_call_is_the_sum_of_its_attempts_and_a_run_of_its_calls() -> None:
    calls = ledger(Journal())
    failed = closed(opened(1), Usage(5, 0, estimated=True))
    await calls.closed(failed)
    await calls.closed(closed(opened(2)))
    await calls.closed(closed(opened(1, call_id="c2"), Usage(7, 7)))

    assert calls.of_call("c1") == (Usage(1005, 100, estimated=True), 2)
    assert calls.of_call("unknown") == (Usage(), 1)
    assert calls.usage() == Usage(1012, 107, estimated=True)


async def test_the_delivered_call_is_marked() -> None:
    calls = ledger(Journal())
    for call_id in ("c1", "c2"):
        await calls.closed(closed(opened(call_id=call_id)))

    assert [record.delivered for record in calls.records("c2")] == [False, True]


async def test_a_failed_attempts_error_is_kept() -> None:
    journal = Journal()
    calls = ledger(journal)
    error = UpstreamError("broke", provider="p").info()

    await calls.closed(
        CallClosed(
            opened=opened(),
            status="failed",
            usage=Usage(),
            basis="estimated",
            first_token_at_s=None,
            closed_at_s=101.0,
            error=error,
        )
    )

    assert calls.records()[0].error == error
    settled = journal.enqueued[0]
    assert isinstance(settled, CallSettled)
    assert settled.error is not None
    assert b"broke" in settled.error
