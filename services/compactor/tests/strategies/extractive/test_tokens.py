"""Words of prose."""

from __future__ import annotations

from compactor.strategies.extractive.identifiers import IdentifierKind
from compactor.strategies.extractive.tokens import Token, read_token, tokens_of


def words(text: str) -> list[str]:
    return [token.text for token in tokens_of(text)]


def test_punctuation_around_words_goes_and_inside_them_stays() -> None:
    assert words("Hey, don't (really)... pay £1,200.50! OK?") == [
        "Hey", "don't", "really", "pay", "£1,200.50", "OK",
    ]  # fmt: skip


def test_flags_and_paths_keep_their_signs() -> None:
    assert words("run --force on /etc/hosts -") == ["run", "--force", "on", "/etc/hosts"]


def test_a_token_knows_what_it_is() -> None:
    token = read_token("HAT097")

    assert (token.kind, token.digit, token.capital) == (IdentifierKind.MIXED, True, True)
    assert read_token("never").negation
    assert read_token("I'm").first_person
    assert read_token("You").second_person
    assert read_token("Don’t").negation  # noqa: RUF001


def test_a_quotation_is_one_piece_of_several_words() -> None:
    token = Token.quotation('"The Left Hand of Darkness"')

    assert token.text == '"The Left Hand of Darkness"'
    assert token.words == 3


def test_scripts_without_blanks_are_cut_at_their_commas_and_weigh_by_length() -> None:
    found = tokens_of("我在里斯本住了三年，喜欢吃鱼。")  # noqa: RUF001

    assert [token.text for token in found] == ["我在里斯本住了三年", "喜欢吃鱼"]
    assert found[0].words > found[1].words > 1


def test_a_path_weighs_more_than_its_last_name() -> None:
    assert read_token("src/marshmallow/fields.py").words > read_token("fields.py").words
