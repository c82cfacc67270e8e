"""What native compaction seals, opens and remembers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_sim.compaction import Vault, folded_text
from provider_sim.prompt import Message, ToolCall
from provider_sim.wire_errors import WireError

VAULT = Vault("org-a")


@given(st.text())
def test_what_is_sealed_can_be_opened(text: str) -> None:
    assert VAULT.open(VAULT.seal(text)) == text


@pytest.mark.requirement("provider-sim:native-compaction")
@pytest.mark.parametrize("sealed", ["", "x", "gAAAAsim", "gAAAAsim####", Vault("b").seal("text")])
def test_what_is_not_ones_own_cannot(sealed: str) -> None:
    with pytest.raises(WireError) as caught:
        VAULT.open(sealed)

    assert caught.value.code == "invalid_encrypted_content"


def test_a_changed_item_cannot_be_opened() -> None:
    sealed = VAULT.seal("BOX-3 is K7QX." * 9)

    for place in range(8, len(sealed) - 4, 7):
        other = "A" if sealed[place] != "A" else "B"
        with pytest.raises(WireError):
            VAULT.open(sealed[:place] + other + sealed[place + 1 :])


def test_facts_calls_and_first_words_are_remembered() -> None:
    text = folded_text(
        [
            Message("user", "USER-1 is here."),
            Message("assistant", "Well, one thing. The pin is 77."),
            Message("assistant", "", (ToolCall("c", "look", '{"at":1}'),)),
            Message("tool", "nothing to be seen at all in there today, sorry"),
        ]
    )

    assert text.splitlines() == [
        "The pin is 77.",
        'Called look with {"at":1}',
        "nothing to be seen at all in there",
    ]
