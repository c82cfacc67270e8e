"""What a sealed item holds. Pure.

Always a portable part that any model can continue from; beside it, where a vendor compacted, its
own items for follow-ups with that vendor. Newer versions may add fields; a reader ignores those
it does not know.
"""

from __future__ import annotations

import msgspec

from compactor.turns import Turn
from wire.conversation import CompactedBy, Item, Message


class NativePart(msgspec.Struct, frozen=True, omit_defaults=True, array_like=True):
    """A vendor's own output items as JSON, and who can read them: provider, place, model, key."""

    affinity: str
    items: tuple[msgspec.Raw, ...]


class Payload(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One compaction.

    `turns` is the history, oldest first, up to where `tail` begins; `tail` is verbatim and holds
    the last user message. `standing`: the system and developer messages, verbatim; the first
    `leading` of them opened the conversation.
    `summary` covers the first `summarised` turns. `blob` names the whole history where `turns`
    had to be thinned. `original_tokens` counts the whole conversation this stands for.
    `tokens_after`: the whole window when it was made; `item_tokens`: what the item itself adds to
    it. `room_tokens`: what may stand in a window beside the standing messages when it is opened, so
    that it never opens to more than it was made for; 0: as much as fits.
    """

    level: CompactedBy
    turns: tuple[Turn, ...] = ()
    tail: tuple[Item, ...] = ()
    standing: tuple[Message, ...] = ()
    leading: int = 0
    pinned: tuple[str, ...] = ()
    summary: str = ""
    summarised: int = 0
    native: NativePart | None = None
    blob: str | None = None
    original_tokens: int = 0
    tokens_after: int = 0
    item_tokens: int = 0
    room_tokens: int = 0
    generation: int = 1


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Payload)
_turns_decoder = msgspec.json.Decoder(tuple[Turn, ...])


def encode_payload(payload: Payload) -> bytes:
    """JSON, because items hold JSON verbatim; it is compressed afterwards."""
    return _encoder.encode(payload)


def decode_payload(data: bytes) -> Payload:
    """Read a payload of this or an older version."""
    return _decoder.decode(data)


def encode_turns(turns: tuple[Turn, ...]) -> bytes:
    """A history by itself, for the blob store."""
    return _encoder.encode(turns)


def decode_turns(data: bytes) -> tuple[Turn, ...]:
    """A history out of the blob store."""
    return _turns_decoder.decode(data)
