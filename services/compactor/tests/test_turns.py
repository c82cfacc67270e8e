"""Items as turns."""

from __future__ import annotations

import msgspec

from compactor.turns import Turn, full_text, passages_of, text_of_parts, turns_of
from services.compactor.tests.conversations import assistant, call, result, system, user
from wire.conversation import (
    AudioPart,
    FilePart,
    ImagePart,
    Message,
    OtherItem,
    ReasoningItem,
    RefusalPart,
    TextPart,
)


def test_messages_calls_and_results_become_turns_in_order() -> None:
    items = (
        system("Rules"),
        user("Find it"),
        ReasoningItem(("hm",), "sealed"),
        call("1", "find", '{"q":"it"}'),
        result("1", "found"),
        assistant("Here"),
    )

    assert turns_of(items) == [
        Turn("user", "Find it"),
        Turn("call", '{"q":"it"}', "find"),
        Turn("tool", "found", "find"),
        Turn("assistant", "Here"),
    ]


def test_what_is_no_text_is_named() -> None:
    parts = (
        TextPart("Look:"),
        ImagePart("data:image/png;base64,xx"),
        AudioPart("xx", "wav"),
        FilePart("a.pdf", "xx"),
        FilePart(),
        RefusalPart("No."),
    )

    assert text_of_parts(parts) == "Look:\n[image]\n[audio]\n[file a.pdf]\n[file]\nNo."
    assert turns_of((Message("user", parts),))[0].speaker == "user"


def test_items_we_do_not_interpret_are_kept_as_their_json() -> None:
    shell = OtherItem("local_shell_call", msgspec.Raw(b'{"command":"ls"}'))
    search = OtherItem("web_search_call", msgspec.Raw(b"{}"))

    turns = turns_of((shell, search))

    assert [(turn.speaker, turn.name) for turn in turns] == [("call", "local_shell_call")]
    assert '{"command":"ls"}' in turns[0].text


def test_empty_turns_are_no_turns() -> None:
    assert turns_of((user("  "), assistant(""))) == []


def test_a_call_reads_as_its_name_and_arguments() -> None:
    turns = [Turn("call", "{}", "find"), Turn("tool", "x", "find")]

    assert full_text(turns[0]) == "find {}"
    assert [passage.text for passage in passages_of(turns)] == ["find {}", "x"]
    assert [passage.index for passage in passages_of(turns, [1])] == [1]
