"""What was compacted lately, by what went in; bounded in number, bytes and age."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from service_kit.clock import Clock

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[ValueT]):
    value: ValueT
    size_bytes: int
    expires_at_s: float


class ResultCache(Generic[ValueT]):
    def __init__(self, clock: Clock, *, ttl_s: float, max_entries: int, max_bytes: int) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[bytes, _Entry[ValueT]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> ValueT | None:
        """The value, unless it has expired."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at_s <= self._clock.monotonic_s():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    def put(self, key: bytes, value: ValueT, *, size_bytes: int) -> None:
        """Remember a value; the least recently used ones go when it is too much."""
        self._drop(key)
        if size_bytes > self._max_bytes:
            return
        expires_at_s = self._clock.monotonic_s() + self._ttl_s
        self._entries[key] = _Entry(value, size_bytes, expires_at_s)
        self._bytes += size_bytes
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size_bytes
