"""What is too large for a sealed item: kept beside it for a while, by name, sealed itself.

A name depends on the content and the tenant's key, so equal content is kept once and a name tells
nothing. Losing a blob costs recall and pictures, never the conversation: the sealed item holds a
condensed form of all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service_kit.clock import Clock

_NAME = re.compile(r"[0-9a-f]{64}")
_SWEEP_EVERY_S = 600.0


class BlobStore(Protocol):
    """Bytes by name. `get` returns None for what is gone."""

    async def put(self, name: str, blob: bytes) -> None: ...

    async def get(self, name: str) -> bytes | None: ...

    async def sweep(self) -> int: ...


class MemoryBlobs:
    """For a process without a directory: bounded, and gone with the process."""

    def __init__(self, clock: Clock, *, ttl_s: float, max_bytes: int) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._max_bytes = max_bytes
        self._bytes = 0
        self._blobs: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    async def put(self, name: str, blob: bytes) -> None:
        """Keep a blob, or keep it longer."""
        self._drop(name)
        self._blobs[name] = (self._clock.monotonic_s() + self._ttl_s, blob)
        self._bytes += len(blob)
        while self._bytes > self._max_bytes and self._blobs:
            self._drop(next(iter(self._blobs)))

    async def get(self, name: str) -> bytes | None:
        """A blob that has not expired."""
        found = self._blobs.get(name)
        if found is None or found[0] <= self._clock.monotonic_s():
            return None
        self._blobs.move_to_end(name)
        return found[1]

    async def sweep(self) -> int:
        """Drop what has expired."""
        now_s = self._clock.monotonic_s()
        expired = [name for name, (until_s, _) in self._blobs.items() if until_s <= now_s]
        for name in expired:
            self._drop(name)
        return len(expired)

    def _drop(self, name: str) -> None:
        dropped = self._blobs.pop(name, None)
        if dropped is not None:
            self._bytes -= len(dropped[1])


class DirectoryBlobs:
    """Files below a directory, which replicas may share. A file's age counts from its last use."""

    def __init__(self, directory: Path, clock: Clock, *, ttl_s: float, max_bytes: int) -> None:
        self._directory = directory
        self._clock = clock
        self._ttl_s = ttl_s
        self._max_bytes = max_bytes

    async def put(self, name: str, blob: bytes) -> None:
        """Write a blob, or touch the one that is there."""
        await asyncio.to_thread(self._write, self._path(name), blob)

    async def get(self, name: str) -> bytes | None:
        """Read a blob and make it young again."""
        return await asyncio.to_thread(self._read, self._path(name))

    async def sweep(self) -> int:
        """Delete what has expired, then the oldest until the rest fits."""
        return await asyncio.to_thread(self._sweep)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:80]!r} is not the name of a blob")
        return self._directory / name[:2] / name

    def _write(self, path: Path, blob: bytes) -> None:
        if path.exists():
            path.touch()
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(blob)
        Path(file.name).replace(path)

    def _read(self, path: Path) -> bytes | None:
        try:
            blob = path.read_bytes()
            path.touch()
        except OSError:
            return None
        return blob

    def _sweep(self) -> int:
        now_s = self._clock.unix_s()
        files = sorted(self._files())
        expired = [path for used_s, _, path in files if used_s + self._ttl_s <= now_s]
        kept = files[len(expired) :]
        surplus = sum(size for _, size, _ in kept) - self._max_bytes
        for _, size, path in kept:
            if surplus <= 0:
                break
            expired.append(path)
            surplus -= size
        for path in expired:
            path.unlink(missing_ok=True)
        return len(expired)

    def _files(self) -> Iterable[tuple[float, int, Path]]:
        for path in self._directory.glob("*/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                yield status.st_mtime, status.st_size, path


async def sweep_forever(blobs: BlobStore) -> None:
    """For the process's background: tidy up now and then."""
    while True:
        await blobs.sweep()
        await asyncio.sleep(_SWEEP_EVERY_S)
