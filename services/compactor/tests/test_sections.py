"""Where a conversation may be cut."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compactor.guarantees import last_user_message, orphans, without_orphans
from compactor.sections import (
    contains,
    cut,
    split_at_compaction,
    user_messages,
    without_standing,
)
from model_providers.token_estimate import estimate_items
from services.compactor.tests.conversations import (
    assistant,
    call,
    histories,
    result,
    system,
    user,
)
from wire.conversation import CompactionItem, Item, OtherItem, ReasoningItem

SEALED = CompactionItem("cmp1.x")


def tokens(item: Item) -> int:
    return estimate_items((item,))


def test_the_last_compaction_divides_and_earlier_ones_are_part_of_it() -> None:
    items = (user("A"), CompactionItem("cmp1.old"), assistant("B"), SEALED, user("C"))

    parts = split_at_compaction(items)

    assert parts.before == (user("A"), assistant("B"))
    assert parts.sealed == SEALED
    assert parts.after == (user("C"),)


def test_a_conversation_without_one_is_all_after() -> None:
    trigger = OtherItem("compaction_trigger", msgspec.Raw(b'{"type":"compaction_trigger"}'))

    parts = split_at_compaction((user("A"), trigger))

    assert (parts.before, parts.sealed, parts.after) == ((), None, (user("A"),))


def test_a_roomy_budget_keeps_earlier_exchanges_whole() -> None:
    items = (user("A"), assistant("B"), user("C"), assistant("D"), user("E"))

    assert cut(items, 1000, tokens).folded == ()
    assert cut(items, tokens(user("E")) + 12, tokens).tail == items[2:]


def test_without_room_the_last_user_message_stays_alone() -> None:
    items = (user("A"), user("long question " * 50), call("1"), result("1"), assistant("D"))

    found = cut(items, 10, tokens)

    assert found.tail == (items[1],)
    assert found.folded == (items[0], *items[2:])
    assert not found.whole_exchange


def test_a_call_and_its_result_are_folded_or_kept_together() -> None:
    long = result("1", "x " * 500)
    items = (user("A"), call("1"), long, call("2"), result("2"), assistant("D"))

    found = cut(items, 60, tokens)

    assert found.tail == (user("A"), call("2"), result("2"), assistant("D"))
    assert found.folded == (call("1"), long)


def test_parallel_calls_and_their_reasoning_are_one_block() -> None:
    thought = ReasoningItem(("why",), "sealed")
    block = (thought, call("1"), call("2"), result("1"), result("2", "y " * 300))
    items = (user("A"), *block, assistant("B"))

    assert cut(items, 100, tokens).tail == (user("A"), assistant("B"))
    assert cut(items, 1000, tokens).tail == items


@given(histories(), st.integers(0, 400))
@pytest.mark.requirement("compaction:guarantee:whole-tool-pairs")
def test_no_cut_parts_a_call_from_its_result_or_loses_the_last_user_message(
    items: tuple[Item, ...], budget: int
) -> None:
    spoken = without_standing(items)

    found = cut(spoken, budget, tokens)

    assert orphans(found.tail) == []
    assert orphans(found.folded) == []
    assert last_user_message(found.tail) == last_user_message(spoken)
    whole = without_orphans(spoken)
    assert len(found.folded) + len(found.tail) == len(whole)


def test_standing_messages_and_users_are_told_apart() -> None:
    items = (system("S"), user("A"), assistant("B"))

    assert without_standing(items) == (user("A"), assistant("B"))
    assert user_messages(items) == (user("A"),)
    assert contains(items, user("A"))
    assert not contains(items, user("B"))
