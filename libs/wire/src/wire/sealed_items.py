"""The readable head of a sealed item: what everybody may know of it. Pure.

Only the compactor can tell whether it is true. Whoever forges it misleads nobody but themselves:
the item is refused when it is opened.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

import msgspec

PREFIX = "cmp1."
_LENGTH_BYTES = 2
_MOST_HEADER_BYTES = 1024
# No window is larger; a forged figure must not upset whoever adds it up.
_MOST_TOKENS = 10_000_000


class SealedHeader(msgspec.Struct, frozen=True, array_like=True):
    """`opens_to_tokens`: about what the item puts before a model; 0 in items of older versions.

    That is the memory and what it keeps verbatim, without system, developer and user messages that
    stand beside the item.
    """

    version: int
    key_id: str
    model_family: str
    created_unix_s: int
    level: str
    content_hash: bytes
    parent_hash: bytes
    opens_to_tokens: Annotated[int, msgspec.Meta(ge=0, le=_MOST_TOKENS)] = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SealedHeader).decode


def encode_header(header: SealedHeader) -> bytes:
    """The bytes that the seal vouches for."""
    return _encode(header)


def decode_header(data: bytes) -> SealedHeader:
    """Read a header of this or an older version; raises msgspec.DecodeError."""
    return _decode(data)


def opens_to_tokens(item: str) -> int | None:
    """What the item says it opens to; None where it does not say."""
    if not item.startswith(PREFIX):
        return None
    try:
        size = int.from_bytes(_first_bytes(item, _LENGTH_BYTES), "big")
        if size > _MOST_HEADER_BYTES:
            return None
        header = _decode(_first_bytes(item, _LENGTH_BYTES + size)[_LENGTH_BYTES:])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
    return header.opens_to_tokens or None


def _first_bytes(item: str, count: int) -> bytes:
    """The first bytes behind the prefix, without decoding the rest."""
    characters = -(-count // 3) * 4
    text = item[len(PREFIX) : len(PREFIX) + characters]
    return base64.urlsafe_b64decode(text)[:count]
