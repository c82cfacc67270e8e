import asyncio
from dataclasses import dataclass, field

import pytest

from orchestrator.driver import lease_keeper
from orchestrator.driver.lease_keeper import BEATS_PER_LEASE, LeaseKeeper
from orchestrator.store.writer import StoreUnavailableError
from orchestrator.store.writes import LeasesRenewed
from services.orchestrator.tests.driver.test_fenced_writer import Store

WAIT_S = 5
SHORT_S = 0.001


@dataclass
class Held:
    active: int = 1
    cancelled: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def cancel(self, run_id: str, reason: str) -> None:
        self.cancelled.append((run_id, reason))


@dataclass
class Wishes:
    """What others want ended; fails as often as told before it answers."""

    failures: int = 0
    asked: list[str] = field(default_factory=list[str])
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def cancellations(self, owner: str) -> list[tuple[str, str]]:
        self.asked.append(owner)
        if len(self.asked) <= self.failures:
            raise StoreUnavailableError
        self.answered.set()
        return [("run_1", "by an operator")]


def keeper(held: Held, wishes: Wishes, store: Store | None = None) -> LeaseKeeper:
    lease_s = SHORT_S * BEATS_PER_LEASE
    return LeaseKeeper("me", held, store or Store(), wishes, lease_s=lease_s)


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_keeper, "LOOK_INTERVAL_S", SHORT_S)


async def test_a_sign_of_life_names_the_process() -> None:
    store = Store()

    await keeper(Held(), Wishes(), store).renew()

    assert store.taken == [("enqueue", (LeasesRenewed("me"),))]


async def test_runs_that_others_want_ended_are_ended() -> None:
    held, wishes = Held(), Wishes()

    await keeper(held, wishes).obey()

    assert wishes.asked == ["me"]
    assert held.cancelled == [("run_1", "by an operator")]


async def test_a_store_that_fails_does_not_end_the_duty() -> None:
    held, wishes = Held(), Wishes(failures=2)

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        duty = group.create_task(keeper(held, wishes).run())
        await wishes.answered.wait()
        duty.cancel()

    assert len(wishes.asked) >= 3


async def test_a_process_without_runs_asks_and_writes_nothing() -> None:
    held, wishes, store = Held(active=0), Wishes(), Store()

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        duty = group.create_task(keeper(held, wishes, store).run())
        await asyncio.sleep(20 * SHORT_S)
        idle = (list(wishes.asked), list(store.taken))
        held.active = 1
        await wishes.answered.wait()
        duty.cancel()

    assert idle == ([], [])
