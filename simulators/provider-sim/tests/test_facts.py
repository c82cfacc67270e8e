"""Statements of fact in a text."""

import pytest

from provider_sim.facts import facts_in

TEXT = """User: The code of BOX-3 is K7QX. Nice weather, is it not?
Assistant: Noted. I put it into /srv/app-1/notes.md.
## Progress
- The deadline is 14 March.
The deadline is 14 March.
<conversation>
My sister is called Anna.
I like it a lot.
"""


def test_what_cannot_be_guessed_is_a_fact() -> None:
    assert facts_in(TEXT) == [
        "The code of BOX-3 is K7QX.",
        "- The deadline is 14 March.",
        "The deadline is 14 March.",
        "My sister is called Anna.",
    ]


@pytest.mark.parametrize(
    "text", ["", "Is BOX-3 K7?", "# The code is K7", "word " * 80 + "is K7", "K7", "It is fine."]
)
def test_questions_headings_and_small_talk_are_none(text: str) -> None:
    assert facts_in(text) == []
