"""What one request passed through costs the gateway, in this tree and in an earlier one, paired.

    git worktree add --detach ../before COMMIT
    make bench-versions BENCH_ARGS=../before
    make bench-versions BENCH_ARGS="../before --rounds 20 --requests 300"

Both gateways run side by side before one provider-sim, each with the libraries of its own tree. In
every round each case goes to one and then to the other, and the next round begins with the other.
CPU is what the kernel charged to the gateway's process, in nanoseconds: it hardly minds a busy
machine. The last column is the median over the rounds of what the rounds' two figures say.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.system.platform_process import eventually, free_block, is_free  # noqa: E402  path
from tests.system.simulator_process import simulator  # noqa: E402  path set above

SOURCES = ("libs/*/src", "services/*/src")
START_TIMEOUT_S = 30.0
CLIENTS = 8
CONFIGURATION = """\
version: 1
providers: {{sim: {{kind: openai-compatible, base_url: "{sim}"}}}}
models: {{sim: {{provider: sim, upstream_model: "sim@tokens=64"}}}}
"""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    streams: bool
    prompt_bytes: int

    def body(self) -> dict[str, object]:
        text = ("Tell me of the sea. " * (self.prompt_bytes // 20 + 1))[: self.prompt_bytes]
        return {
            "model": "sim",
            "messages": [{"role": "user", "content": text}],
            "stream": self.streams,
        }


CASES = (
    Case("whole answer", streams=False, prompt_bytes=100),
    Case("stream", streams=True, prompt_bytes=100),
    Case("whole answer, 100 KB asked", streams=False, prompt_bytes=100_000),
)


@dataclass(frozen=True, slots=True)
class Gateway:
    url: str
    key: str
    pid: int

    def cpu_ns(self) -> int:
        """On the CPU so far, all threads together."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks)


def main() -> int:
    """Print the table."""
    options = _options()
    with ExitStack() as stack:
        sim = stack.enter_context(simulator())
        trees = (options.before.resolve(), ROOT)
        gateways = [stack.enter_context(_gateway(tree, sim.base_url)) for tree in trees]
        figures = asyncio.run(_measure(gateways, options.rounds, options.requests))
    _print(figures, options.rounds * options.requests)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_formatter())
    parser.add_argument("before", type=Path, help="the earlier tree")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--requests", type=int, default=250, help="of each case in each round")
    return parser.parse_args()


def _formatter() -> type[argparse.HelpFormatter]:
    return argparse.RawDescriptionHelpFormatter


async def _measure(
    gateways: list[Gateway], rounds: int, requests: int
) -> dict[str, list[tuple[float, float]]]:
    """Microseconds a request, before and after, of every round."""
    found: dict[str, list[tuple[float, float]]] = {case.name: [] for case in CASES}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        for gateway in gateways:
            for case in CASES:
                await _drive(session, gateway, case, CLIENTS * 10)  # warm
        for turn in range(rounds):
            for case in CASES:
                spent = [0.0, 0.0]
                for which in (0, 1) if turn % 2 else (1, 0):
                    gateway = gateways[which]
                    before_ns = gateway.cpu_ns()
                    await _drive(session, gateway, case, requests)
                    spent[which] = (gateway.cpu_ns() - before_ns) / requests / 1000
                found[case.name].append((spent[0], spent[1]))
    return found


async def _drive(
    session: aiohttp.ClientSession, gateway: Gateway, case: Case, requests: int
) -> None:
    """So many requests, a few at a time.

    Raises:
        RuntimeError: one was not answered.
    """
    body, left = case.body(), iter(range(requests))
    headers = {"authorization": f"Bearer {gateway.key}"}
    url = f"{gateway.url}/v1/chat/completions"

    async def client() -> None:
        for _ in left:
            async with session.post(url, json=body, headers=headers) as response:
                answer = await response.read()
                whole = answer.endswith(b"[DONE]\n\n") if case.streams else b'"choices"' in answer
                if response.status != HTTPStatus.OK or not whole:
                    raise RuntimeError(f"{gateway.url}: {response.status} {answer[-200:]!r}")

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())


def _print(figures: Mapping[str, list[tuple[float, float]]], requests: int) -> None:
    load = os.getloadavg()[0]
    print(f"CPU of the gateway per request, {requests} requests a case, load {load:.1f}")
    print(f"{'case':<28}{'before':>11}{'after':>11}{'after/before':>14}")
    for name, rounds in figures.items():
        before = statistics.median(first for first, _ in rounds)
        after = statistics.median(last for _, last in rounds)
        ratio = statistics.median(last / first for first, last in rounds)
        print(f"{name:<28}{before:>8.0f} us{after:>8.0f} us{ratio:>14.3f}")


@contextmanager
def _gateway(tree: Path, sim: str) -> Generator[Gateway]:
    """A gateway of that tree alone; nobody asks for its orchestrator."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, base = Path(name), free_block()
        environment = _environment(tree, folder, base)
        (folder / "conclave.yaml").write_text(CONFIGURATION.format(sim=sim))
        key = "sk-conclave-" + secrets.token_hex(20)
        for file, text in {"key": key, "pepper": "p" * 40, "token": "t" * 40}.items():
            (folder / file).write_text(text)
        command = [sys.executable, "-m", "api_gateway"]
        quiet = subprocess.DEVNULL
        subprocess.run([*command, "migrate"], env=environment, stdout=quiet, check=True)
        process = subprocess.Popen([*command, "serve"], env=environment, stdout=quiet)
        stack.callback(process.wait, 20)
        stack.callback(process.terminate)
        eventually(lambda: not is_free(base), START_TIMEOUT_S, f"the gateway of {tree} listens")
        yield Gateway(f"http://127.0.0.1:{base}", key, process.pid)


def _environment(tree: Path, folder: Path, base: int) -> dict[str, str]:
    sources = [str(path) for pattern in SOURCES for path in sorted(tree.glob(pattern))]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sources),
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(base),
        "GATEWAY_ADMIN_PORT": str(base + 1),
        "GATEWAY_METRICS_PORT": str(base + 2),
        "GATEWAY_DATABASE_URL": f"sqlite:///{folder / 'gateway.sqlite3'}",
        "GATEWAY_CONFIG_PATH": str(folder / "conclave.yaml"),
        "GATEWAY_KEY_PEPPER_FILE": str(folder / "pepper"),
        "GATEWAY_BOOTSTRAP_KEY_FILE": str(folder / "key"),
        "GATEWAY_INSTALLATION_TOKEN_FILE": str(folder / "token"),
    }


if __name__ == "__main__":
    sys.exit(main())
