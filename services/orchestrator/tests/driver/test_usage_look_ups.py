"""What calls cost that were cut before their usage came, asked of the vendor afterwards."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pytest

from orchestrator.coordination.replay import encode_log, replay
from orchestrator.driver.records import run_record
from orchestrator.driver.usage_look_ups import UsageLookUps
from orchestrator.store.usage_book import UnsettledRun
from orchestrator.store.writer import StoreUnavailableError
from service_kit.testing import FakeClock
from services.orchestrator.tests.driver.test_records import CALLS, summary
from services.orchestrator.tests.driver.test_records import panel as panel_outcome
from services.orchestrator.tests.driver.test_run import SKY, hang_up, record_of
from services.orchestrator.tests.driver.test_takeover import first, follow
from services.orchestrator.tests.replicas import replica
from services.orchestrator.tests.running import ended, model, orchestrator, panel, start_run
from tests.scenes.waiting import until, until_async
from wire.conversation import Usage
from wire.coordination import RunRecord
from wire.errors import UpstreamError
from wire.specs import AgentSpec, ModelSpec, PanelSpec, Prices, ProviderSpec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from pathlib import Path

    from services.orchestrator.tests.running import Orchestrator
    from wire.coordination import CallRecord

pytestmark = pytest.mark.requirement("orchestrator:usage:looked-up")

OFFERING = ProviderSpec(
    name="p", kind="openai", base_url="http://x", usage_lookup="/usage/{request_id}"
)
PRICES = Prices(input_usd_per_mtok=1.0, output_usd_per_mtok=2.0)
SPARE = ModelSpec(name="m", provider=OFFERING, upstream_model="m", prices=PRICES)
MUTE = ModelSpec(
    name="first",
    provider=ProviderSpec(name="q", kind="openai", base_url="http://y"),
    upstream_model="first",
    fallbacks=(SPARE,),
)
PANEL = PanelSpec(name="c", agents=(AgentSpec(agent_id="ada", model=MUTE),))
CUT = tuple(
    msgspec.structs.replace(call, basis="estimated", status="cancelled", usage=Usage(1, 1))
    for call in CALLS[:2]
)


@dataclass
class Vendor:
    """Knows what it is told to, by request id; what is `late` not when it is first asked."""

    answers: dict[str, Usage | Exception]
    late: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list[str])

    async def look_up_usage(self, provider: ProviderSpec, request_id: str) -> Usage | None:
        assert provider == OFFERING
        self.asked.append(request_id)
        if request_id in self.late and self.asked.count(request_id) == 1:
            return None
        answer = self.answers.get(request_id)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Book:
    """One run's unsettled calls, without a database."""

    calls: tuple[CallRecord, ...] = CUT
    left: list[str] = field(default_factory=list[str])
    failures: int = 0
    looked: int = 0
    record: bytes | None = None

    async def unsettled_runs(self, *, since_unix_s: float, at_most: int) -> list[str]:
        assert since_unix_s == FakeClock().unix_s() - 86_400
        return self.left[:at_most]

    async def unsettled(self, run_id: str) -> UnsettledRun | None:
        self.looked += 1
        if self.looked <= self.failures:
            raise StoreUnavailableError
        spec = msgspec.json.encode(PANEL)
        return UnsettledRun(run_id, spec, self.calls) if self.calls else None

    async def settle(
        self, run_id: str, calls: Sequence[CallRecord], correct: Callable[[bytes], bytes]
    ) -> bool:
        assert run_id == "r"
        settled = {call.call_id for call in calls}
        self.calls = tuple(call for call in self.calls if call.call_id not in settled)
        self.record = correct(self.record) if self.record else None
        return True


@asynccontextmanager
async def looking(
    vendor: Vendor, book: Book, *, most_waiting: int = 9
) -> AsyncGenerator[tuple[UsageLookUps, list[CallRecord]]]:
    told: list[CallRecord] = []
    look_ups = UsageLookUps(
        vendor, book, FakeClock(), pauses_s=(0.0, 0.0, 0.0), most_waiting=most_waiting
    )
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        work = group.create_task(look_ups.run(lambda _, calls: told.extend(calls)))
        await asyncio.sleep(0)
        yield look_ups, told
        work.cancel()


async def test_a_call_is_asked_for_until_the_vendor_knows() -> None:
    answers: dict[str, Usage | Exception] = {
        "ada-answer.1": Usage(10, 5),
        "bob-answer.1": Usage(20, 6),
    }
    vendor = Vendor(answers, late=frozenset({"bob-answer.1"}))
    book = Book()

    async with looking(vendor, book) as (look_ups, told):
        look_ups.run_ended("r", PANEL, CUT)
        await until(lambda: len(told) == 2)

    assert vendor.asked == ["ada-answer.1", "bob-answer.1", "bob-answer.1"]
    assert [(c.basis, c.usage, c.cost_nano_usd, c.status) for c in told] == [
        ("looked_up", Usage(10, 5), 20_000, "cancelled"),
        ("looked_up", Usage(20, 6), 32_000, "cancelled"),
    ]
    assert told[1].delivered


async def test_a_vendor_that_never_knows_is_asked_three_times() -> None:
    vendor = Vendor({})

    async with looking(vendor, Book()) as (look_ups, told):
        look_ups.want("r")
        await until(lambda: len(vendor.asked) == 6)
        look_ups.want("r")
        await until(lambda: len(vendor.asked) == 12)

    assert told == []


async def test_a_vendor_that_fails_is_left_alone_until_the_next_look() -> None:
    vendor = Vendor({"ada-answer.1": UpstreamError("down", provider="p")})

    async with looking(vendor, Book()) as (look_ups, told):
        look_ups.want("r")
        await until(lambda: len(vendor.asked) == 3)

    assert set(vendor.asked) == {"ada-answer.1"}
    assert told == []


async def test_a_store_that_is_away_is_asked_again() -> None:
    vendor = Vendor({"ada-answer.1": Usage(10, 5), "bob-answer.1": Usage(20, 6)})

    async with looking(vendor, Book(failures=2)) as (look_ups, told):
        look_ups.want("r")
        await until(lambda: len(told) == 2)


async def test_what_an_earlier_life_left_is_asked_for_at_the_start() -> None:
    vendor = Vendor({"ada-answer.1": Usage(10, 5), "bob-answer.1": Usage(20, 6)})

    async with looking(vendor, Book(left=["r"])) as (_, told):
        await until(lambda: len(told) == 2)


async def test_nobody_is_asked_where_nothing_was_cut_or_nobody_can_tell() -> None:
    vendor, book = Vendor({}), Book(calls=())
    mute = msgspec.structs.replace(PANEL, agents=(AgentSpec(agent_id="a", model=SPARE),))
    silent = msgspec.structs.replace(SPARE, provider=msgspec.structs.replace(OFFERING, name="z"))

    async with looking(vendor, book) as (look_ups, _):
        look_ups.run_ended("r", PANEL, CALLS)
        look_ups.run_ended(
            "r", msgspec.structs.replace(mute, agents=(AgentSpec(agent_id="a", model=silent),)), CUT
        )
        look_ups.run_ended("s", PANEL, CUT)
        await until(lambda: book.looked > 0)

    assert (book.looked, vendor.asked) == (1, [])


async def test_what_waits_is_bounded() -> None:
    vendor, book = Vendor({}), Book(calls=())

    async with looking(vendor, book, most_waiting=1) as (look_ups, _):
        for run_id in ("r", "r", "s", "t"):
            look_ups.want(run_id)
        await until(lambda: book.looked > 0)

    assert book.looked == 1


async def test_the_record_is_corrected_with_its_sums_and_its_decision_stays() -> None:
    session = panel_outcome().session
    calls = (*CUT, CALLS[2])
    record = run_record(session, summary(calls), with_seed=True)
    vendor = Vendor({"ada-answer.1": Usage(10, 5), "bob-answer.1": Usage(20, 6)})
    book = Book(record=msgspec.json.encode(record))

    async with looking(vendor, book) as (look_ups, told):
        look_ups.want("r")
        await until(lambda: len(told) == 2)

    after = msgspec.json.decode(book.record or b"", type=RunRecord)
    assert record.details is not None
    assert after.details is not None
    assert after.usage == after.details.summed_usage == Usage(430, 31)
    assert after.delivered_usage == Usage(20, 6)
    assert after.details.usage_by_agent == {"ada": Usage(10, 5), "bob": Usage(420, 26)}
    assert after.details.cost_usd == pytest.approx(0.500052)
    unchanged = {"calls", "usage", "delivered_usage", "details"}
    for name in set(RunRecord.__struct_fields__) - unchanged:
        assert getattr(after, name) == getattr(record, name)


def offering(service: Orchestrator, profile: str, *names: str) -> PanelSpec:
    spec = model(service.sim, "sim", profile)
    provider = msgspec.structs.replace(spec.provider, usage_lookup="/usage/{request_id}")
    spec = msgspec.structs.replace(spec, provider=provider)
    return panel(
        service.sim,
        *(
            AgentSpec(agent_id=n, model=spec, persona=f"You are {n}.")
            for n in names or ("ada", "bob")
        ),
    )


async def test_calls_that_were_cut_become_what_the_vendor_counted_here_and_stored(
    service: Orchestrator,
) -> None:
    start = start_run(offering(service, "ttft=0,itl=20,tokens=400"), SKY)
    await hang_up(service, start, until="busy")

    async def settled() -> bool:
        record = await record_of(service, start)
        return {call.basis for call in record.calls} == {"looked_up"}

    await until_async(settled)
    here = await record_of(service, start)
    service.app.supervisor._forget(start.run_id)
    stored = await record_of(service, start)

    billed = {str(line["request_id"]): line for line in await service.sim.record()}
    assert len(stored.calls) == len(billed) == 2
    for call in stored.calls:
        line = billed[f"{call.call_id}.{call.attempt}"]
        assert (call.usage.input_tokens, call.usage.output_tokens) == (
            line["prompt_tokens"],
            line["completion_tokens"],
        )
    assert stored.usage == here.usage == sum((call.usage for call in stored.calls), Usage())
    assert not stored.usage.estimated
    assert (stored.calls, stored.details) == (here.calls, here.details)
    lines = [bytes(line) for line in stored.log]
    assert encode_log(replay(lines).log) == lines


@pytest.mark.slow
async def test_calls_of_a_process_that_died_are_looked_up_by_the_one_that_goes_on(
    tmp_path: Path,
) -> None:
    async with orchestrator(tmp_path, lease_s=0.6) as survivor, replica(survivor) as owner:
        start = start_run(offering(survivor, "itl=5,tokens=40", "ada"), SKY, detached=True)
        await first(owner.client, survivor, start, 12)
        await owner.kill()
        assert ended(await follow(survivor.client, survivor, start)).status == "completed"

        async def settled() -> bool:
            return "interrupted" not in {c.basis for c in (await record_of(survivor, start)).calls}

        await until_async(settled)
        record = await record_of(survivor, start)
        billed = {str(line["request_id"]): line for line in await survivor.sim.record()}

    assert [call.basis for call in record.calls] == ["looked_up", "reported"]
    for call in record.calls:
        line = billed[f"{call.call_id}.{call.attempt}"]
        assert call.usage.output_tokens == line["completion_tokens"]
