"""Measures what the gateway adds to a single model, against a bare pass-through in the same run.

    make bench-gateway BENCH_ARGS="--tools DIR"
    make bench-gateway BENCH_ARGS="--tools DIR --rounds 5 --only ns_c16,big_c4"

DIR holds `src/stub.c` (a vendor that costs nothing), `src/load.c` (the load generator) and
`variants/asgi_aiohttp.py`: the reference, an ASGI callable that posts the body on and passes the
answer back, with nothing of what a gateway is for. Both C files are compiled by gcc.

Vendor and load share the first core, reference and gateway the second. In every round each case
goes to the vendor directly, through the reference and through the gateway, one right after the
other; the table shows medians over the rounds. CPU is what the kernel charged to a process, and so
hardly minds a busy machine; latencies do mind: the load average stands beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.system.platform_process import eventually, free_block  # noqa: E402  path set above

PATH = "/v1/chat/completions"
START_TIMEOUT_S = 30.0
CHUNKS = 64
EVENTS = CHUNKS + 3  # role, finish reason and usage beside the text
VENDOR_CORE, GATEWAY_CORE = "0", "1"


@dataclass(frozen=True, slots=True)
class Case:
    """`profile` tells the vendor: chunks, microseconds between them, and before the first."""

    name: str
    profile: str
    clients: int
    streams: bool = False
    large: bool = False


CASES = (
    Case("ns_c1", "stub-c64-i0-d0", 1),
    Case("ns_c16", "stub-c64-i0-d0", 16),
    Case("ns_c64", "stub-c64-i0-d0", 64),
    Case("big_c4", "stub-c64-i0-d0", 4, large=True),
    Case("st_c1", "stub-c64-i2000-d0", 1, streams=True),
    Case("st_c16", "stub-c64-i20000-d0", 16, streams=True),
    Case("blast_c4", "stub-c64-i0-d0", 4, streams=True),
)


@dataclass(frozen=True, slots=True)
class Target:
    """Somewhere to send the load. `pid`: whose CPU is charged."""

    name: str
    port: int
    pid: int
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    answered: int
    failed: int
    per_s: float
    cpu_us: float
    latency_us: float
    first_token_us: float


class _Spread(msgspec.Struct):
    p50: float = 0.0


class _Said(msgspec.Struct):
    """The load generator's account of itself."""

    ok: int
    bad: int
    rps: float
    lat_us: _Spread = msgspec.field(default_factory=_Spread)
    ttft_us: _Spread = msgspec.field(default_factory=_Spread)


Samples = dict[tuple[str, str], list[Sample]]


def main(arguments: Sequence[str]) -> int:
    """Print the table; 1 when a bar is missed, 2 when it cannot be measured."""
    chosen = _arguments(arguments)
    tools: Path | None = chosen.tools
    if tools is None or not (tools / "src" / "stub.c").is_file():
        print("bench-gateway: name the folder of stub, load generator and reference:")
        print('  make bench-gateway BENCH_ARGS="--tools DIR"')
        return 2
    wanted = [case for case in CASES if not chosen.only or case.name in chosen.only.split(",")]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="conclave-bench-")))
        build(tools, folder)
        targets = _start_all(tools, folder, stack)
        samples = _measure(folder, targets, wanted, chosen.rounds, chosen.seconds)
        rss_mb = psutil.Process(targets[-1].pid).memory_info().rss / 1e6
    return report(samples, rss_mb)


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-gateway")
    parser.add_argument("--tools", type=Path, help="folder of stub, load generator and reference")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each case in each round")
    parser.add_argument("--only", default="", help="cases, separated by commas")
    return parser.parse_args(arguments)


# --------------------------------------------------------------------------------------- scene


def build(tools: Path, folder: Path) -> None:
    """Compile vendor and load generator into the folder."""
    for name in ("stub", "load"):
        source = tools / "src" / f"{name}.c"
        subprocess.run(["gcc", "-O2", "-o", str(folder / name), str(source)], check=True)


def _start_all(tools: Path, folder: Path, stack: ExitStack) -> list[Target]:
    stub_port = free_block()
    stub = stack.enter_context(
        _process([str(folder / "stub"), str(stub_port)], VENDOR_CORE, stub_port, {})
    )
    # Each time after the one before listens, so that no block is found free twice.
    port = free_block()
    environment = {
        "UPSTREAM": f"http://127.0.0.1:{stub_port}",
        "PYTHONPATH": str(tools / "variants"),
    }
    reference = stack.enter_context(_process(_uvicorn(port), GATEWAY_CORE, port, environment))
    return [
        Target("vendor", stub_port, stub.pid),
        Target("reference", port, reference.pid),
        stack.enter_context(_gateway(folder, stub_port)),
    ]


def _uvicorn(port: int) -> list[str]:
    where = ["--host", "127.0.0.1", "--port", str(port), "--timeout-keep-alive", "120"]
    how = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", *where, *how, "asgi_aiohttp:app"]


@contextmanager
def _gateway(folder: Path, vendor_port: int) -> Generator[Target]:
    """As the supervisor starts it: access log and metrics on."""
    key, port = f"sk-{secrets.token_hex(24)}", free_block()
    (folder / "key").write_text(key)
    for name in ("pepper", "token"):
        (folder / name).write_text(secrets.token_hex(24))
    configuration = {
        "version": 1,
        "providers": {
            "stub": {
                "kind": "openai-compatible",
                "base_url": f"http://127.0.0.1:{vendor_port}/v1",
                "max_concurrency": 1024,
            }
        },
        "models": {name: {"provider": "stub"} for name in sorted({c.profile for c in CASES})},
    }
    (folder / "conclave.yaml").write_text(json.dumps(configuration))  # JSON is YAML
    environment = {
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "GATEWAY_ADMIN_PORT": str(port + 1),
        "GATEWAY_METRICS_PORT": str(port + 2),
        "GATEWAY_DATABASE_URL": f"sqlite:///{folder / 'gateway.sqlite3'}",
        "GATEWAY_CONFIG_PATH": str(folder / "conclave.yaml"),
        "GATEWAY_KEY_PEPPER_FILE": str(folder / "pepper"),
        "GATEWAY_BOOTSTRAP_KEY_FILE": str(folder / "key"),
        "GATEWAY_INSTALLATION_TOKEN_FILE": str(folder / "token"),
        "PYTHONOPTIMIZE": "2",
    }
    command = [sys.executable, "-m", "api_gateway"]
    told = {**os.environ, **environment}
    subprocess.run([*command, "migrate"], env=told, stdout=subprocess.DEVNULL, check=True)
    with _process(command, GATEWAY_CORE, port, environment) as process:
        yield Target("gateway", port, process.pid, (f"authorization: Bearer {key}",))


@contextmanager
def _process(
    command: Sequence[str], core: str, port: int, environment: Mapping[str, str]
) -> Generator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        ["taskset", "-c", core, *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: _listens(port), START_TIMEOUT_S, f"{command[0]} on port {port}")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def _listens(port: int) -> bool:
    return any(
        each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
        for each in psutil.net_connections("tcp4")
    )


# ------------------------------------------------------------------------------------- measure


def _measure(
    folder: Path, targets: list[Target], cases: list[Case], rounds: int, seconds: float
) -> Samples:
    samples: Samples = {}
    for number in range(rounds):
        for case in cases:
            body = folder / f"{case.name}.json"
            body.write_text(json.dumps(_body(case)))
            for target in targets:
                _load(folder, target, case, body, min(seconds / 4, 0.3))  # pools and caches
                sample = _sample(folder, target, case, body, seconds)
                samples.setdefault((case.name, target.name), []).append(sample)
        print(f"round {number + 1} of {rounds}: load average {os.getloadavg()[0]:.1f}", flush=True)
    return samples


def _sample(folder: Path, target: Target, case: Case, body: Path, seconds: float) -> Sample:
    before_s = cpu_s(target.pid)
    said = _load(folder, target, case, body, seconds)
    used_s = cpu_s(target.pid) - before_s
    return Sample(
        answered=said.ok,
        failed=said.bad,
        per_s=said.rps,
        cpu_us=used_s * 1e6 / max(1, said.ok),
        latency_us=said.lat_us.p50,
        first_token_us=said.ttft_us.p50,
    )


def _load(folder: Path, target: Target, case: Case, body: Path, seconds: float) -> _Said:
    command = [
        "taskset",
        "-c",
        VENDOR_CORE,
        str(folder / "load"),
        "-p",
        str(target.port),
        "-u",
        PATH,
    ]
    command += ["-c", str(case.clients), "-t", str(seconds), "-w", "0", "-b", str(body)]
    command += ["-e", str(CHUNKS if case.streams else 1)]
    for header in target.headers:
        command += ["-H", header]
    done = subprocess.run(command, capture_output=True, check=True, timeout=seconds + 60)
    return msgspec.json.decode(done.stdout, type=_Said)


def _body(case: Case) -> dict[str, object]:
    turns = ["Say hello to the whole organisation in one short sentence."]
    if case.large:
        text = "The quick brown fox jumps over the lazy dog near the river bank; " * 7
        turns = [f"Turn {number}: {text}" for number in range(199)]
    messages = [{"role": "system", "content": "You are a helpful assistant."}]
    messages += [
        {"role": "assistant" if number % 2 else "user", "content": turn}
        for number, turn in enumerate(turns)
    ]
    body: dict[str, object] = {"model": case.profile, "messages": messages, "temperature": 0.7,
                               "max_tokens": 128}  # fmt: skip
    if case.streams:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def cpu_s(pid: int) -> float:
    """What the kernel has charged to all threads of the process so far."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


# -------------------------------------------------------------------------------------- report


class Table:
    """Lines as they come, and whether a bar was missed."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self.missed: list[str] = []

    def of(self, case: str, target: str, value: Callable[[Sample], float]) -> float:
        return statistics.median(map(value, self._samples[case, target]))

    def has(self, case: str) -> bool:
        return (case, "gateway") in self._samples

    def line(self, what: str, value: float, unit: str, bar: float, detail: str = "") -> None:
        """A figure that may not be larger than its bar."""
        self._line(what, value, unit, f"<= {bar:g}", detail, met=value <= bar)

    def least(self, what: str, value: float, unit: str, bar: float, detail: str = "") -> None:
        self._line(what, value, unit, f">= {bar:g}", detail, met=value >= bar)

    def _line(
        self, what: str, value: float, unit: str, bar: str, detail: str, *, met: bool
    ) -> None:
        verdict = "met   " if met else "MISSED"
        print(f"  {what:<46} {value:>8.2f} {unit:<3} {bar:<8} {verdict}  {detail}")
        if not met:
            self.missed.append(what)


def report(samples: Samples, rss_mb: float) -> int:
    """Print what the samples show; 1 when a bar is missed."""
    table = Table(samples)
    print(f"\nadded by the gateway to a single model (load average {os.getloadavg()[0]:.1f})")
    for case, what, bar in (
        ("ns_c16", "CPU a request, over the reference", 1.6),
        ("big_c4", "CPU a request of 100 KB, over the reference", 1.4),
    ):
        if table.has(case):
            _report_cpu(table, case, what, bar)
    if table.has("ns_c1"):
        added, detail = _added(table, "ns_c1", lambda sample: sample.latency_us)
        table.line("added latency, p50, one client", added, "ms", 0.5, detail)
    if table.has("st_c1"):
        added, detail = _added(table, "st_c1", lambda sample: sample.first_token_us)
        table.line("added time to first token, p50, one client", added, "ms", 0.8, detail)
    if table.has("st_c16"):
        ours, bare = (_event_us(table, "st_c16", name) for name in ("gateway", "reference"))
        table.line(
            "CPU a streamed event, 16 paced streams", ours, "us", 60, f"reference {bare:.1f}"
        )
    if table.has("blast_c4"):
        ours, bare = (_event_us(table, "blast_c4", name) for name in ("gateway", "reference"))
        print(f"  {'CPU an event of unpaced streams':<46} {ours:>8.2f} us  reference {bare:.1f}")
    if table.has("ns_c64"):
        ours, bare = (_rate(table, "ns_c64", name) for name in ("gateway", "reference"))
        detail = f"{ours:.0f}/s of {bare:.0f}/s"
        table.least("throughput at 64 clients, of the reference's", ours / bare, "x", 0.6, detail)
    table.line("memory after the load", rss_mb, "MB", 90)
    failed = sum(sample.failed for series in samples.values() for sample in series)
    table.line("answers that were not whole", failed, "", 0)
    print(f"missed: {', '.join(table.missed)}" if table.missed else "every bar is met")
    return 1 if table.missed else 0


def _report_cpu(table: Table, case: str, what: str, bar: float) -> None:
    ours = table.of(case, "gateway", lambda sample: sample.cpu_us)
    bare = table.of(case, "reference", lambda sample: sample.cpu_us)
    table.line(what, ours / bare, "x", bar, f"{ours:.0f} us against {bare:.0f} us")


def _added(table: Table, case: str, value: Callable[[Sample], float]) -> tuple[float, str]:
    """Milliseconds over the vendor itself."""
    direct, bare, ours = (
        table.of(case, name, value) for name in ("vendor", "reference", "gateway")
    )
    return (ours - direct) / 1000, f"the reference adds {(bare - direct) / 1000:.2f} ms"


def _event_us(table: Table, case: str, target: str) -> float:
    return table.of(case, target, lambda sample: sample.cpu_us) / EVENTS


def _rate(table: Table, case: str, target: str) -> float:
    return table.of(case, target, lambda sample: sample.per_s)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
