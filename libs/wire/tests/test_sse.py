"""SSE frames and their reader, against streams built from the standard's grammar."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wire.sse import (
    DONE_FRAME,
    EventTooLargeError,
    SseEvent,
    SseReader,
    comment_frame,
    data_frame,
    named_frame,
)

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class WrittenStream:
    """A stream as bytes, and the events that a reader must find in it."""

    raw: bytes
    events: list[SseEvent]


line_text = st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=("Cs",)), max_size=20
)
names = st.text("abcdefghij.:_-", min_size=1, max_size=12)
line_ends = st.sampled_from([b"\n", b"\r", b"\r\n"])


@st.composite
def streams(draw: st.DrawFn) -> WrittenStream:
    raw = bytearray(draw(st.sampled_from([b"", BYTE_ORDER_MARK])))
    events: list[SseEvent] = []
    last_id = ""
    for _ in range(draw(st.integers(0, 4))):
        end = draw(line_ends)
        lines: list[bytes] = []
        if draw(st.booleans()):
            lines.append(b": " + draw(line_text).encode())
        name = draw(st.none() | names)
        if name is not None:
            lines.append(b"event: " + name.encode())
        event_id = draw(st.none() | st.integers(0, 10**6).map(str))
        if event_id is not None:
            last_id = event_id
            lines.append(b"id: " + event_id.encode())
        data = draw(st.lists(line_text, max_size=3))
        lines += [b"data: " + line.encode() for line in data]
        raw += b"".join(line + end for line in lines) + end
        if data:
            events.append(SseEvent("\n".join(data).encode(), name or "", last_id))
    # A CR at the very end might be half of a CRLF: only a byte after it tells.
    return WrittenStream(bytes(raw) + b": end\n", events)


def read(raw: bytes, cuts: list[int]) -> list[SseEvent]:
    reader = SseReader()
    places = sorted({min(cut, len(raw)) for cut in cuts} | {0, len(raw)})
    pieces = [raw[start:end] for start, end in pairwise(places)]
    return [event for piece in pieces for event in reader.feed(piece)]


def feed_often(reader: SseReader, chunk: bytes) -> None:
    for _ in range(20):
        list(reader.feed(chunk))


@pytest.mark.requirement("wire:sse:any-cut")
@given(streams(), st.lists(st.integers(0, 400), max_size=12))
@example(WrittenStream(b"data: a\r\n\r\ndata: b\r\r", [SseEvent(b"a")]), [8, 9, 10, 11])
@example(WrittenStream(b"\xef\xbb\xbfdata: a\n\n", [SseEvent(b"a")]), [1, 2])
def test_a_stream_cut_anywhere_reads_as_the_same_events(
    stream: WrittenStream, cuts: list[int]
) -> None:
    assert read(stream.raw, cuts) == stream.events


@given(streams())
def test_a_stream_read_byte_by_byte_reads_as_the_same_events(stream: WrittenStream) -> None:
    assert read(stream.raw, list(range(len(stream.raw)))) == stream.events


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_arbitrary_bytes_read_the_same_however_they_are_cut(raw: bytes, cuts: list[int]) -> None:
    assert read(raw, cuts) == read(raw, [])


def test_a_byte_order_mark_after_the_start_belongs_to_its_line() -> None:
    reader = SseReader()

    events = [*reader.feed(b"\n"), *reader.feed(BYTE_ORDER_MARK + b"data: a\n\n")]

    assert events == []


def test_data_loses_one_leading_space_only() -> None:
    assert read(b"data:  two\n\ndata:none\n\n", []) == [SseEvent(b" two"), SseEvent(b"none")]


def test_a_line_without_colon_is_a_field_with_an_empty_value() -> None:
    assert read(b"data\ndata\n\n", []) == [SseEvent(b"\n")]


def test_an_event_without_data_is_not_dispatched_and_its_name_is_forgotten() -> None:
    assert read(b"event: lost\n\ndata: a\n\n", []) == [SseEvent(b"a")]


def test_the_id_stays_until_another_is_given() -> None:
    events = read(b"id: 7\ndata: a\n\ndata: b\n\nid: 8\ndata: c\n\n", [])

    assert [event.id for event in events] == ["7", "7", "8"]


def test_an_unterminated_event_is_dropped_and_told() -> None:
    reader = SseReader()

    events = list(reader.feed(b"data: whole\n\ndata: cut"))

    assert events == [SseEvent(b"whole")]
    assert reader.has_tail


def test_a_complete_stream_has_no_tail() -> None:
    reader = SseReader()

    list(reader.feed(b"data: a\n\n"))

    assert not reader.has_tail


@pytest.mark.requirement("wire:sse:bounded")
def test_a_line_without_end_is_refused() -> None:
    reader = SseReader(max_event_bytes=1000)

    with pytest.raises(EventTooLargeError):
        feed_often(reader, b"data: " + b"x" * 100)


@pytest.mark.requirement("wire:sse:bounded")
def test_an_event_of_many_lines_is_refused() -> None:
    reader = SseReader(max_event_bytes=1000)

    with pytest.raises(EventTooLargeError):
        feed_often(reader, b"data: " + b"x" * 100 + b"\n")


@pytest.mark.requirement("wire:sse:bounded")
@pytest.mark.parametrize("line", [b"data:\n", b"data\n", b"data: \r\n"])
def test_an_event_of_many_empty_lines_is_refused(line: bytes) -> None:
    reader = SseReader(max_event_bytes=1000)

    with pytest.raises(EventTooLargeError):
        feed_often(reader, line * 100)


@given(
    st.lists(st.tuples(names, st.text('abc{}:,"é✓', max_size=20), st.integers(0, 9999))),
)
def test_frames_we_write_are_the_events_we_read(written: list[tuple[str, str, int]]) -> None:
    frames = [named_frame(name, data.encode(), number) for name, data, number in written]

    events = read(comment_frame("alive").join([b"", *frames, b""]), [3, 50, 51])

    assert events == [SseEvent(data.encode(), name, str(number)) for name, data, number in written]


def test_the_done_frame_is_a_nameless_event() -> None:
    assert read(data_frame(b"{}") + DONE_FRAME, []) == [SseEvent(b"{}"), SseEvent(b"[DONE]")]
