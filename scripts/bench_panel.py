"""Measures a panel of three against provider-sim, and says which bars it meets.

    make bench-panel            starts everything on free ports with a state directory of its own
    BENCH_RUNS=50 ...           runs of the sequential part (default 30)
    BENCH_LOAD_S=20 ...         seconds of each load phase (default 10)

Every vendor call takes 50 ms to its first token and 250 ms in all. The critical path of a run is
the time in which at least one vendor call was under way, by the vendor's own record. CPU is what
the kernel charged to the process, all threads. The load generator and the vendor share the
machine, so on two cores the saturation rate is the machine's, not the platform's alone.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import aiohttp
import psutil
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.system import scenery  # noqa: E402 - the path is set above
from tests.system.platform_process import Platform, platform  # noqa: E402
from tests.system.simulator_process import Call, Simulator, simulator  # noqa: E402

MODEL = "council"
PROFILE = "ttft=50,call=250"
IN_FLIGHT = 32
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
    provider: scenery.Json = {
        "kind": "openai-compatible",
        "base_url": f"{sim.url}/p/{PROFILE}/v1",
        "max_concurrency": 1024,
    }
    return {
        "version": 1,
        "providers": {"sim": provider},
        "models": {"sim": {"provider": "sim"}},
        "panels": {MODEL: scenery.panel(personas)},
    }


def _measure_start(running: Platform, table: Table) -> None:
    """CPU until ready, and memory after a while of nothing."""
    modules = {"gateway": "api_gateway", "orchestrator": "orchestrator", "compactor": "compactor"}
    services = {name: running.service(module) for name, module in modules.items()}
    print("start and idle")
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
    print(f"one panel request at a time, {count} runs")
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
    saturation_per_s = await _saturation_per_s(ask, load_s)
    cpu_before_ms = sum(map(cpu_ms, pids))
    runs, most = await _open_loop(ask, saturation_per_s / 2, load_s)
    cpu_run_ms = (sum(map(cpu_ms, pids)) - cpu_before_ms) / len(runs)
    walls_ms = sorted(run.wall_ms for run in runs)
    p50_ms = statistics.median(walls_ms)
    print(f"open loop at half the saturation rate, {len(runs)} runs, at most {most} in flight")
    table.line(f"saturation rate ({IN_FLIGHT} in flight, closed loop)", saturation_per_s, "/s")
    table.line("wall time, median", p50_ms, "ms")
    table.line("wall time, p95", walls_ms[int(len(walls_ms) * 0.95)], "ms")
    table.line("median over that of one at a time", p50_ms / single_ms, "x", 1.5)
    table.line("CPU of gateway and orchestrator a run", cpu_run_ms, "ms")


async def _saturation_per_s(ask: Ask, load_s: float) -> float:
    """Answers a second when so many clients each ask again at once."""
    stop_s = time.monotonic() + load_s
    done = 0

    async def client() -> None:
        nonlocal done
        while time.monotonic() < stop_s:
            await ask()
            done += 1

    started_s = time.monotonic()
    async with asyncio.TaskGroup() as clients:
        for _ in range(IN_FLIGHT):
            clients.create_task(client())
    return done / (time.monotonic() - started_s)


async def _open_loop(ask: Ask, rate_per_s: float, load_s: float) -> tuple[list[Run], int]:
    """Start runs at the rate, whatever becomes of earlier ones; and the most in flight at once."""
    runs: list[Run] = []
    in_flight = most = 0

    async def one() -> None:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        runs.append(await ask())
        in_flight -= 1

    count = max(4 * IN_FLIGHT, int(rate_per_s * load_s))
    started_s = time.monotonic()
    async with asyncio.TaskGroup() as started:
        for number in range(count):
            await asyncio.sleep(started_s + number / rate_per_s - time.monotonic())
            started.create_task(one())
    return runs, most


Ask = Callable[[], Awaitable[Run]]


@asynccontextmanager
async def _asking(running: Platform) -> AsyncGenerator[Ask]:
    """A function that asks the panel one question and reads its stream to the end."""
    headers = {"authorization": f"Bearer {running.api_key}"}
    timeout = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(limit=0)
    asked = 0

    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def ask() -> Run:
            nonlocal asked
            asked += 1
            question = f"{QUESTIONS[asked % len(QUESTIONS)]} ({asked})"
            body = {
                "model": MODEL,
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
