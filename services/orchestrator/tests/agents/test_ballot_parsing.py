import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agents.ballot_parsing import BallotParseError, parse_ballot
from orchestrator.coordination.events import BallotPaper

FULL = '{"ranking":["A","B"],"approve":["A"],"reason":"clear","refined_answer":null}'


@pytest.mark.parametrize(
    "text",
    [
        FULL,
        f"```json\n{FULL}\n```",
        f"Here is my ballot:\n{FULL}\nThank you.",
        FULL.replace('"approve":["A"]', '"approve":"A"'),
        FULL.replace('"approve":["A"]', '"approve":true'),
        FULL.replace("{", '{"confidence":0.9,', 1),
    ],
)
def test_a_ballot_is_read_however_it_is_wrapped(text: str) -> None:
    assert parse_ballot(text) == BallotPaper(("A", "B"), ("A",), "clear", None)


def test_what_may_be_missing_is_empty() -> None:
    assert parse_ballot('{"ranking":["A"],"approve":false}') == BallotPaper(("A",))


def test_a_refined_answer_comes_through() -> None:
    text = FULL.replace("null", '"a {better} one"')

    assert parse_ballot(text).refined_answer == "a {better} one"


@pytest.mark.requirement("coordination:ballots:repair")
@pytest.mark.parametrize(
    "text",
    ["", "I vote for A", "{", '{"approve":["A"]}', '{"ranking":"A"}', '{"ranking":[1]}', "}{"],
)
def test_what_is_no_ballot_says_why(text: str) -> None:
    with pytest.raises(BallotParseError, match=r".+"):
        parse_ballot(text)


@given(st.text(max_size=300))
def test_any_text_is_a_ballot_or_a_parse_error(text: str) -> None:
    try:
        paper = parse_ballot(text)
    except BallotParseError:
        return
    assert isinstance(paper.ranking, tuple)
