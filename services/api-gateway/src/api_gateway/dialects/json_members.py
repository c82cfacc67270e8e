"""The top-level members of a JSON object, taken apart and put together without being read.

Each value stays the bytes its writer wrote. Of members with the same name the last counts, as it
does for whoever reads the object typed; so what was checked is what is passed on.
"""

from __future__ import annotations

import msgspec

Members = dict[str, msgspec.Raw]

FALSE = msgspec.Raw(b"false")

_DECODER = msgspec.json.Decoder(Members)
_encode = msgspec.json.Encoder().encode


def split(data: bytes) -> Members:
    """The members in their order.

    Raises:
        msgspec.DecodeError: not a JSON object. Also see `openai_errors.JSON_PROBLEMS`.
    """
    return _DECODER.decode(data)


def check_encoding(members: Members) -> None:
    """What is kept or written into JSON of ours must be UTF-8 also where nobody reads it.

    Raises:
        UnicodeDecodeError: it is not. Also see `openai_errors.JSON_PROBLEMS`.
    """
    for raw in members.values():
        bytes(raw).decode()


def join(members: Members) -> bytes:
    """One object of these members."""
    pieces: list[bytes | msgspec.Raw] = []
    lead = b"{"
    for name, raw in members.items():
        pieces += (lead, _encode(name), b":", raw)
        lead = b","
    return b"".join((*pieces, b"}" if pieces else b"{}"))


def text(value: str) -> msgspec.Raw:
    """A string as a member's value."""
    return msgspec.Raw(_encode(value))
