"""Tokens tile the text."""

from hypothesis import given
from hypothesis import strategies as st

from provider_sim.token_counter import count_tokens, pieces


@given(st.text(max_size=300))
def test_pieces_concatenate_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert count_tokens(text) == len(pieces(text))


def test_prose_has_about_a_token_per_word() -> None:
    assert count_tokens("The quick brown fox jumps over 12 lazy dogs.") == 10
