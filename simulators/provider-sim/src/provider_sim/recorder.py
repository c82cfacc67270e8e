"""The exact record of every request: the third witness beside client log and ledger."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from provider_sim.json_types import JsonObject, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Outcome: TypeAlias = Literal["active", "completed", "client_closed", "faulted", "rejected"]


@dataclass(slots=True)
class Exchange:
    """One request. Token counts are what the vendor bills: what was generated, nothing more."""

    sequence: int
    vendor_request_id: str
    client_request_id: str | None
    request_id: str | None
    path: str
    started_s: float
    started_unix_s: float
    body_bytes: int = 0
    body: bytes | None = None
    model: str = ""
    dialect: str = ""
    kind: str = ""
    stream: bool = False
    prompt_hash: str = ""
    persona: str = ""
    status: int = 0
    faults: tuple[str, ...] = ()
    first_byte_s: float | None = None
    ended_s: float | None = None
    outcome: Outcome = "active"
    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    finish_reason: str | None = None

    @property
    def id(self) -> str:
        return self.client_request_id or self.request_id or self.vendor_request_id

    def as_json(self, *, bodies: bool = False) -> JsonObject:
        ended, closed = self.ended_s, self.outcome == "client_closed"
        after_ms = None if ended is None else round((ended - self.started_s) * 1000, 3)
        wall_offset_s = self.started_unix_s - self.started_s
        line: JsonObject = {
            "sequence": self.sequence,
            "id": self.id,
            "client_request_id": self.client_request_id,
            "request_id": self.request_id,
            "vendor_request_id": self.vendor_request_id,
            "path": self.path,
            "model": self.model,
            "dialect": self.dialect,
            "kind": self.kind,
            "stream": self.stream,
            "persona": self.persona,
            "status": self.status,
            "outcome": self.outcome,
            "faults": list(self.faults),
            "finish_reason": self.finish_reason,
            "started_s": self.started_s,
            "first_byte_s": self.first_byte_s,
            "ended_s": ended,
            "started_unix_s": self.started_unix_s,
            "ended_unix_s": None if ended is None else ended + wall_offset_s,
            "duration_ms": after_ms,
            "close_detected_ms": after_ms if closed else None,
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "completion_tokens": self.completion_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            "prompt_hash": self.prompt_hash,
            "body_bytes": self.body_bytes,
        }
        if bodies and self.body is not None:
            line["body"] = _decoded(self.body)
        return line


@dataclass(frozen=True, slots=True)
class Clocks:
    monotonic_s: Callable[[], float]
    unix_s: Callable[[], float]


class Recorder:
    """Keeps the latest exchanges; older ones fall out."""

    def __init__(self, most: int, clocks: Clocks, *, keep_bodies: bool) -> None:
        self._exchanges: deque[Exchange] = deque()
        self._by_id: dict[str, Exchange] = {}
        self._most = most
        self._clocks = clocks
        self._keep_bodies = keep_bodies
        self._sequence = itertools.count(1)
        self.total = 0
        self.completed = 0
        self.aborted = 0
        self.active = 0
        self.idle = asyncio.Event()
        """Set while no exchange is active; `busy` while one is."""
        self.idle.set()
        self.busy = asyncio.Event()

    def open(
        self,
        path: str,
        *,
        vendor_request_id: str,
        client_request_id: str | None,
        request_id: str | None,
    ) -> Exchange:
        exchange = Exchange(
            sequence=next(self._sequence),
            vendor_request_id=vendor_request_id,
            client_request_id=client_request_id,
            request_id=request_id,
            path=path,
            started_s=self._clocks.monotonic_s(),
            started_unix_s=self._clocks.unix_s(),
        )
        self._exchanges.append(exchange)
        for name in (vendor_request_id, client_request_id, request_id):
            if name:
                self._by_id[name] = exchange
        if len(self._exchanges) > self._most:
            self._forget(self._exchanges.popleft())
        self.total += 1
        self.active += 1
        self.idle.clear()
        self.busy.set()
        return exchange

    def note_body(self, exchange: Exchange, body: bytes) -> None:
        exchange.body_bytes = len(body)
        exchange.body = body if self._keep_bodies else None

    def first_byte(self, exchange: Exchange) -> None:
        if exchange.first_byte_s is None:
            exchange.first_byte_s = self._clocks.monotonic_s()

    def close(self, exchange: Exchange, outcome: Outcome) -> None:
        """End the exchange; only the first end counts."""
        if exchange.outcome != "active":
            return
        exchange.ended_s = self._clocks.monotonic_s()
        exchange.outcome = outcome
        if outcome != "completed":
            exchange.finish_reason = None
        self.active -= 1
        if not self.active:
            self.busy.clear()
            self.idle.set()
        self.completed += outcome == "completed"
        self.aborted += outcome == "client_closed"

    def _forget(self, exchange: Exchange) -> None:
        names = (exchange.vendor_request_id, exchange.client_request_id, exchange.request_id)
        for name in names:
            if name and self._by_id.get(name) is exchange:
                del self._by_id[name]

    def find(self, name: str) -> Exchange | None:
        return self._by_id.get(name)

    def since(self, sequence: int, model: str | None) -> Iterator[Exchange]:
        for exchange in self._exchanges:
            if exchange.sequence > sequence and (model is None or exchange.model == model):
                yield exchange

    def clear(self) -> None:
        """Forget what is over; what is still running stays."""
        running = [exchange for exchange in self._exchanges if exchange.outcome == "active"]
        for exchange in list(self._exchanges):
            self._forget(exchange)
        self._exchanges = deque(running)
        for exchange in running:
            self._by_id[exchange.id] = exchange
        self.total = self.active
        self.completed = self.aborted = 0


def _decoded(body: bytes) -> str | JsonObject:
    try:
        value = loads(body)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else body.decode("utf-8", "replace")
