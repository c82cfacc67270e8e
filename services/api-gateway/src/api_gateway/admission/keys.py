"""API keys: how they look, how they are made, what is kept of them."""

from __future__ import annotations

import hashlib
import secrets

PREFIX = "sk-conclave-"
_ENTROPY_BYTES = 32
_HINT_CHARACTERS = 4
# Source: RFC 2104.
_BLOCK_BYTES = 64
_INNER = bytes(each ^ 0x36 for each in range(256))
_OUTER = bytes(each ^ 0x5C for each in range(256))


def new_key() -> str:
    """256 random bits behind a prefix that scanners of leaked secrets recognise."""
    return PREFIX + secrets.token_urlsafe(_ENTROPY_BYTES)


def digest_of(key: str, pepper: bytes) -> bytes:
    """What is kept: without the pepper nobody can test a guess against it."""
    return KeyDigest(pepper).of(key)


class KeyDigest:
    """HMAC-SHA256 under one pepper, whose part of the work is done once.

    Every request pays for a digest; `hmac.digest` takes four times as long.
    """

    def __init__(self, pepper: bytes) -> None:
        key = hashlib.sha256(pepper).digest() if len(pepper) > _BLOCK_BYTES else pepper
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(padded.translate(_INNER))
        self._outer = hashlib.sha256(padded.translate(_OUTER))

    def of(self, key: str) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(key.encode("utf-8", "surrogateescape"))
        outer.update(inner.digest())
        return outer.digest()


def hint_of(key: str) -> str:
    """Enough for people to tell their keys apart."""
    visible = key.removeprefix(PREFIX)[:_HINT_CHARACTERS]
    return f"{PREFIX if key.startswith(PREFIX) else ''}{visible}…"
