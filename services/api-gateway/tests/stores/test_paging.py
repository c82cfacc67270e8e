from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.stores.paging import MAX_PAGE_BYTES, Line, cut

SIZES = st.sampled_from([0, 1, MAX_PAGE_BYTES // 3, MAX_PAGE_BYTES, 2 * MAX_PAGE_BYTES])


@pytest.mark.requirement("stores:bounded")
@given(st.lists(SIZES, max_size=30), st.integers(1, 20))
def test_a_page_is_as_much_as_fits_and_never_empty(sizes: list[int], limit: int) -> None:
    lines = [Line(index, str(index), size) for index, size in enumerate(sizes)]

    kept, has_more = cut(lines, limit)

    total = sum(line.size_bytes for line in kept)
    assert list(kept) == lines[: len(kept)]
    assert has_more == (len(kept) < len(lines))
    assert len(kept) <= limit
    assert total <= MAX_PAGE_BYTES or len(kept) == 1
    assert kept or not lines
    if has_more:
        assert len(kept) == limit or total + lines[len(kept)].size_bytes > MAX_PAGE_BYTES
