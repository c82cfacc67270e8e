"""What a detached run says and decides is in the store before anybody hears it."""

import asyncio

import pytest

from orchestrator.coordination.events import BallotSkipped, LogEntry
from orchestrator.driver import journal
from orchestrator.driver.journal import RunJournal, logged_events
from orchestrator.driver.output import RunOutput
from orchestrator.store.writer import DuplicateRowError, StoreUnavailableError
from orchestrator.store.writes import EventsLogged, OutputSaid, Write
from services.orchestrator.tests.driver.test_planning import started
from wire.conversation import TextDelta
from wire.coordination import RunEnded

WAIT_S = 5


class Store:
    """Takes what it is given once it may; each request's end is as `fates` says, then good."""

    def __init__(self, *fates: Exception | None) -> None:
        self.fates = list(fates)
        self.requests: list[tuple[Write, ...]] = []
        self.may = asyncio.Event()
        self.may.set()

    async def commit(self, *writes: Write) -> None:
        await self.confirm(self.submit(*writes))

    async def enqueue(self, *writes: Write) -> None:
        self.submit(*writes)

    def submit(self, *writes: Write) -> asyncio.Future[None]:
        self.requests.append(writes)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        fate = self.fates.pop(0) if self.fates else None
        if fate is None:
            done.set_result(None)
        else:
            done.set_exception(fate)
        return done

    async def confirm(self, submitted: asyncio.Future[None]) -> None:
        await self.may.wait()
        await submitted

    def kept(self, kind: type[EventsLogged] | type[OutputSaid]) -> list[Write]:
        return [write for request in self.requests for write in request if isinstance(write, kind)]


class Scene:
    def __init__(self, *fates: Exception | None) -> None:
        self.store = Store(*fates)
        self.output = RunOutput(())
        self.log: list[LogEntry] = []
        self.journal = RunJournal(started(), self.store, self.output, lambda: self.log)

    def happens(self, text: str) -> None:
        self.log.append(BallotSkipped(len(self.log), text))
        self.journal.note()

    async def heard(self, count: int) -> list[str]:
        """The first words that a reader gets."""
        texts: list[str] = []
        async for event in self.output.follow():
            assert isinstance(event, TextDelta)
            texts.append(event.text)
            if len(texts) == count:
                return texts
        return texts


@pytest.fixture(autouse=True)
def _retries_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "RETRY_PAUSE_S", 0.0)


def test_entries_are_numbered_on() -> None:
    rows = logged_events([BallotSkipped(5, "one"), BallotSkipped(6, "two")], first=7)

    assert [(row.seq, row.at_ms, row.type) for row in rows] == [
        (7, 5, "ballot_skipped"),
        (8, 6, "ballot_skipped"),
    ]


async def test_nobody_hears_what_is_not_stored() -> None:
    scene = Scene()
    scene.store.may.clear()
    scene.output.append(TextDelta("first"))

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        opening = group.create_task(scene.journal.open())
        reading = group.create_task(scene.heard(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        heard_before = reading.done()
        scene.store.may.set()
        await opening

    assert not heard_before
    assert reading.result() == ["first"]
    assert scene.journal.opened


async def test_it_stores_what_comes_once_each_in_order_until_everything_is_there() -> None:
    scene = Scene()
    await scene.journal.open()

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        group.create_task(scene.journal.run())
        for text in ("a", "b", "c"):
            scene.happens(text)
            scene.output.append(TextDelta(text))
            await asyncio.sleep(0)
        scene.journal.stop()

    logged = [row.seq for w in scene.store.kept(EventsLogged) for row in getattr(w, "log")]  # noqa: B009
    said = [getattr(write, "seq") for write in scene.store.kept(OutputSaid)]  # noqa: B009
    assert (logged, said) == ([0, 1, 2], [1, 2, 3])


async def test_a_store_that_fails_for_a_while_is_tried_again_with_the_same() -> None:
    scene = Scene(None, StoreUnavailableError(), StoreUnavailableError())
    await scene.journal.open()
    scene.happens("a")

    await scene.journal.store()

    assert scene.store.requests[1] == scene.store.requests[2] == scene.store.requests[3]


async def test_an_attempt_that_only_seemed_to_fail_counts() -> None:
    scene = Scene(None, StoreUnavailableError(), DuplicateRowError())
    await scene.journal.open()
    scene.happens("a")

    await scene.journal.store()

    assert len(scene.store.requests) == 3


async def test_a_row_that_is_there_at_once_is_somebody_elses() -> None:
    scene = Scene(None, DuplicateRowError())
    await scene.journal.open()
    scene.happens("a")

    with pytest.raises(DuplicateRowError):
        await scene.journal.store()


async def test_a_store_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_RETRIES", 3)
    scene = Scene(None, *(StoreUnavailableError() for _ in range(3)))
    await scene.journal.open()
    scene.happens("a")

    with pytest.raises(StoreUnavailableError):
        await scene.journal.store()


async def test_an_opening_that_fails_is_not_tried_again() -> None:
    scene = Scene(StoreUnavailableError())

    with pytest.raises(StoreUnavailableError):
        await scene.journal.open()

    assert not scene.journal.opened
    assert len(scene.store.requests) == 1


async def test_the_last_words_follow_all_that_was_said() -> None:
    scene = Scene()
    scene.output.append(TextDelta("a"))
    await scene.journal.open()

    last = scene.journal.last_words(RunEnded(status="completed"))

    assert last.seq == 2
    assert b'"completed"' in last.payload
