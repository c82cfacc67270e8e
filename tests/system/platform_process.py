"""`conclave run` as a process: on free ports, with a state directory of its own."""

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from conclave_cli.settings import inherited_environment

READY = "Conclave is ready"
START_TIMEOUT_S = 60.0
_OFFSETS = (0, 1, 2, 10, 12, 20, 22, 90)
_INHERITED = (
    "PATH",
    "PYTHONPATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SSL_CERT_FILE",
    "VIRTUAL_ENV",
)


class PlatformError(Exception):
    """The platform did not do what the test needs; the message holds its output."""


@dataclass
class Platform:
    """A running installation. `output` grows while it runs."""

    process: subprocess.Popen[str]
    port: int
    state_dir: Path
    output: list[str] = field(default_factory=list[str])
    _reader: threading.Thread | None = None
    _grown: threading.Condition = field(default_factory=threading.Condition)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def api_key(self) -> str:
        return (self.state_dir / "api-key").read_text().strip()

    @property
    def ports(self) -> list[int]:
        return [self.port + offset for offset in _OFFSETS]

    def service(self, module: str) -> psutil.Process:
        """The process that runs `python -m module` now."""
        for child in psutil.Process(self.process.pid).children():
            if child.cmdline()[1:3] == ["-m", module]:
                return child
        raise PlatformError(f"no process runs {module}:\n{self.text()}")

    def processes(self) -> list[psutil.Process]:
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def text(self) -> str:
        return "".join(self.output)

    def read_output(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._add(line)
        self._add("")

    def _add(self, line: str) -> None:
        with self._grown:
            self.output.append(line)
            self._grown.notify_all()

    def wait_for_output(self, wanted: str, timeout_s: float, *, after: int = 0) -> None:
        """Until a line after the first `after` ones holds `wanted`."""

        def seen() -> bool:
            return any(wanted in line for line in self.output[after:])

        deadline_s = time.monotonic() + timeout_s
        with self._grown:
            while not seen():
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or (self.process.poll() is not None and not self._reading()):
                    raise PlatformError(f"never said {wanted!r}:\n{self.text()}")
                self._grown.wait(min(left_s, 0.5))

    def _reading(self) -> bool:
        return self._reader is not None and self._reader.is_alive()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self, timeout_s: float) -> int:
        """Wait for its end and the last of its output; the exit status."""
        returncode = self.process.wait(timeout_s)
        if self._reader is not None:
            self._reader.join(5)
        return returncode


@contextmanager
def platform(
    root: Path, *, config: Path | None = None, environment: Mapping[str, str] | None = None
) -> Generator[Platform]:
    """A ready installation; nothing of it is left behind.

    Raises:
        PlatformError: it did not become ready.
    """
    started = launch(root, config=config, environment=environment)
    try:
        started.wait_for_output(READY, START_TIMEOUT_S)
        yield started
    finally:
        _end_everything(started)


def launch(
    root: Path,
    *,
    port: int | None = None,
    config: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Platform:
    """Start it and read its output, without waiting for anything."""
    chosen = free_block() if port is None else port
    inherited = inherited_environment()
    told = {name: inherited[name] for name in _INHERITED if name in inherited}
    told |= {
        "CONCLAVE_PORT": str(chosen),
        "CONCLAVE_STATE_DIR": str(root / "state"),
        **({"CONCLAVE_CONFIG": str(config)} if config is not None else {}),
        **(environment or {}),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "conclave_cli", "run"],
        cwd=root,
        env=told,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    started = Platform(process, chosen, root / "state")
    started.read_output()
    return started


def _end_everything(started: Platform) -> None:
    if started.process.poll() is None:
        started.interrupt()
    try:
        started.end(10)
    except subprocess.TimeoutExpired:
        started.process.kill()
        started.end(10)
    finally:
        assert started.process.stdout is not None
        started.process.stdout.close()


def free_block() -> int:
    """A base port whose whole block is free now."""
    for _ in range(200):
        base = random.randrange(20_000, 32_000, 100)  # noqa: S311 - below the ephemeral range
        if all(is_free(base + offset) for offset in _OFFSETS):
            return base
    raise PlatformError("no block of free ports found")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def eventually(holds: Callable[[], bool], timeout_s: float, what: str) -> float:
    """Until `holds`; how long it took.

    Raises:
        PlatformError: it did not within `timeout_s`.
    """
    started_s = time.monotonic()
    while not holds():
        if time.monotonic() - started_s > timeout_s:
            raise PlatformError(f"not within {timeout_s:g} s: {what}")
        time.sleep(0.01)
    return time.monotonic() - started_s


def is_gone(process: psutil.Process) -> bool:
    """Ended, or dead and waiting to be reaped by whoever adopted it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
