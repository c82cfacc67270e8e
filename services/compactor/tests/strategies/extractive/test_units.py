"""Passages cut into units."""

from __future__ import annotations

import json

from compactor.strategies.extractive.units import Form, units_of


def forms(text: str, *, machine_made: bool = False) -> list[tuple[Form, str]]:
    return [(unit.form, unit.text) for unit in units_of(0, text, machine_made=machine_made)]


def test_prose_is_cut_into_sentences() -> None:
    assert forms('I came. "Why?" she asked... Nobody knew!\nNext line') == [
        (Form.PROSE, "I came."),
        (Form.PROSE, '"Why?"'),
        (Form.PROSE, "she asked..."),
        (Form.PROSE, "Nobody knew!"),
        (Form.PROSE, "Next line"),
    ]


def test_fenced_and_indented_lines_are_code_and_stay_whole() -> None:
    text = "Try this:\n```py\nfor x in items:\n    print(x)\n```\nIt works."

    assert forms(text) == [
        (Form.PROSE, "Try this:"),
        (Form.LINE, "for x in items:"),
        (Form.LINE, "    print(x)"),
        (Form.PROSE, "It works."),
    ]


def test_of_a_line_the_identifiers_may_stay_alone() -> None:
    (unit,) = units_of(0, "  File main.py, line 120, in read_all()", machine_made=True)

    assert unit.form is Form.LINE
    assert [piece.text for piece in unit.pieces] == ["main.py", "120", "read_all"]


def test_json_becomes_records_of_facts() -> None:
    text = json.dumps(
        {
            "user": "sofia_kim_7287",
            "vip": False,
            "trips": [{"to": "DTW", "bags": 2}, {"to": "SEA", "bags": 0}],
            "codes": ["A1", "B2"],
        }
    )

    units = units_of(0, text, machine_made=True)

    assert [unit.text for unit in units] == [
        "user=sofia_kim_7287 vip=false codes=A1,B2",
        "trips: to=DTW bags=2",
        "trips: to=SEA bags=0",
    ]
    assert [piece.text for piece in units[0].pieces] == [
        "sofia_kim_7287", "vip=false", "A1", "B2",
    ]  # fmt: skip
    assert [piece.text for piece in units[1].pieces] == ["DTW", "bags=2"]


def test_a_key_that_is_an_identifier_is_kept_like_a_value() -> None:
    (unit,) = units_of(0, '{"card_4711": {"kind": "visa"}}', machine_made=True)

    assert [piece.text for piece in unit.pieces] == ["card_4711", "kind=visa"]


def test_long_texts_in_json_are_prose_again() -> None:
    text = json.dumps({"id": "A12", "body": "The quick fox ran. " * 12})

    assert {unit.form for unit in units_of(0, text, machine_made=True)} == {
        Form.RECORD,
        Form.PROSE,
    }


def test_broken_or_deep_json_is_no_accident() -> None:
    assert forms('{"a": [1, 2') == [(Form.LINE, '{"a": [1, 2')]
    deep = "[" * 40 + "1" + "]" * 40
    assert units_of(0, deep, machine_made=True)
    assert forms("[" * 100_000)


def test_quotations_are_single_pieces() -> None:
    (unit,) = units_of(0, 'I read "The Left Hand of Darkness" twice', machine_made=False)

    assert [piece.text for piece in unit.pieces] == [
        "I", "read", '"The Left Hand of Darkness"', "twice",
    ]  # fmt: skip


def test_nothing_gives_nothing() -> None:
    assert forms("") == forms(" \n \n") == []
