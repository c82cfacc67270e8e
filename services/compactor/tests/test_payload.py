"""What a sealed item holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from hypothesis import given

from compactor.payload import (
    NativePart,
    Payload,
    decode_payload,
    decode_turns,
    encode_payload,
    encode_turns,
)
from compactor.turns import Turn
from services.compactor.tests.conversations import histories, system

if TYPE_CHECKING:
    from wire.conversation import Item

TURNS = (Turn("user", "Hi"), Turn("tool", "{}", "look", thinned=True))


@given(histories(8))
def test_a_payload_survives_with_items_of_every_kind(items: tuple[Item, ...]) -> None:
    payload = Payload(
        level="native",
        turns=TURNS,
        tail=items,
        standing=(system("S"),),
        leading=1,
        pinned=("Always so.",),
        native=NativePart("who", (msgspec.Raw(b'{"type":"compaction","x":1}'),)),
        original_tokens=10,
    )

    encoded = encode_payload(payload)

    assert encode_payload(decode_payload(encoded)) == encoded


def test_turns_alone_survive_too() -> None:
    assert decode_turns(encode_turns(TURNS)) == TURNS


def test_a_newer_writers_field_is_ignored() -> None:
    written = encode_payload(Payload(level="summary", turns=TURNS))
    newer = written[:-1] + b',"from_the_future":[1]}'

    assert decode_payload(newer).turns == TURNS
