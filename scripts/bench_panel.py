"""Measures a panel of three against provider-sim, and says which bars it meets.

    make bench-panel            starts everything on free ports with a state directory of its own
    BENCH_RUNS=50 ...           runs of the sequential part (default 30)
    BENCH_LOAD_S=20 ...         seconds of each load phase (default 10)

Every vendor call takes 50 ms to its first token and 250 ms in all. The critical path of a run is
the time in which at least one vendor call was under way, by the vendor's own record. CPU is what
the kernel charged to the process, all threads. The load generator and the vendor share the
machine, so on two cores the saturation rate is the machine's, not the platform's alone.

Under load: the saturation rate is what clients get that ask again at once, as many as it takes for
more to bring nothing. An open loop then asks at half that rate, whatever is still unanswered. How
many requests that keeps in flight is rate times duration; with calls of 250 ms it is fewer than the
32 that the bar speaks of. So the open loop asks a panel whose vendor is slower, by as much as
brings 32 into flight, and is compared with one request at a time to that same panel.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import aiohttp
import psutil
import yaml

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.system import scenery  # noqa: E402 - the path is set above
from tests.system.platform_process import Platform, platform  # noqa: E402
from tests.system.simulator_process import Call, Simulator, simulator  # noqa: E402

CALL_MS = 250
# Panels whose vendor takes so long for a call; the first token comes after a fifth of it.
LAWS_MS = (CALL_MS, 350, 500, 700, 1000, 1400, 2000, 2800, 4000)
IN_FLIGHT = 32
MOST_CLIENTS = 256
WORTHWHILE = 1.05  # more clients that bring less than this are too many
SINGLE_RUNS = 5
SETTLE_S = 2.0
QUESTIONS = (
    "Which sort is best for almost sorted lists, and why?",
    "How should a small team decide what to automate first?",
    "What makes an error message worth reading?",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One streamed answer as the client saw it, on the machine's monotonic clock."""

    started_s: float
    first_frame_s: float
    ended_s: float

    @property
    def wall_ms(self) -> float:
        return (self.ended_s - self.started_s) * 1000

    @property
    def first_frame_ms(self) -> float:
        return (self.first_frame_s - self.started_s) * 1000


@dataclass
class Table:
    """Lines as they come, and whether a bar was missed."""

    missed: list[str] = field(default_factory=list[str])

    def line(self, what: str, value: float, unit: str, bar: float | None = None) -> None:
        met = bar is None or value <= bar
        against = "" if bar is None else f"  {'<=' if met else '> '} {bar:g}"
        print(f"  {what:<52} {value:>9.1f} {unit:<6}{against}")
        if not met:
            self.missed.append(what)


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    table = Table()
    with tempfile.TemporaryDirectory(prefix="conclave-bench-") as folder, simulator() as sim:
        config = Path(folder) / "config" / "conclave.yaml"
        config.parent.mkdir()
        config.write_text(yaml.safe_dump(_configuration(sim)))
        with platform(Path(folder), config=config) as running:
            _measure_start(running, table)
            asyncio.run(_measure_runs(running, sim, table))
    print(f"missed: {', '.join(table.missed)}" if table.missed else "every bar is met")
    return 1 if table.missed else 0


def _configuration(sim: Simulator) -> dict[str, scenery.Json]:
    personas = {
        "analyst": scenery.ANALYST,
        "engineer": scenery.ENGINEER,
        "critic": scenery.CRITIC,
    }
    providers: dict[str, scenery.Json] = {
        f"sim-{call_ms}": {
            "kind": "openai-compatible",
            "base_url": f"{sim.url}/p/ttft={call_ms // 5},call={call_ms}/v1",
            "max_concurrency": 1024,
        }
        for call_ms in LAWS_MS
    }
    return {
        "version": 1,
        "providers": providers,
        "models": {name: {"provider": name, "upstream_model": "sim"} for name in providers},
        "panels": {
            panel_of(call_ms): scenery.panel(
                personas, models=dict.fromkeys(personas, f"sim-{call_ms}")
            )
            for call_ms in LAWS_MS
        },
    }


def panel_of(call_ms: int) -> str:
    """The panel whose vendor takes so long for a call."""
    return f"council-{call_ms}"


def _measure_start(running: Platform, table: Table) -> None:
    """CPU until ready, and memory after a while of nothing."""
    modules = {"gateway": "api_gateway", "orchestrator": "orchestrator", "compactor": "compactor"}
    services = {name: running.service(module) for name, module in modules.items()}
    print(f"start and idle (load average {os.getloadavg()[0]:.1f})")
    for name, process in services.items():
        table.line(f"{name}: CPU to start", cpu_ms(process.pid) / 1000, "s", 1.0)
    time.sleep(SETTLE_S)
    for name, process in services.items():
        bar = None if name == "compactor" else 80.0
        table.line(f"{name}: idle memory", process.memory_info().rss / 1e6, "MB", bar)
    supervisor = psutil.Process(running.process.pid)
    table.line("supervisor: idle memory", supervisor.memory_info().rss / 1e6, "MB")


async def _measure_runs(running: Platform, sim: Simulator, table: Table) -> None:
    pids = [running.service(module).pid for module in ("api_gateway", "orchestrator")]
    async with _asking(running) as ask:
        for _ in range(3):
            await ask()
        single_ms = await _one_by_one(ask, pids, sim, table)
        await _under_load(ask, pids, single_ms, table)


async def _one_by_one(ask: Ask, pids: list[int], sim: Simulator, table: Table) -> float:
    """Sequential runs; the median wall time."""
    count = int(os.environ.get("BENCH_RUNS", "30"))
    runs, calls, beyond_ms = list[Run](), list[int](), list[float]()
    cpu_before_ms = sum(map(cpu_ms, pids))
    for _ in range(count):
        seen_before = sim.latest()
        run = await ask()
        billed = sim.ended_calls(seen_before)
        runs.append(run)
        calls.append(len(billed))
        beyond_ms.append(run.wall_ms - critical_path_ms(billed))
    cpu_run_ms = (sum(map(cpu_ms, pids)) - cpu_before_ms) / count
    wall_ms = statistics.median(run.wall_ms for run in runs)
    print(f"one panel request at a time, {count} runs (load average {os.getloadavg()[0]:.1f})")
    table.line("upstream calls a run, most", max(calls), "", 7)
    table.line("wall time, median", wall_ms, "ms")
    table.line("wall beyond the critical path, median", statistics.median(beyond_ms), "ms", 50)
    table.line("wall beyond the critical path, worst", max(beyond_ms), "ms")
    table.line("CPU of gateway and orchestrator a run", cpu_run_ms, "ms", 30)
    first_ms = [run.first_frame_ms for run in runs]
    table.line("first frame, median", statistics.median(first_ms), "ms")
    table.line("first frame, worst", max(first_ms), "ms", 150)
    return wall_ms


async def _under_load(ask: Ask, pids: list[int], single_ms: float, table: Table) -> None:
    load_s = float(os.environ.get("BENCH_LOAD_S", "10"))
    saturation_per_s, clients = await _saturation_per_s(ask, load_s)
    rate_per_s = saturation_per_s / 2
    slow_ms, alone_ms = await _law_for(ask, rate_per_s, single_ms)
    cpu_before_ms = sum(map(cpu_ms, pids))
    runs, in_flight = await _open_loop(ask, panel_of(slow_ms), rate_per_s, load_s)
    cpu_run_ms = (sum(map(cpu_ms, pids)) - cpu_before_ms) / len(runs)
    walls_ms = sorted(run.wall_ms for run in runs)
    p50_ms = statistics.median(walls_ms)
    usual = statistics.median(in_flight)
    print(
        f"open loop at half the saturation rate: {len(runs)} runs at {rate_per_s:.1f}/s of a panel "
        f"with calls of {slow_ms} ms, so that {IN_FLIGHT} are in flight"
    )
    print(f"  in flight when a request is asked: median {usual:g}, most {max(in_flight)}")
    table.line(f"saturation rate (closed loop, {clients} clients)", saturation_per_s, "/s")
    table.line("that panel one at a time, median", alone_ms, "ms")
    table.line("that panel in the open loop, median", p50_ms, "ms")
    table.line("that panel in the open loop, p95", walls_ms[int(len(walls_ms) * 0.95)], "ms")
    table.line("requests in flight short of 32, median", max(0, IN_FLIGHT - usual), "", 3)
    table.line("median over that of one at a time", p50_ms / alone_ms, "x", 1.5)
    table.line("CPU of gateway and orchestrator a run", cpu_run_ms, "ms")


async def _saturation_per_s(ask: Ask, load_s: float) -> tuple[float, int]:
    """Answers a second when clients ask again at once, and how many clients that took."""
    clients, per_s = IN_FLIGHT, await _closed_loop_per_s(ask, IN_FLIGHT, load_s)
    while clients < MOST_CLIENTS:
        more_per_s = await _closed_loop_per_s(ask, clients * 2, load_s)
        if more_per_s < per_s * WORTHWHILE:
            return max(per_s, more_per_s), clients
        clients, per_s = clients * 2, more_per_s
    return per_s, clients


async def _closed_loop_per_s(ask: Ask, clients: int, load_s: float) -> float:
    stop_s = time.monotonic() + load_s
    done = 0

    async def client() -> None:
        nonlocal done
        while time.monotonic() < stop_s:
            await ask()
            done += 1

    started_s = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return done / (time.monotonic() - started_s)


async def _law_for(ask: Ask, rate_per_s: float, single_ms: float) -> tuple[int, float]:
    """The quickest vendor that brings 32 into flight, and the wall time of one run there."""
    wanted_ms = IN_FLIGHT / rate_per_s * 1000
    likely = [each for each in LAWS_MS if single_ms * each / CALL_MS >= wanted_ms]
    call_ms = likely[0] if likely else LAWS_MS[-1]
    walls_ms = [(await ask(panel_of(call_ms))).wall_ms for _ in range(SINGLE_RUNS)]
    return call_ms, statistics.median(walls_ms)


async def _open_loop(
    ask: Ask, panel: str, rate_per_s: float, load_s: float
) -> tuple[list[Run], list[int]]:
    """Start runs at the rate, whatever becomes of earlier ones; and how many each one found.

    The first 64, which find fewer in flight than there will be, do not count.
    """
    runs: list[Run] = []
    in_flight = 0
    found: list[int] = []

    async def one(number: int) -> None:
        nonlocal in_flight
        in_flight += 1
        if number >= 2 * IN_FLIGHT:
            found.append(in_flight)
        run = await ask(panel)
        in_flight -= 1
        if number >= 2 * IN_FLIGHT:
            runs.append(run)

    count = max(6 * IN_FLIGHT, int(rate_per_s * load_s))
    started_s = time.monotonic()
    async with asyncio.TaskGroup() as started:
        for number in range(count):
            await asyncio.sleep(started_s + number / rate_per_s - time.monotonic())
            started.create_task(one(number))
    return runs, found


class Ask(Protocol):
    """Ask a panel one question and read its stream to the end."""

    def __call__(self, panel: str = panel_of(CALL_MS), /) -> Awaitable[Run]: ...


@asynccontextmanager
async def _asking(running: Platform) -> AsyncGenerator[Ask]:
    """A function that does."""
    headers = {"authorization": f"Bearer {running.api_key}"}
    timeout = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(limit=0)
    asked = 0

    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def ask(panel: str = panel_of(CALL_MS), /) -> Run:
            nonlocal asked
            asked += 1
            question = f"{QUESTIONS[asked % len(QUESTIONS)]} ({asked})"
            body = {
                "model": panel,
                "stream": True,
                "messages": [{"role": "user", "content": question}],
            }
            started_s = time.monotonic()
            async with session.post(
                f"{running.base_url}/chat/completions", json=body, headers=headers
            ) as response:
                first = await response.content.readany()
                first_frame_s = time.monotonic()
                rest = await response.content.read()
            ended_s = time.monotonic()
            if response.status != HTTPStatus.OK or not (first + rest).endswith(b"data: [DONE]\n\n"):
                raise RuntimeError(f"HTTP {response.status}: {(first + rest)[-500:]!r}")
            return Run(started_s, first_frame_s, ended_s)

        yield ask


def critical_path_ms(calls: list[Call]) -> float:
    """The time in which at least one of the calls was under way."""
    spans = sorted((call.started_s, call.ended_s or call.started_s) for call in calls)
    total_s, until_s = 0.0, 0.0
    for start_s, end_s in spans:
        total_s += max(0.0, end_s - max(start_s, until_s))
        until_s = max(until_s, end_s)
    return total_s * 1000


def cpu_ms(pid: int) -> float:
    """What the kernel has charged to all threads of the process so far."""
    tasks = Path(f"/proc/{pid}/task")
    if not tasks.is_dir():
        times = psutil.Process(pid).cpu_times()
        return (times.user + times.system) * 1000
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e6


if __name__ == "__main__":
    sys.exit(main())
