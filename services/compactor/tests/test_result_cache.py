"""What was compacted lately."""

from __future__ import annotations

from compactor.result_cache import ResultCache
from service_kit.testing import FakeClock


def cache(clock: FakeClock | None = None, **changed: int) -> ResultCache[str]:
    bounds = {"max_entries": 3, "max_bytes": 100, **changed}
    return ResultCache(
        clock or FakeClock(),
        ttl_s=60,
        max_entries=bounds["max_entries"],
        max_bytes=bounds["max_bytes"],
    )


def test_a_value_is_remembered_for_its_time() -> None:
    clock = FakeClock()
    results = cache(clock)
    results.put(b"a", "A", size_bytes=10)

    clock.advance(59)
    assert results.get(b"a") == "A"

    clock.advance(1)
    assert results.get(b"a") is None
    assert len(results) == 0


def test_the_least_recently_used_goes_when_there_are_too_many() -> None:
    results = cache()
    for name in (b"a", b"b", b"c"):
        results.put(name, name.decode(), size_bytes=1)
    results.get(b"a")

    results.put(b"d", "d", size_bytes=1)

    assert [results.get(name) for name in (b"a", b"b", b"c", b"d")] == ["a", None, "c", "d"]


def test_bytes_are_bounded_and_counted_once_per_key() -> None:
    results = cache()
    for _ in range(5):
        results.put(b"a", "A", size_bytes=60)
    results.put(b"b", "B", size_bytes=60)

    assert results.get(b"a") is None
    assert results.get(b"b") == "B"


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    results = cache()
    results.put(b"b", "B", size_bytes=10)

    results.put(b"a", "A", size_bytes=101)

    assert results.get(b"a") is None
    assert results.get(b"b") == "B"
