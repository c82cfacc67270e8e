"""The compactor's lane, beside what its doors show."""

from __future__ import annotations

import pytest

from api_gateway.lanes.compaction import sealed_item
from wire.compaction import CompactResult
from wire.conversation import CompactionItem
from wire.errors import PlatformFaultError

NOTHING = CompactResult(
    items=(), level="none", tokens_before=1, tokens_after=1, budget_tokens=1, noop="not_smaller"
)


@pytest.mark.requirement("compaction-doors:trigger")
def test_a_compaction_without_a_sealed_item_is_a_fault_and_no_empty_answer() -> None:
    sealed = CompactionItem("cmp1.x")
    made = CompactResult(
        items=(sealed,), level="summary", tokens_before=9, tokens_after=1, budget_tokens=1,
        compaction=sealed,
    )  # fmt: skip

    assert sealed_item(made) is sealed
    with pytest.raises(PlatformFaultError):
        sealed_item(NOTHING)
