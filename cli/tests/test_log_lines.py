from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from conclave_cli.log_lines import MAX_LINE_CHARACTERS, LineSplitter, clean

printable = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["C"]))


@given(st.lists(printable, max_size=8), st.lists(st.integers(0, 400), max_size=8))
def test_lines_are_the_same_wherever_the_chunks_are_cut(lines: list[str], cuts: list[int]):
    data = "".join(f"{line}\n" for line in lines).encode()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    splitter = LineSplitter()

    got = [line for start, end in pairwise(edges) for line in splitter.feed(data[start:end])]

    assert got == lines


def test_a_last_line_without_end_is_told_once():
    splitter = LineSplitter()
    splitter.feed(b"whole\npart")

    assert splitter.rest() == ["part"]
    assert splitter.rest() == []


def test_a_line_without_end_is_not_kept_for_ever():
    splitter = LineSplitter()

    told = [line for _ in range(100) for line in splitter.feed(b"x" * 10_000)]

    assert told
    assert all(len(line) < 2 * MAX_LINE_CHARACTERS for line in told)


def test_control_codes_never_reach_the_terminal():
    assert clean(b"\x1b[2Jred\x07\r \xc2\x9bwide\ttab") == "[2Jred wide\ttab"
