"""The record."""

import pytest

from provider_sim.recorder import Clocks, Exchange, Recorder


def recorder_of(most: int = 10, *, keep_bodies: bool = False) -> Recorder:
    return Recorder(most, Clocks(lambda: 100.0, lambda: 5_000.0), keep_bodies=keep_bodies)


def opened(recorder: Recorder, name: str | None = None) -> Exchange:
    vendor = f"req_sim_{recorder.total}"
    return recorder.open("/v1/x", vendor_request_id=vendor, client_request_id=name, request_id=None)


@pytest.mark.requirement("provider-sim:record")
def test_an_exchange_ends_once() -> None:
    recorder = recorder_of()
    exchange = opened(recorder, "a")

    recorder.close(exchange, "client_closed")
    recorder.close(exchange, "completed")

    assert exchange.outcome == "client_closed"
    assert (recorder.total, recorder.active, recorder.aborted, recorder.completed) == (1, 0, 1, 0)


def test_the_record_is_bounded_and_forgets_the_oldest() -> None:
    recorder = recorder_of(3)
    for name in "abcde":
        recorder.close(opened(recorder, name), "completed")

    assert [exchange.id for exchange in recorder.since(0, None)] == ["c", "d", "e"]
    assert recorder.find("a") is None
    assert recorder.find("e") is not None
    assert recorder.total == 5


def test_it_is_filtered_by_sequence_and_model() -> None:
    recorder = recorder_of()
    for model in ("a", "b", "a"):
        opened(recorder).model = model

    assert [e.sequence for e in recorder.since(1, None)] == [2, 3]
    assert [e.sequence for e in recorder.since(0, "a")] == [1, 3]


def test_clearing_keeps_what_is_running() -> None:
    recorder = recorder_of()
    running, done = opened(recorder, "running"), opened(recorder, "done")
    recorder.close(done, "completed")

    recorder.clear()

    assert [exchange.id for exchange in recorder.since(0, None)] == ["running"]
    assert recorder.find("done") is None
    recorder.close(running, "completed")
    assert (recorder.total, recorder.active) == (1, 0)
    assert recorder.idle.is_set()


def test_times_are_monotonic_and_unix() -> None:
    recorder = recorder_of()
    exchange = opened(recorder, "a")
    recorder.close(exchange, "completed")

    line = exchange.as_json()

    assert (line["started_s"], line["ended_s"]) == (100.0, 100.0)
    assert (line["started_unix_s"], line["ended_unix_s"]) == (5000.0, 5000.0)


def test_bodies_are_kept_only_when_asked() -> None:
    for keep in (True, False):
        recorder = recorder_of(keep_bodies=keep)
        exchange = opened(recorder)
        recorder.note_body(exchange, b'{"a":1}')

        assert exchange.as_json(bodies=True).get("body") == ({"a": 1} if keep else None)
        assert exchange.body_bytes == 7
