"""A conversation as Anthropic's turns."""

from collections.abc import Iterable
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.anthropic_messages.blocks import TextBlock, ToolResultBlock, ToolUseBlock, Turn
from model_providers.anthropic_messages.transcript import Transcript, transcribe
from model_providers.tool_names import ToolName
from wire.conversation import (
    CompactionItem,
    ImagePart,
    Item,
    Message,
    OtherItem,
    ReasoningItem,
    Role,
    TextPart,
    ToolCall,
    ToolResult,
)
from wire.errors import PlatformFaultError

CALL = ToolCall("c1", "look", '{"at": 1}')
RESULT = ToolResult("c1", (TextPart("18C"),))


def says(role: Role, *said: str) -> Message:
    return Message(role, tuple(TextPart(text) for text in said))


def reminder(text: str) -> TextBlock:
    return TextBlock(f"<system-reminder>\n{text}\n</system-reminder>")


def transcript(items: Iterable[Item], *, late_system: bool = False) -> Transcript:
    return transcribe(items, names={}, images=True, late_system=late_system)


def turns(*items: Item) -> list[Turn]:
    return transcript(items).turns


@pytest.mark.requirement("providers:encode:lossless")
def test_what_comes_before_the_conversation_is_the_system_prompt() -> None:
    result = transcript((says("system", "A"), says("developer", "B", "C"), says("user", "hi")))

    assert result.system == [TextBlock("A"), TextBlock("BC")]
    assert result.turns == [Turn("user", [TextBlock("hi")])]


def test_later_instructions_stand_in_the_users_turn() -> None:
    result = turns(
        says("user", "one"),
        says("system", "in between"),
        says("user", "two"),
        says("assistant", "yes"),
        says("developer", "after"),
    )

    assert result == [
        Turn("user", [TextBlock("one"), reminder("in between"), TextBlock("two")]),
        Turn("assistant", [TextBlock("yes")]),
        Turn("user", [reminder("after")]),
    ]


def test_an_instruction_cannot_end_its_own_fence() -> None:
    [turn] = turns(says("user", "x"), says("developer", "a</system-reminder>b"))

    assert turn.content[1] == reminder("a&lt;/system-reminder>b")


def test_a_model_that_takes_late_system_messages_gets_the_trailing_ones_as_such() -> None:
    items = (says("user", "one"), says("developer", "A"), says("developer", "B"))

    late = transcript(items, late_system=True)
    behind_an_answer = transcript((*items[:1], says("assistant", "x"), items[1]), late_system=True)

    assert late.turns == [
        Turn("user", [TextBlock("one")]),
        Turn("system", [TextBlock("A"), TextBlock("B")]),
    ]
    assert behind_an_answer.turns[-1] == Turn("user", [reminder("A")])


@pytest.mark.requirement("providers:encode:prefix")
def test_the_conversation_ends_before_the_trailing_instructions() -> None:
    own = (says("user", "one"), says("assistant", "two"), says("user", "three"))

    ends = [
        transcript(items).conversation_end
        for items in (
            own,
            (*own, says("developer", "A"), says("developer", "B")),
            (*own[:2], says("developer", "A")),
            (says("system", "alone"),),
        )
    ]

    assert ends == [TextBlock("three"), TextBlock("three"), TextBlock("two"), None]


def test_results_lead_the_turn_behind_their_calls() -> None:
    second = ToolCall("c2", "look", "{}")
    result = turns(
        says("user", "go"),
        says("assistant", "looking"),
        CALL,
        second,
        says("assistant", "still"),
        says("developer", "hurry"),
        ToolResult("c2", ()),
        RESULT,
        says("user", "and?"),
    )

    assert [turn.role for turn in result] == ["user", "assistant", "user"]
    assert [type(block) for block in result[1].content] == [TextBlock] * 2 + [ToolUseBlock] * 2
    assert result[2].content == [
        ToolResultBlock("c2"),
        ToolResultBlock("c1", [TextBlock("18C")]),
        reminder("hurry"),
        TextBlock("and?"),
    ]


def test_a_call_without_a_result_gets_one_that_says_so() -> None:
    missing = ToolResultBlock("c1", [TextBlock("[no result]")], is_error=True)

    assert turns(says("user", "go"), CALL)[-1].content == [missing]
    assert turns(CALL, says("user", "go"))[-1].content == [missing, TextBlock("go")]
    assert turns(CALL, says("user", "go"), says("assistant", "x"))[2].content[0] == missing


def test_a_result_without_its_call_is_told() -> None:
    [turn] = turns(says("user", "go"), RESULT)

    assert turn.content[1:] == [
        TextBlock("[result of the tool call c1]"),
        TextBlock("18C"),
    ]


def test_ids_are_unique_and_in_the_vendors_letters() -> None:
    again = ToolCall("c:1", "look", "{}")
    result = turns(
        ToolCall("c:1", "look", "{}"), ToolResult("c:1", ()), again, ToolResult("c:1", ())
    )

    calls = [b.id for turn in result for b in turn.content if isinstance(b, ToolUseBlock)]
    results = [b.tool_use_id for t in result for b in t.content if isinstance(b, ToolResultBlock)]
    assert calls == results == ["c_1", "c_1_2"]


def test_a_conversation_of_one_id_and_one_voice_takes_no_quadratic_time() -> None:
    """Ten times the items, about ten times the work: counted, not timed."""
    calls = [item for _ in range(20_000) for item in (CALL, RESULT)]

    ids = {b.id for t in turns(*calls) for b in t.content if isinstance(b, ToolUseBlock)}
    [_, said, _] = turns(*(says("assistant", "x") for _ in range(50_000)))

    assert len(ids) == 20_000
    assert len(said.content) == 50_000


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (ToolCall("c", "f", '{ "a": 1 }'), b'{ "a": 1 }'),
        (ToolCall("c", "f", ""), b"{}"),
        (ToolCall("c", "f", "[1]"), b'{"input":"[1]"}'),
        (ToolCall("c", "f", '{"a":'), b'{"input":"{\\"a\\":"}'),
        (ToolCall("c", "f", '{"a":1}', "custom"), b'{"input":"{\\"a\\":1}"}'),
    ],
)
def test_arguments_are_an_object_whatever_they_were(call: ToolCall, expected: bytes) -> None:
    block = turns(says("user", "x"), call)[1].content[0]

    assert isinstance(block, ToolUseBlock)
    assert bytes(block.input) == expected


def test_a_tool_is_called_by_the_name_it_is_offered_under() -> None:
    names = {ToolName("look", "eyes"): "eyes__look", ToolName("a.b"): "a_b_2"}

    result = transcribe(
        (ToolCall("1", "look", "{}", namespace="eyes"), ToolCall("2", "a.b", "{}")),
        names=names,
        images=True,
        late_system=False,
    )

    assert result.called_names == ("eyes__look", "a_b_2")


def test_the_first_and_the_last_word_are_the_users() -> None:
    assert [turn.role for turn in turns(says("assistant", "hello"))] == [
        "user",
        "assistant",
        "user",
    ]
    assert [turn.role for turn in turns()] == ["user"]
    assert [turn.role for turn in turns(says("user", "  "))] == ["user"]


def test_foreign_items_are_told_and_foreign_thoughts_left_out() -> None:
    shell = OtherItem("local_shell_call", msgspec.Raw(b'{"cmd":"ls"}'))
    result = turns(says("user", "x"), ReasoningItem(("hm",), "sealed"), shell)

    assert result[1] == Turn("assistant", [TextBlock('[local_shell_call] {"cmd":"ls"}')])


def test_an_assistant_sends_no_pictures() -> None:
    said = Message("assistant", (ImagePart("https://x/y.png"), TextPart("look")))

    assert turns(says("user", "x"), said)[1].content == [
        TextBlock("[a part that assistants cannot send]"),
        TextBlock("look"),
    ]


def test_a_sealed_compaction_does_not_get_this_far() -> None:
    with pytest.raises(PlatformFaultError):
        turns(CompactionItem("cmp1.x"))


texts = st.sampled_from(["", " ", "hi", "<system-reminder>", "{}", "Grüße"])
ids = st.sampled_from(["a", "b", "a:1", "a_1", ""])
items = st.one_of(
    st.builds(says, st.sampled_from(["system", "developer", "user", "assistant"]), texts),
    st.builds(ToolCall, ids, st.sampled_from(["f", "g.h"]), st.sampled_from(["{}", "", "[", "x"])),
    st.builds(ToolResult, ids, texts.map(lambda text: (TextPart(text),))),
)


@given(st.lists(items, max_size=14), st.booleans())
def test_any_conversation_becomes_one_that_the_vendor_takes(
    conversation: list[Item],
    late: bool,  # noqa: FBT001 - drawn
) -> None:
    result = transcript(conversation, late_system=late).turns

    spoken = [turn.role for turn in result if turn.role != "system"]
    assert spoken[0] == spoken[-1] == "user"
    assert all(one != other for one, other in pairwise(spoken))
    for turn, following in zip(result, [*result[1:], Turn("user", [])], strict=True):
        calls = [b.id for b in turn.content if isinstance(b, ToolUseBlock)]
        heads = following.content[: len(calls)]
        answered = [b.tool_use_id for b in heads if isinstance(b, ToolResultBlock)]
        assert sorted(answered) == sorted(calls)
        assert turn.content
        assert all(b.text.strip() for b in turn.content if isinstance(b, TextBlock))
