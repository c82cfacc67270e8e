"""What tests of the supervisor stand in for: services and a terminal."""

import io
import time
from dataclasses import dataclass, field
from typing import Protocol

import psutil

from conclave_cli.console import Console
from conclave_cli.supervised_service import ServicePlan


class MakePlan(Protocol):
    """A plan that runs `fake_service.py` with these steps, on a port of its own."""

    def __call__(
        self,
        name: str,
        *steps: str,
        migrate: tuple[str, ...] = (),
        needs: frozenset[str] = frozenset(),
    ) -> ServicePlan: ...


@dataclass
class Screen:
    """A console and what was written to it."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        self.console = Console(self.stream, colour=False, names=("conclave",))

    def text(self) -> str:
        """Everything so far; the console is closed by it."""
        self.console.__exit__()
        return self.stream.getvalue()


def ended_within_s(pid: int, timeout_s: float) -> bool:
    """Gone, or dead and waiting to be reaped by whoever adopted it."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
    return False
