import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from cli.tests.doubles import ended_within_s
from conclave_cli import exit_codes

PROGRAM = Path(__file__).with_name("supervised_program.py")


@dataclass
class Started:
    """A supervisor as a process; its lines are read up to and including READY."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list[str])

    def read_until_ready(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line == "READY\n":
                return

    def services(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> int:
        rest, _ = self.process.communicate(timeout=10)
        self.lines += rest.splitlines()
        return self.process.returncode


@contextmanager
def started(*services: str) -> Generator[Started]:
    command = [sys.executable, str(PROGRAM), *services]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    try:
        running = Started(process)
        running.read_until_ready()
        yield running
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.mark.requirement("cli:stop-within-5s")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_ends_all_in_order_and_is_a_success(
    free_port: Callable[[], int], number: signal.Signals
):
    with started(f"gateway:{free_port()}:", f"compactor:{free_port()}:") as running:
        services = running.services()

        running.process.send_signal(number)

        assert running.end() == exit_codes.OK
    assert len(services) == 2
    assert all(ended_within_s(service.pid, 0.5) for service in services)
    assert running.lines[-2] == "conclave  | stopping; once more to kill"
    assert running.lines[-1].startswith("conclave  | stopped after")


def test_a_second_signal_does_not_wait_for_the_deaf(free_port: Callable[[], int]):
    with started(f"gateway:{free_port()}:deaf,spawn") as running:
        services = running.services()
        asked_s = time.monotonic()

        running.process.send_signal(signal.SIGINT)
        assert running.process.stdout is not None
        while "once more to kill" not in running.process.stdout.readline():
            pass
        running.process.send_signal(signal.SIGINT)

        assert running.end() == exit_codes.KILLED
    assert time.monotonic() - asked_s < 2
    assert len(services) == 2
    assert all(ended_within_s(service.pid, 0.5) for service in services)


def test_notes_come_before_the_services(free_port: Callable[[], int]):
    with started(f"gateway:{free_port()}:") as running:
        pass

    assert running.lines == [
        "conclave | warning: mind the gap",
        "conclave | starting gateway",
        "READY",
    ]


def test_a_service_that_cannot_start_is_a_failure(free_port: Callable[[], int]):
    with started(f"gateway:{free_port()}:say:sorry,exit:3") as running:
        assert running.end() == exit_codes.FAILED

    assert "gateway  | sorry" in running.lines
