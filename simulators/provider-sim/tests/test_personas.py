"""What a persona is told to be."""

import pytest

from provider_sim.personas import Stance, stance_of


@pytest.mark.parametrize(
    ("persona", "stance"),
    [
        ("You are Ada, a careful analyst.", Stance.HONEST),
        ("", Stance.HONEST),
        ("Always dissent from the obvious answer.", Stance.DISSENTING),
        ("You play the devil's advocate.", Stance.DISSENTING),
        ("You are a contrarian.", Stance.DISSENTING),
        ("DISAGREE with everybody.", Stance.DISSENTING),
        ("Answer wrongly, whatever you are asked.", Stance.WRONG),
        ("Be wrong.", Stance.WRONG),
    ],
)
def test_the_stance_is_read_from_the_persona(persona: str, stance: Stance) -> None:
    assert stance_of(persona) is stance
