"""Runs of another process, as far as the store tells."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from orchestrator.driver import runs_elsewhere
from orchestrator.driver.runs_elsewhere import OBEY_TIMEOUT_S, RunsElsewhere
from orchestrator.store.reader import Holding, StoredRun
from service_kit.testing import FakeClock
from wire.conversation import TextDelta
from wire.coordination import RunEnded, RunEvent
from wire.errors import NotFoundError, ServiceUnavailableError

if TYPE_CHECKING:
    from orchestrator.driver.takeover import TakeOver
    from orchestrator.store.leases import LeaseBook
    from orchestrator.store.reader import StoreReader

UNDER_WAY = StoredRun(
    run_id="run_1",
    request_id="req_1",
    tenant_id="t",
    key_id="k",
    public_model="council",
    panel="council",
    status="in_progress",
    detached=True,
    created_unix_s=1.0,
    cancel_reason=None,
    record=None,
)
HOLDING = Holding("run_1", "t", "other", 1, 1, 0, detached=True, created_unix_s=1.0,
                  cancel_reason=None)  # fmt: skip
SAID: list[RunEvent] = [TextDelta("a"), TextDelta("b"), RunEnded(status="completed")]


@dataclass
class Store:
    """Reader, leases and take-over in one: each look at the run lets a little time pass."""

    run_now: StoredRun | None
    clock: FakeClock = field(default_factory=FakeClock)
    said: list[RunEvent] = field(default_factory=list[RunEvent])
    to_come: list[RunEvent] = field(default_factory=list[RunEvent])
    obeys: bool = True
    asked: list[str] = field(default_factory=list[str])
    closed: list[RunEnded] = field(default_factory=list[RunEnded])

    async def run(self, tenant_id: str, run_id: str) -> StoredRun | None:
        self.clock.advance(OBEY_TIMEOUT_S / 10)
        known = self.run_now
        return known if known and (tenant_id, run_id) == ("t", "run_1") else None

    async def outputs(self, _tenant_id: str, _run_id: str, after: int) -> list[bytes]:
        found = [msgspec.json.encode(event) for event in self.said[after:]]
        if self.to_come:
            self.said.append(self.to_come.pop(0))
        return found

    async def ask_to_end(self, _tenant_id: str, _run_id: str, reason: str) -> None:
        self.asked.append(reason)
        if self.obeys:
            self._end()

    async def holding(self, _tenant_id: str, _run_id: str) -> Holding | None:
        return HOLDING

    async def close(self, _holding: Holding, end: RunEnded) -> bool:
        self.closed.append(end)
        self._end()
        return True

    def _end(self) -> None:
        assert self.run_now is not None
        self.run_now = replace(self.run_now, status="cancelled")


def elsewhere(store: Store) -> RunsElsewhere:
    return RunsElsewhere(
        cast("StoreReader", store),
        cast("LeaseBook", store),
        cast("TakeOver", store),
        store.clock,
    )


async def followed(store: Store, after: int = 0) -> list[RunEvent]:
    return [event async for event in elsewhere(store).follow("t", "run_1", after)]


@pytest.fixture(autouse=True)
def _polls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLL_INTERVAL_S", "_CANCEL_POLL_S"):
        monkeypatch.setattr(runs_elsewhere, name, 0.0)


async def test_its_events_are_told_to_the_last_those_to_come_too() -> None:
    store = Store(UNDER_WAY, said=SAID[:1], to_come=SAID[1:])

    assert await followed(store) == SAID


async def test_a_reader_that_comes_back_gets_the_rest() -> None:
    assert await followed(Store(UNDER_WAY, said=list(SAID)), after=1) == SAID[1:]
    ended = replace(UNDER_WAY, status="completed")
    assert await followed(Store(ended, said=list(SAID)), after=3) == []


async def test_events_of_an_attached_run_are_nowhere() -> None:
    attached = replace(UNDER_WAY, detached=False)

    with pytest.raises(ServiceUnavailableError):
        await followed(Store(attached))
    with pytest.raises(NotFoundError):
        await followed(Store(replace(attached, status="completed")))


async def test_a_foreign_run_is_not_there() -> None:
    runs = elsewhere(Store(UNDER_WAY))

    with pytest.raises(NotFoundError):
        await runs.cancel("another", "run_1", "why")


async def test_an_owner_that_obeys_ends_the_run_itself() -> None:
    store = Store(UNDER_WAY)

    assert await elsewhere(store).cancel("t", "run_1", "why") == "cancelled"
    assert (store.asked, store.closed) == (["why"], [])


async def test_a_run_whose_owner_does_not_obey_is_ended_without_it() -> None:
    store = Store(UNDER_WAY, obeys=False)

    assert await elsewhere(store).cancel("t", "run_1", "why") == "cancelled"
    assert [end.status for end in store.closed] == ["cancelled"]


async def test_what_has_ended_stays_as_it_is() -> None:
    store = Store(replace(UNDER_WAY, status="completed"))

    assert await elsewhere(store).cancel("t", "run_1", "why") == "completed"
    assert store.asked == []
