"""What is kept beside sealed items."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from compactor.blobs import BlobStore, DirectoryBlobs, MemoryBlobs
from service_kit.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


@pytest.fixture(params=["memory", "directory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    clock = FakeClock()
    if request.param == "memory":
        return MemoryBlobs(clock, ttl_s=100, max_bytes=10)
    return DirectoryBlobs(tmp_path, clock, ttl_s=100, max_bytes=10)


async def test_a_blob_comes_back_by_its_name(store: BlobStore) -> None:
    await store.put(A, b"12345")
    await store.put(A, b"12345")

    assert await store.get(A) == b"12345"
    assert await store.get(B) is None


async def test_memory_lets_the_longest_unused_go() -> None:
    store = MemoryBlobs(FakeClock(), ttl_s=100, max_bytes=10)
    await store.put(A, b"1234")
    await store.put(B, b"1234")
    await store.get(A)

    await store.put(C, b"1234")

    assert [await store.get(name) for name in (A, B, C)] == [b"1234", None, b"1234"]


async def test_memory_forgets_after_its_time() -> None:
    clock = FakeClock()
    store = MemoryBlobs(clock, ttl_s=100, max_bytes=10)
    await store.put(A, b"1")

    clock.advance(101)

    assert await store.get(A) is None
    assert await store.sweep() == 1


async def test_a_directory_is_swept_by_age_and_size(tmp_path: Path) -> None:
    clock = FakeClock(unix_s=1_000_000)
    store = DirectoryBlobs(tmp_path, clock, ttl_s=100, max_bytes=10)
    for name, used_s in ((A, 999_800), (B, 999_950), (C, 999_990)):
        await store.put(name, b"123456")
        os.utime(tmp_path / name[:2] / name, (used_s, used_s))

    assert await store.sweep() == 2

    assert [await store.get(name) for name in (A, B, C)] == [None, None, b"123456"]


async def test_use_keeps_a_file_young(tmp_path: Path) -> None:
    store = DirectoryBlobs(tmp_path, FakeClock(), ttl_s=100, max_bytes=10)
    await store.put(A, b"1")
    path = tmp_path / A[:2] / A
    os.utime(path, (5, 5))

    await store.get(A)

    assert path.stat().st_mtime > 5


async def test_a_name_cannot_leave_the_directory(tmp_path: Path) -> None:
    store = DirectoryBlobs(tmp_path, FakeClock(), ttl_s=100, max_bytes=10)

    with pytest.raises(ValueError, match="not the name"):
        await store.put("../" * 20, b"x")
