"""What is worth keeping."""

from __future__ import annotations

from compactor.strategies.extractive.passages import Passage, Speaker
from compactor.strategies.extractive.units import Unit, units_of
from compactor.strategies.extractive.worth import appraise, machine_share


def appraised(*said: tuple[Speaker, str]) -> list[Unit]:
    passages = [Passage(place, speaker, text) for place, (speaker, text) in enumerate(said)]
    units = [
        unit
        for place, passage in enumerate(passages)
        for unit in units_of(place, passage.text, machine_made=passage.speaker == "tool")
    ]
    appraise(passages, units)
    return units


def worth(units: list[Unit], text: str, passage: int = 0) -> float:
    return next(
        piece.worth
        for unit in units
        for piece in unit.pieces
        if piece.text == text and unit.passage == passage
    )


def test_rare_words_outweigh_everyday_ones_and_those_small_talk_and_grammar() -> None:
    ranked = ["alpaca", "kitchen", "amazing", "the"]

    worths = [worth(appraised(("user", f"Then the {w} was there.")), w) for w in ranked]

    assert worths == sorted(worths, reverse=True)


def test_words_of_a_phrase_lift_each_other() -> None:
    units = appraised(("user", "I met an alpaca breeder and an alpaca and an old breeder"))

    phrase, apart = (piece.worth for piece in units[0].pieces if piece.text == "alpaca")
    assert phrase > 2 * apart


def test_what_follows_a_preposition_is_worth_more() -> None:
    units = appraised(("user", "I keep the alpacas on terraces while terraces are here"))

    where, what = (piece.worth for piece in units[0].pieces if piece.text == "terraces")
    assert where > 2 * what


def test_where_no_word_of_grammar_is_known_neighbours_say_nothing() -> None:
    """Otherwise a language without a list would be the most informative of all."""
    known = appraised(("user", "we have a blue llama farm and it is the best"))
    unknown = appraised(("user", "mamy niebieską llama fermę która jest najlepsza"))

    assert worth(known, "llama") > 1.5 * worth(unknown, "llama")


def test_a_statement_about_oneself_outweighs_a_question_to_the_other() -> None:
    units = appraised(("user", "I adopted an alpaca"), ("assistant", "You like any walrus today?"))

    assert worth(units, "alpaca") > worth(units, "walrus", 1)


def test_a_word_said_everywhere_is_worth_little() -> None:
    said: list[tuple[Speaker, str]] = [("user", f"Marcus bought gadget{n}") for n in range(60)]

    units = appraised(*said, ("user", "Marcus bought trombones"))

    assert worth(units, "Marcus", 60) < 0.1 * worth(units, "trombones", 60)


def test_long_answers_of_an_assistant_give_way_to_what_the_user_says() -> None:
    lecture = "Alpacas eat hay and grass and some minerals in summer. " * 12
    units = appraised(("user", "Our alpacas eat hay"), ("assistant", lecture))

    assert worth(units, "hay") > 2 * worth(units, "hay", 1)


def test_an_identifier_that_people_speak_of_lifts_its_neighbours() -> None:
    row = '{"order": "A1001", "card": "C9001"}'
    other = '{"order": "B2002", "card": "D8002"}'
    units = appraised(("tool", row), ("tool", other), ("user", "Please refund A1001"))

    assert worth(units, "C9001") > worth(units, "D8002", 1)


def test_an_identifier_lives_where_the_user_said_it() -> None:
    units = appraised(("tool", '{"id": "A1001"}'), ("user", "My id is A1001"))

    assert worth(units, "A1001", 1) > 3 * worth(units, "A1001")


def test_a_line_read_again_is_worth_nothing_the_first_time() -> None:
    line = "def read_all(path_name): return parse_file(path_name)"
    units = appraised(("tool", line), ("assistant", "Again."), ("tool", line))

    assert worth(units, "read_all") < 0.2 * worth(units, "read_all", 2)


def test_emphasis_multiplies() -> None:
    passages = [Passage(0, "user", "An alpaca", emphasis=2.0), Passage(1, "user", "A walrus")]
    units = [unit for p in passages for unit in units_of(p.index, p.text, machine_made=False)]

    appraise(passages, units)

    assert worth(units, "alpaca") > 1.5 * worth(units, "walrus", 1)


def test_the_share_of_tools_is_counted_in_passages() -> None:
    passages = [Passage(0, "user", "x"), Passage(1, "call", "x"), Passage(2, "tool", "x")]

    assert machine_share(passages) == 2 / 3
    assert machine_share([]) == 0
