import asyncio

from orchestrator.driver.fenced_writer import FencedWriter
from orchestrator.store.writes import FenceHeld, LeasesRenewed, RunReleased, Write

HELD = FenceHeld("run_1", 3)
WRITES = (RunReleased("run_1"), LeasesRenewed("me"))


class Store:
    """Remembers what it was handed, and how."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, tuple[Write, ...]]] = []

    async def commit(self, *writes: Write) -> None:
        self.taken.append(("commit", writes))

    def submit(self, *writes: Write) -> asyncio.Future[None]:
        self.taken.append(("submit", writes))
        return asyncio.get_running_loop().create_future()

    async def confirm(self, submitted: asyncio.Future[None]) -> None:
        submitted.set_result(None)

    async def enqueue(self, *writes: Write) -> None:
        self.taken.append(("enqueue", writes))


async def test_whatever_is_written_for_a_run_bears_its_fence() -> None:
    store = Store()
    writer = FencedWriter(store, "run_1", 3)

    await writer.commit(*WRITES)
    submitted = writer.submit(*WRITES)
    await writer.enqueue(*WRITES)
    await writer.confirm(submitted)

    assert store.taken == [(how, (HELD, *WRITES)) for how in ("commit", "submit", "enqueue")]
    assert submitted.done()
