"""Which ports `conclave run` needs, and whether they are free."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from conclave_cli.errors import PortTakenError

LOOPBACK = "127.0.0.1"
_HIGHEST_OFFSET = 90  # provider-sim's
HIGHEST_BASE = 65535 - _HIGHEST_OFFSET


@dataclass(frozen=True, slots=True)
class PortBlock:
    """Every port of one installation on one machine, counted from the public one."""

    base: int

    @property
    def gateway(self) -> int:
        return self.base

    @property
    def gateway_admin(self) -> int:
        return self.base + 1

    @property
    def gateway_metrics(self) -> int:
        return self.base + 2

    @property
    def orchestrator(self) -> int:
        return self.base + 10

    @property
    def orchestrator_metrics(self) -> int:
        return self.base + 12

    @property
    def compactor(self) -> int:
        return self.base + 20

    @property
    def compactor_metrics(self) -> int:
        return self.base + 22

    @property
    def provider_sim(self) -> int:
        return self.base + _HIGHEST_OFFSET

    def named(self, *, with_sim: bool) -> dict[str, int]:
        """What each port is for, for messages."""
        ports = {
            "the public endpoint": self.gateway,
            "the admin API": self.gateway_admin,
            "the gateway's metrics": self.gateway_metrics,
            "the orchestrator": self.orchestrator,
            "the orchestrator's metrics": self.orchestrator_metrics,
            "the compactor": self.compactor,
            "the compactor's metrics": self.compactor_metrics,
        }
        return {**ports, "provider-sim": self.provider_sim} if with_sim else ports


def require_free(ports: dict[str, int], *, variable: str = "CONCLAVE_PORT") -> None:
    """Try every port once, before anything starts.

    Raises:
        PortTakenError: names each taken port, what it is for, and the remedy.
    """
    taken = [f"{LOOPBACK}:{port} ({purpose})" for purpose, port in ports.items() if _taken(port)]
    if not taken:
        return
    block = f"{min(ports.values())} to {max(ports.values())}"
    raise PortTakenError(
        f"already in use: {', '.join(taken)}. `conclave run` takes ports from {block}; stop the "
        f"other program, or choose another block, e.g. {variable}={_suggestion(ports)} conclave run"
    )


def _taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers bind: a port in TIME_WAIT counts as free, one that listens does not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return True
            raise
    return False


def _suggestion(ports: dict[str, int]) -> int:
    """The next base, in steps of 100, whose whole block is free."""
    base = min(ports.values())
    offsets = [port - base for port in ports.values()]
    for candidate in range(base + 100, HIGHEST_BASE, 100):
        if not any(_taken(candidate + offset) for offset in offsets):
            return candidate
    return 20000
