import asyncio
import time

from orchestrator.driver.loop_lag import LOOK_INTERVAL_S, LoopLag

WAIT_S = 5
STALL_S = 0.2


async def test_a_stalled_loop_is_seen_and_an_idle_one_is_not_late() -> None:
    lags: list[float] = []
    looked = asyncio.Event()

    def observe(lag_s: float) -> None:
        lags.append(lag_s)
        looked.set()

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        watching = group.create_task(LoopLag(observe).run())
        await asyncio.sleep(0)
        time.sleep(LOOK_INTERVAL_S + STALL_S)  # noqa: ASYNC251 - this is the stall
        await looked.wait()
        watching.cancel()

    assert min(lags) >= 0
    assert max(lags) >= STALL_S
