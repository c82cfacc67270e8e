"""One line per request, without a word of its content, written in batches.

Going through `logging` for each request would cost a tenth of a pass-through's CPU. Lines wait at
most `FLUSH_INTERVAL_S`; they look like every other record of the process.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TextIO

import orjson

if TYPE_CHECKING:
    from api_gateway.routes.exchange import Exchange
    from service_kit.clock import Clock
    from service_kit.logging import Logger

FLUSH_INTERVAL_S = 0.1
# A collector that stopped reading must cost lines, not memory.
MAX_WAITING = 10_000


class AccessLog(Protocol):
    """Where the line about a request goes."""

    def write(self, exchange: Exchange, ended_at_s: float) -> None: ...


class NoAccessLog:
    """The operator switched it off."""

    def write(self, exchange: Exchange, ended_at_s: float) -> None:
        """Nothing."""


class LoggedAccess:
    """For people: through the process's logger, at once."""

    def __init__(self, log: Logger) -> None:
        self._log = log

    def write(self, exchange: Exchange, ended_at_s: float) -> None:
        """One record."""
        self._log.info("request", **_fields(exchange, ended_at_s))


class BatchedAccess:
    """For machines: JSON lines, written together. `run` belongs in the lifecycle's background."""

    def __init__(self, service: str, clock: Clock, stream: TextIO | None = None) -> None:
        self._service = service
        self._clock = clock
        self._stream = stream or sys.stdout
        self._lines: list[bytes] = []
        self.dropped = 0

    def write(self, exchange: Exchange, ended_at_s: float) -> None:
        """Keep the line for the next batch."""
        if len(self._lines) >= MAX_WAITING:
            self.dropped += 1
            return
        now = datetime.fromtimestamp(self._clock.unix_s(), UTC)
        self._lines.append(
            orjson.dumps(
                {
                    "time": now.isoformat(timespec="milliseconds"),
                    "level": "info",
                    "service": self._service,
                    "logger": "api_gateway.access",
                    "event": "request",
                    **_fields(exchange, ended_at_s),
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )
        )

    def flush(self) -> None:
        """Write what waits."""
        if self._lines:
            lines, self._lines = self._lines, []
            self._stream.write(b"".join(lines).decode())
            self._stream.flush()

    async def run(self) -> None:
        """Flush until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(FLUSH_INTERVAL_S)
                self.flush()
        finally:
            self.flush()


def _fields(exchange: Exchange, ended_at_s: float) -> dict[str, str | int | float | None]:
    caller, usage = exchange.caller, exchange.usage
    started_s, first_s = exchange.started_at_s, exchange.first_byte_at_s
    return {
        "request_id": exchange.request_id,
        "trace_id": exchange.trace.trace_id,
        "key_id": caller.key_id if caller else None,
        "tenant_id": caller.tenant_id if caller else None,
        "route": exchange.route,
        "model": exchange.model,
        "routed_to": exchange.routed_model,
        "lane": exchange.lane,
        "status": exchange.status,
        "error_type": exchange.error_type,
        "duration_ms": _ms(ended_at_s - started_s),
        "first_byte_ms": None if first_s is None else _ms(first_s - started_s),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
