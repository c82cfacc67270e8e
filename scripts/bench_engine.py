"""The bars of coordination that need the real engine: the platform in front of provider-sim.

    make bench-engine
    ... BENCH_ARGS="--seconds 60"    the open loop for longer (20 runs of 10 s each a second)
    ... BENCH_ARGS="--runs 10000"    more runs whose usage is compared with the vendor's record
    ... BENCH_ARGS="--only usage"    one part: loop, usage, failing, hang-ups

The critical path of a run is the time in which at least one vendor call was under way, by the
vendor's own record. Client, vendor and platform share the machine; its load is printed because
whatever else runs on it is waited for too.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import math
import os
import re
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import msgspec
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from coordination_bench.bars import Bars  # noqa: E402 - the path is set above

from tests.system import scenery  # noqa: E402
from tests.system.platform_process import Platform, eventually, platform  # noqa: E402
from tests.system.simulator_process import Call, Simulator, simulator  # noqa: E402
from tests.system.test_hang_up import (  # noqa: E402
    BAR_S,
    asking,
    reach,
    running_calls,
    runs_in_flight,
)
from wire.coordination import RunRecord  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SLOW, QUICK, LEFT = "slow-council", "quick-council", "left-council"
PROFILES = {
    SLOW: "ttft=500,call=5000",
    QUICK: "ttft=1,call=4,tokens=8",
    LEFT: "ttft=20,itl=20,tokens=400",
}
LEFT_EVERY, LEFT_AFTER_S = 10, 0.2  # one client in ten leaves while the agents answer
FAILURES = ("ok", "500", "429", "401", "refused", "hang")
SEATS: tuple[str, ...] = ("one", "two", "three")
BATCH = 500  # runs compared at a time: nobody has to hold the record of all calls
SCRAPE_CACHE_S = 5.0  # of the platform's `/metrics`
RATE_PER_S, IN_FLIGHT = 20, 32
AUTHORISED_TOKENS = 4096  # `max_answer_tokens`, which no panel here sets
LOOK_UP_TIMEOUT_S = 10.0  # for the last run's calls, with all others of its batch before it
LOOK_AGAIN_S = 0.1
UNSETTLED = frozenset({"estimated", "interrupted"})
OVERHEAD_BAR_MS = 20.0
QUESTION = "Which sort is best for almost sorted lists, and why? ({number})"
METRICS_OFFSET = 12  # of the orchestrator's operations port, from the public one
_LAG_BUCKET = re.compile(
    r'^conclave_orchestrator_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE
)
_decode_record = msgspec.json.Decoder(RunRecord).decode


@dataclass(frozen=True, slots=True)
class Answered:
    """One run as its client saw it."""

    request_id: str
    wall_ms: float


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    options = _options()
    bars = Bars()
    with tempfile.TemporaryDirectory(prefix="conclave-bench-") as folder, simulator() as sim:
        sim.add_rules(*scenery.RULES)
        config = Path(folder) / "config" / "conclave.yaml"
        config.parent.mkdir()
        config.write_text(yaml.safe_dump(_configuration(sim)))
        with platform(Path(folder), config=config) as running:
            parts = {
                "loop": lambda: asyncio.run(_measure_loop(bars, running, sim, options.seconds)),
                "usage": lambda: asyncio.run(_measure_usage(bars, running, sim, options.runs)),
                "failing": lambda: asyncio.run(_measure_failing(bars, running, sim)),
                "hang-ups": lambda: _measure_hang_ups(bars, running, sim, options.hang_ups),
            }
            for name in [options.only] if options.only else parts:
                parts[name]()
    print(f"\nmissed: {'; '.join(bars.missed)}" if bars.missed else "\nevery bar is met")
    return 1 if bars.missed else 0


def _configuration(sim: Simulator) -> dict[str, Any]:
    """The system tests' scenes, and three panels with a dissenter: slow, quick, and left."""
    known = cast("dict[str, Any]", scenery.scenery(sim.base_url))
    personas = {
        "analyst": scenery.ANALYST,
        "engineer": scenery.ENGINEER,
        "dissenter": scenery.DISSENTER,
    }
    for name, profile in PROFILES.items():
        known["providers"][name] = {
            "kind": "openai-compatible",
            "base_url": f"{sim.url}/p/{profile}/v1",
            "max_concurrency": 4096,
            "usage_lookup": "/usage/{request_id}",
        }
        known["models"][f"{name}-model"] = {"provider": name, "upstream_model": "sim"}
        known["panels"][name] = scenery.panel(
            personas, models=dict.fromkeys(personas, f"{name}-model"), max_rounds=0
        )
    _add_failing(known, sim)
    return known


def _add_failing(known: dict[str, Any], sim: Simulator) -> None:
    """Every way in which each of three agents may fail or not, a panel each."""
    for name, url in (("dead", "http://127.0.0.1:1/v1"), ("failing", f"{sim.url}/v1")):
        known["providers"][name] = {
            "kind": "openai-compatible",
            "base_url": url,
            "first_byte_timeout_s": 0.5,
        }
    for how in FAILURES:
        known["models"][f"agent-{how}"] = {
            "provider": "dead" if how == "refused" else "failing",
            "upstream_model": "sim" if how == "ok" else f"agent-{how}@fault={how}",
        }
    for combination in itertools.product(FAILURES, repeat=len(SEATS)):
        agents = dict.fromkeys(SEATS, scenery.ANALYST)
        models = {seat: f"agent-{how}" for seat, how in zip(SEATS, combination, strict=True)}
        known["panels"][_failing_panel(combination)] = scenery.panel(agents, models=models)


def _failing_panel(combination: tuple[str, ...]) -> str:
    return "-".join(("failing", *combination))


async def _measure_loop(bars: Bars, running: Platform, sim: Simulator, seconds: float) -> None:
    async with _client(running) as client:
        await asyncio.gather(*(client.ask(QUICK) for _ in range(8)))
        load = os.getloadavg()[0]
        bars.heading(f"open loop: {RATE_PER_S} runs of 10 s a second for {seconds} s, load {load}")
        before, lags_before = sim.latest(), await client.loop_lags(running)
        used_before = _schedule(running)
        answered, most = await _open_loop(client, seconds)
        used = _schedule(running)
        await asyncio.sleep(SCRAPE_CACHE_S)
        lags = await client.loop_lags(running)
        records = await client.records(answered)
        calls = _by_request(sim.ended_calls(before))
        bars.note("load at the end", os.getloadavg()[0])
        for name, before_s, after_s in zip(("used", "waited for"), used_before, used, strict=True):
            bars.note(f"CPU that the orchestrator {name}", after_s - before_s, "s")
        _print_lags(bars, {bound: lags[bound] - lags_before[bound] for bound in lags})
        _print_overheads(bars, answered, records, calls, most)


def _schedule(running: Platform) -> tuple[float, float]:
    """Seconds that the orchestrator has had a CPU, and was ready but had none."""
    tasks = Path(f"/proc/{running.service('orchestrator').pid}/task").glob("*/schedstat")
    spent = [task.read_text().split() for task in tasks]
    return sum(int(ran) for ran, _, _ in spent) / 1e9, sum(int(w) for _, w, _ in spent) / 1e9


def _print_lags(bars: Bars, looks: dict[float, float]) -> None:
    """`looks`: how often the loop was at most so late, by the bounds of the histogram."""
    for share in (0.5, 0.95, 0.99, 0.999):
        bound_s = next((b for b, seen in looks.items() if seen >= share * looks[math.inf]), 0.0)
        bars.note(
            f"orchestrator's event loop late, p{share * 100:g}, at most", bound_s * 1000, "ms"
        )


async def _measure_usage(bars: Bars, running: Platform, sim: Simulator, runs: int) -> None:
    bars.heading(f"usage of {runs:,} runs against the vendor's own record")
    usage = _UsageCount()
    started_s = time.monotonic()
    async with _client(running) as client:
        for done in range(0, runs, BATCH):
            sim.forget()
            answered = await _closed_loop(client, min(BATCH, runs - done))
            records = await client.records(answered)
            usage.take_estimates(records)
            usage.compare(await client.settled(records), _by_request(sim.ended_calls(0)))
    bars.note("runs", usage.runs)
    bars.note("minutes", (time.monotonic() - started_s) / 60)
    usage.print(bars)


async def _measure_failing(bars: Bars, running: Platform, sim: Simulator) -> None:
    combinations = list(itertools.product(FAILURES, repeat=len(SEATS)))
    bars.heading(f"agents that fail, {len(combinations)} ways: {', '.join(FAILURES)} of three")
    async with _client(running) as client:
        places = asyncio.Semaphore(16)

        async def ask(combination: tuple[str, ...]) -> bool:
            async with places:
                status, body = await client.ask_whole(_failing_panel(combination))
            if "ok" in combination:
                return status == HTTPStatus.OK and bool(body["choices"][0]["message"]["content"])
            return status >= HTTPStatus.BAD_REQUEST and bool(body["error"]["type"])

        met = await asyncio.gather(*(ask(combination) for combination in combinations))
    wrong = [c for c, is_met in zip(combinations, met, strict=True) if not is_met]
    some = sum("ok" in combination for combination in combinations)
    bars.note("with at least one that answers", some)
    bars.note("with none", len(combinations) - some)
    bars.at_most("neither an answer from who is left nor a typed error", len(wrong), 0)
    bars.at_most("vendor calls still open", sim.active(), 0)
    for combination in wrong:
        print("   ", combination)


def _print_overheads(
    bars: Bars,
    answered: list[Answered],
    records: list[RunRecord],
    calls: dict[str, Call],
    most: int,
) -> None:
    beyond, own = list[float](), list[float]()
    for run, record in zip(answered, records, strict=True):
        path_ms = _busy_ms([calls[key] for key in _keys(record) if key in calls])
        beyond.append(run.wall_ms - path_ms)
        own.append((record.duration_ms or 0) - path_ms)
    bars.note("runs", len(answered))
    bars.note("runs in flight, most", most)
    bars.note("client's wall beyond the critical path, median", _share(beyond, 0.5), "ms")
    bars.note("orchestrator's own time, median", _share(own, 0.5), "ms")
    bars.at_most("orchestrator's own time, p95", _share(own, 0.95), OVERHEAD_BAR_MS, "ms")
    bars.at_most("wall beyond the critical path, p95", _share(beyond, 0.95), OVERHEAD_BAR_MS, "ms")


@dataclass
class _UsageCount:
    runs: int = 0
    compared: int = 0
    wrong: int = 0
    estimated: int = 0
    beyond: int = 0
    cut: int = 0
    inexact: int = 0
    unknown: int = 0
    unrecorded: int = 0

    def take_estimates(self, records: list[RunRecord]) -> None:
        """Those that no look-up has replaced yet: from what was received to what was authorised."""
        for call in (call for record in records for call in record.calls):
            if call.basis in UNSETTLED:
                self.estimated += 1
                received = int(call.first_token_ms is not None)
                self.beyond += not received <= call.usage.output_tokens <= AUTHORISED_TOKENS

    def compare(self, records: list[RunRecord], calls: dict[str, Call]) -> None:
        """Both sides of some runs, call by call."""
        self.runs += len(records)
        ours = [call for record in records for call in record.calls]
        for call in ours:
            seen = calls.pop(f"{call.call_id}.{call.attempt}", None)
            if seen is None:
                self.unknown += 1
            else:
                counted = (call.usage.input_tokens, call.usage.output_tokens)
                is_exact = counted == (seen.prompt_tokens, seen.completion_tokens)
                is_reported = call.basis == "reported"
                self.compared += is_reported
                self.wrong += is_reported and not is_exact
                self.cut += not is_reported
                self.inexact += call.basis in UNSETTLED or (not is_reported and not is_exact)
        self.unrecorded += len(calls)

    def print(self, bars: Bars) -> None:
        bars.note("calls compared", self.compared)
        bars.note("calls cut before their usage came", self.cut)
        bars.note("of those, still estimated when the record was first read", self.estimated)
        bars.at_most("estimates below what came or above what was allowed", self.beyond, 0)
        bars.at_most("cut calls not exact after look-up", self.inexact, 0)
        bars.at_most("calls whose usage is not the vendor's", self.wrong, 0)
        bars.at_most("calls the vendor does not know", self.unknown, 0)
        bars.at_most("vendor's calls that no run record has", self.unrecorded, 0)


def _measure_hang_ups(bars: Bars, running: Platform, sim: Simulator, times: int) -> None:
    bars.heading(f"hang-ups, {times} in each window, streamed and whole")
    waits_ms = [_hang_up_in_the_queue(running, sim, stream=n % 2 == 0) for n in range(times)]
    bars.at_most("while its calls wait for a place: run over, p99", *_p99(waits_ms))
    windows = {
        "before the first token": ("slow-answers", running_calls(3)),
        "while the agents answer": ("slow-middles", running_calls(3, with_tokens=True)),
        "in the ballot": ("slow-ballots", running_calls(3, kind="ballot")),
        "while presenting": (
            "slow-presentation",
            running_calls(1, kind="present", with_tokens=True),
        ),
    }
    for name, (model, window) in windows.items():
        waits_ms = list[float]()
        for number in range(times):
            before = sim.latest()
            with asking(running, model, stream=number % 2 == 0) as asked:
                reach(sim, before, window)
                gone_s = asked.hang_up()
            closed = [c for c in sim.ended_calls(before) if c.outcome == "client_closed"]
            waits_ms += [((call.ended_s or 0) - gone_s) * 1000 for call in closed]
        bars.at_most(f"{name}: sockets closed, p99", *_p99(waits_ms))
    bars.at_most("vendor calls still open", sim.active(), 0)


def _hang_up_in_the_queue(running: Platform, sim: Simulator, *, stream: bool) -> float:
    """How long a run goes on whose client left before any of its calls could."""
    before = sim.latest()
    with asking(running, "queued", stream=True) as first:
        reach(sim, before, running_calls(3))
        with asking(running, "queued", stream=stream) as second:
            eventually(lambda: runs_in_flight(running) == 2, 10, "both have begun")  # noqa: PLR2004
            gone_s = second.hang_up()
            eventually(lambda: runs_in_flight(running) == 1, 10, "one has ended")
            over_s = time.monotonic()
        first.hang_up()
    if len(sim.ended_calls(before)) != len(SEATS):
        raise RuntimeError("calls left for a run whose client was gone")
    return (over_s - gone_s) * 1000


def _p99(waits_ms: list[float]) -> tuple[float, float, str]:
    return _share(waits_ms, 0.99), BAR_S * 1000, "ms"


# ---------------------------------------------------------------------------------------- client


@dataclass
class Client:
    session: aiohttp.ClientSession
    base_url: str
    asked: int = 0

    async def ask(self, model: str) -> Answered:
        """One question, streamed to its end."""
        self.asked += 1
        text = QUESTION.format(number=self.asked)
        body = {
            "model": model,
            "stream": True,
            "messages": [{"role": "user", "content": text}],
        }
        started_s = time.monotonic()
        async with self.session.post(f"{self.base_url}/chat/completions", json=body) as response:
            answer = await response.read()
        ended_s = time.monotonic()
        if response.status != HTTPStatus.OK or not answer.endswith(b"data: [DONE]\n\n"):
            raise RuntimeError(f"HTTP {response.status}: {answer[-500:]!r}")
        return Answered(response.headers["x-request-id"], (ended_s - started_s) * 1000)

    async def leave(self, model: str) -> Answered:
        """One question, whose client hangs up in the middle of the agents' answers."""
        self.asked += 1
        messages = [{"role": "user", "content": QUESTION.format(number=self.asked)}]
        body = {"model": model, "stream": True, "messages": messages}
        started_s = time.monotonic()
        async with self.session.post(f"{self.base_url}/chat/completions", json=body) as response:
            await response.content.readany()
            await asyncio.sleep(LEFT_AFTER_S)
            response.close()
        wall_ms = (time.monotonic() - started_s) * 1000
        return Answered(response.headers["x-request-id"], wall_ms)

    async def ask_whole(self, model: str) -> tuple[int, dict[str, Any]]:
        """One question, not streamed; the status and the body, whatever they are."""
        self.asked += 1
        text = QUESTION.format(number=self.asked)
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        async with self.session.post(f"{self.base_url}/chat/completions", json=body) as response:
            return response.status, await response.json()

    async def records(self, answered: list[Answered]) -> list[RunRecord]:
        """Each run's record."""
        records: list[RunRecord] = []
        for run in answered:
            records.append(await self._record(run.request_id))  # noqa: PERF401 - one at a time
        return records

    async def settled(self, records: list[RunRecord]) -> list[RunRecord]:
        """The records once no call waits for the vendor's word, or as they are when time is up."""
        deadline_s = time.monotonic() + LOOK_UP_TIMEOUT_S
        settled: list[RunRecord] = []
        for known in records:
            record = known
            while _is_unsettled(record) and time.monotonic() < deadline_s:
                await asyncio.sleep(LOOK_AGAIN_S)
                record = await self._record(record.request_id)
            settled.append(record)
        return settled

    async def loop_lags(self, running: Platform) -> dict[float, float]:
        """How often the orchestrator's loop was at most so late, by bound in seconds."""
        url = f"http://127.0.0.1:{running.port + METRICS_OFFSET}/metrics"
        async with self.session.get(url) as response:
            page = await response.text()
        return {float(bound): float(seen) for bound, seen in _LAG_BUCKET.findall(page)}

    async def _record(self, request_id: str) -> RunRecord:
        async with self.session.get(f"{self.base_url}/conclave/runs/{request_id}") as response:
            body = await response.read()
        if response.status != HTTPStatus.OK:
            raise RuntimeError(f"HTTP {response.status}: {json.loads(body)}")
        return _decode_record(body)


@asynccontextmanager
async def _client(running: Platform) -> AsyncGenerator[Client]:
    headers = {"authorization": f"Bearer {running.api_key}"}
    timeout = aiohttp.ClientTimeout(total=120)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        headers=headers, timeout=timeout, connector=connector
    ) as session:
        yield Client(session, running.base_url)


async def _open_loop(client: Client, seconds: float) -> tuple[list[Answered], int]:
    """Start runs at the rate, whatever becomes of earlier ones; and the most in flight at once."""
    answered: list[Answered] = []
    in_flight = most = 0

    async def one() -> None:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        answered.append(await client.ask(SLOW))
        in_flight -= 1

    started_s = time.monotonic()
    async with asyncio.TaskGroup() as runs:
        for number in range(round(RATE_PER_S * seconds)):
            await asyncio.sleep(started_s + number / RATE_PER_S - time.monotonic())
            runs.create_task(one())
    return answered, most


async def _closed_loop(client: Client, count: int) -> list[Answered]:
    left = iter(range(count))
    answered: list[Answered] = []

    async def one_after_another() -> None:
        for number in left:
            leaves = number % LEFT_EVERY == LEFT_EVERY - 1
            answered.append(await (client.leave(LEFT) if leaves else client.ask(QUICK)))

    async with asyncio.TaskGroup() as clients:
        for _ in range(IN_FLIGHT):
            clients.create_task(one_after_another())
    return answered


# --------------------------------------------------------------------------------------- figures


def _by_request(calls: list[Call]) -> dict[str, Call]:
    return {call.request_id: call for call in calls if call.request_id is not None}


def _is_unsettled(record: RunRecord) -> bool:
    return record.status == "in_progress" or any(call.basis in UNSETTLED for call in record.calls)


def _keys(record: RunRecord) -> list[str]:
    return [f"{call.call_id}.{call.attempt}" for call in record.calls]


def _busy_ms(calls: list[Call]) -> float:
    spans = sorted((call.started_s, call.ended_s or call.started_s) for call in calls)
    busy_s = until_s = 0.0
    for start_s, end_s in spans:
        busy_s += max(0.0, end_s - max(start_s, until_s))
        until_s = max(until_s, end_s)
    return busy_s * 1000


def _share(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The bars of coordination on the real engine.")
    parser.add_argument("--seconds", type=float, default=25)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--hang-ups", type=int, default=10)
    parser.add_argument("--only", choices=["loop", "usage", "failing", "hang-ups"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
