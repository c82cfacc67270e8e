"""What holds of every window."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from compactor.guarantees import (
    at_turn_boundary,
    ends_well,
    last_user_message,
    lost_messages,
    orphans,
    same_message,
    standing_messages,
    with_merged_roles,
    without_orphans,
)
from services.compactor.tests.conversations import (
    assistant,
    call,
    histories,
    result,
    system,
    user,
)
from wire.conversation import Item, Message, OtherItem, ReasoningItem, TextPart


@pytest.mark.requirement("compaction:guarantee:whole-tool-pairs")
def test_a_call_without_its_result_and_a_result_without_its_call_both_go() -> None:
    items = (user("Hi"), call("lost"), call("kept"), result("kept"), result("stray"))

    assert without_orphans(items) == (items[0], items[2], items[3])
    assert orphans(items) == ["lost", "stray"]


def test_a_reused_call_id_pairs_with_its_own_turn() -> None:
    items = (call("1"), result("1", "first"), user("again"), call("1"), result("1", "second"))

    assert without_orphans(items) == items


def test_a_result_before_its_call_is_an_orphan() -> None:
    assert without_orphans((result("1"), call("1"))) == ()


def test_hosted_calls_have_no_result_to_wait_for() -> None:
    search = OtherItem("web_search_call", msgspec.Raw(b'{"id":"ws_1","status":"completed"}'))

    assert without_orphans((user("Hi"), search)) == (user("Hi"), search)


def test_a_shell_call_needs_its_output() -> None:
    shell = OtherItem("local_shell_call", msgspec.Raw(b'{"call_id":"s"}'))
    output = OtherItem("local_shell_call_output", msgspec.Raw(b'{"call_id":"s"}'))

    assert without_orphans((shell,)) == ()
    assert without_orphans((shell, output)) == (shell, output)


def test_reasoning_stays_only_before_what_it_led_to() -> None:
    thought = ReasoningItem(("so",), "sealed")

    assert without_orphans((thought, assistant("Yes"))) == (thought, assistant("Yes"))
    assert without_orphans((thought, user("No"))) == (user("No"),)
    assert without_orphans((thought, call("lost"))) == ()


@given(histories())
@pytest.mark.requirement("compaction:guarantee:whole-tool-pairs")
def test_no_history_keeps_an_orphan_and_mending_twice_changes_nothing(
    items: tuple[Item, ...],
) -> None:
    mended = without_orphans(items)

    assert orphans(mended) == []
    assert without_orphans(mended) == mended


def test_standing_messages_are_those_of_system_and_developer() -> None:
    developer = Message("developer", (TextPart("Use tabs."),))

    assert standing_messages((system("A"), user("B"), developer)) == (system("A"), developer)


def test_a_changed_or_missing_standing_message_is_noticed() -> None:
    before = (system("A"), user("B"), assistant("C"), user("D"))

    assert lost_messages(before, (system("A"), user("D"))) == []
    assert lost_messages(before, (system("A!"), user("D"))) == [system("A")]
    assert lost_messages(before, (system("A"), user("B"))) == [user("D")]


def test_only_the_conversations_own_end_may_be_an_assistants() -> None:
    assert ends_well((user("A"), assistant("B")), (user("A"), assistant("B")))
    assert ends_well((assistant("summary"), user("A")), (user("A"),))
    assert not ends_well((user("A"), assistant("summary")), (user("A"),))


def test_adjacent_messages_of_one_role_are_joined_part_by_part() -> None:
    joined = with_merged_roles((user("A"), user("B"), assistant("C"), user("D")))

    assert joined == (
        Message("user", (TextPart("A"), TextPart("B"))),
        assistant("C"),
        user("D"),
    )


def test_a_turn_is_over_when_no_tool_result_waits_to_be_read() -> None:
    assert at_turn_boundary((user("A"),))
    assert at_turn_boundary((user("A"), call("1"), result("1"), assistant("B")))
    assert not at_turn_boundary((user("A"), call("1"), result("1")))


def test_the_last_user_message_is_found_behind_later_items() -> None:
    assert last_user_message((user("A"), user("B"), assistant("C"))) == user("B")
    assert last_user_message((assistant("C"),)) is None


def test_a_servers_id_does_not_make_another_message() -> None:
    assert same_message(Message("user", (TextPart("A"),), id="msg_1"), user("A"))
